# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted operator of the simulated Panda: picks an object by the true state of the scene."""

import enum

import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.limits import clip_norm
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_sim.panda.scene import THINGS

# Largest translation [m] and rotation [rad] of a command.
STEP, TURN = 0.02, 0.1
# Height above the object before the descent, and height at which an object counts as lifted [m].
ABOVE, LIFTED = 0.08, 0.08
# Tolerances sideways [m], in height [m] and in angle [rad].
NEAR, NEAR_HEIGHT, NEAR_ANGLE = 0.012, 0.006, 0.1
# Height above the object during the lift at which the object counts as lost [m].
LOST = 0.05
# Number of commands for a grasp.
GRASP = 12
# Index of the first object in the joint positions, and numbers per object, its position first.
FIRST_THING, PER_THING = 9, 7
# Translation of a command that lifts [m].
UP = 0.02


class Phase(enum.Enum):
    """The phase of a pick."""

    APPROACH = 'approach'
    DESCEND = 'descend'
    GRASP = 'grasp'
    LIFT = 'lift'


def thing_in(instruction: str) -> str:
    """Return the object that an instruction names.

    Raises:
        ConfigError: it names none, or more than one.

    """
    found = [name for name in THINGS if name in instruction]
    if len(found) != 1:
        raise ConfigError(
            f'instruction {instruction!r} names {found or "nothing"} of the scene; '
            f'name one of {", ".join(THINGS)}'
        )
    return found[0]


def place_of(name: str, positions: np.ndarray) -> tuple[np.ndarray, Rotation]:
    """Return position (3,) [m] and rotation of an object, from the scene's joint positions."""
    first = FIRST_THING + PER_THING * list(THINGS).index(name)
    return (
        positions[first : first + 3],
        Rotation.from_quat(np.roll(positions[first + 3 : first + PER_THING], -1)),
    )


def lifted(name: str, positions: np.ndarray) -> bool:
    """Return whether an object is lifted, by the true state of the scene."""
    return bool(place_of(name, positions)[0][2] > LIFTED)


class PickExpert:
    """Computes a command to execute and a label to learn from the poses of hand and object."""

    def __init__(self, name: str, noise_std: float = 0.0, seed: int = 0) -> None:
        """Pick one object.

        Args:
            name: one of `THINGS`.
            noise_std: standard deviation of the noise on commands, where 1 is the largest step;
                it decreases towards the object.
            seed: seed of the noise.

        """
        self.name, self.phase = name, Phase.APPROACH
        self._noise_std, self._random = noise_std, np.random.default_rng(seed)
        self._grasped = 0

    def act(self, hand: Pose, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return command and label, each (7,); ``positions`` are the scene's joint positions."""
        place, rotation = place_of(self.name, positions)
        angle = angle_to(hand, rotation, symmetric=THINGS[self.name].geom == 'box')
        aside = place[:2] - hand.position[:2]
        height = hand.position[2] - place[2]
        self._advance(aside, height, angle)
        down = {
            Phase.APPROACH: ABOVE - height,
            Phase.DESCEND: -height,
            Phase.GRASP: 0.0,
            Phase.LIFT: UP,
        }[self.phase]
        closed = self.phase in (Phase.GRASP, Phase.LIFT)
        label = np.zeros(7)
        label[:3] = clip_norm(np.array([*(0 * aside if closed else aside), down]), STEP)
        label[5] = 0.0 if closed else np.clip(angle, -TURN, TURN)
        label[6] = 0.0 if closed else 1.0
        command = label.copy()
        if not closed:
            fading = np.clip(height / ABOVE, 0, 1)
            noise = fading * self._noise_std * STEP * self._random.standard_normal(3)
            # A policy may combine the largest values of all axes and must stay below max_step.
            command[:3] = clip_norm(command[:3] + noise, 1.2 * STEP)
        return command, label

    def _advance(self, aside: np.ndarray, height: float, angle: float) -> None:
        over = np.linalg.norm(aside) < NEAR and abs(angle) < NEAR_ANGLE
        if self.phase == Phase.APPROACH and over and height < ABOVE + 2 * NEAR:
            self.phase = Phase.DESCEND
        elif self.phase == Phase.DESCEND and np.linalg.norm(aside) > 2 * NEAR:
            self.phase = Phase.APPROACH
        elif self.phase == Phase.DESCEND and over and height < NEAR_HEIGHT:
            self.phase = Phase.GRASP
        elif self.phase == Phase.GRASP:
            self._grasped += 1
            if self._grasped >= GRASP:
                self.phase = Phase.LIFT
        elif self.phase == Phase.LIFT and height > LOST:
            # The object slipped out of the hand.
            self.phase, self._grasped = Phase.APPROACH, 0


def angle_to(hand: Pose, rotation: Rotation, symmetric: bool) -> float:
    """Return the shortest rotation [rad] about the vertical to grasp across an object's x axis.

    The x axis is the longest one; a symmetric object has a period of a quarter turn.
    """
    along = rotation.as_matrix()[:2, 0]
    fingers = hand.rotation.as_matrix()[:2, 1]
    # The fingers close along their y axis, which must be perpendicular to the object's x axis.
    angle = np.arctan2(along[1], along[0]) + np.pi / 2 - np.arctan2(fingers[1], fingers[0])
    period = np.pi / 2 if symmetric else np.pi
    return float((angle + period / 2) % period - period / 2)
