# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted operator of the simulated Panda: picks what it is told to, from the scene's truth."""

import enum

import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.limits import clip_norm
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_sim.panda.scene import THINGS

# Of a command at most [m, rad].
STEP, TURN = 0.02, 0.1
# Over the thing before the hand goes down, and where a thing counts as lifted [m].
ABOVE, LIFTED = 0.08, 0.08
# How near is near enough, sideways and in height [m], and in angle [rad].
NEAR, NEAR_HEIGHT, NEAR_ANGLE = 0.012, 0.006, 0.1
# Above a thing that should be in the hand [m].
LOST = 0.05
# Commands that a grasp takes.
GRASP = 12
# After the joints of arm and fingers; seven numbers for each thing, its position first.
FIRST_THING, PER_THING = 9, 7
# Of a command that lifts [m].
UP = 0.02


class Phase(enum.Enum):
    """What the hand is about."""

    APPROACH = 'approach'
    DESCEND = 'descend'
    GRASP = 'grasp'
    LIFT = 'lift'


def thing_in(instruction: str) -> str:
    """Return the thing that an instruction names.

    Raises:
        ConfigError: none, or more than one.

    """
    found = [name for name in THINGS if name in instruction]
    if len(found) != 1:
        raise ConfigError(f'instruction {instruction!r} names {found or "nothing"} of the scene; '
                          f'name one of {", ".join(THINGS)}')
    return found[0]


def place_of(name: str, positions: np.ndarray) -> tuple[np.ndarray, Rotation]:
    """Return where a thing is (3,) [m] and how it is turned, from the scene's joint positions."""
    first = FIRST_THING + PER_THING * list(THINGS).index(name)
    return (positions[first:first + 3],
            Rotation.from_quat(np.roll(positions[first + 3:first + PER_THING], -1)))


def lifted(name: str, positions: np.ndarray) -> bool:
    """Return whether a thing is held up: the truth, for experts, referees and tests."""
    return bool(place_of(name, positions)[0][2] > LIFTED)


class PickExpert:
    """Answers where the hand and the thing are with a command to execute and a label to learn."""

    def __init__(self, name: str, noise_std: float = 0.0, seed: int = 0) -> None:
        """Pick one thing.

        Args:
            name: one of `THINGS`.
            noise_std: of the Gaussian noise on the command, where 1 is its largest size; it fades
                towards the thing.
            seed: of the noise.

        """
        self.name, self.phase = name, Phase.APPROACH
        self._noise_std, self._random = noise_std, np.random.default_rng(seed)
        self._grasped = 0

    def act(self, hand: Pose, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return command and label, each (7,); ``positions`` are the scene's joint positions."""
        place, rotation = place_of(self.name, positions)
        turn = angle_to(hand, rotation, symmetric=THINGS[self.name].geom == 'box')
        aside = place[:2] - hand.position[:2]
        height = hand.position[2] - place[2]
        self._advance(aside, height, turn)
        down = {Phase.APPROACH: ABOVE - height, Phase.DESCEND: -height, Phase.GRASP: 0.0,
                Phase.LIFT: UP}[self.phase]
        held = self.phase in (Phase.GRASP, Phase.LIFT)
        label = np.zeros(7)
        label[:3] = clip_norm(np.array([*(0 * aside if held else aside), down]), STEP)
        label[5] = 0.0 if held else np.clip(turn, -TURN, TURN)
        label[6] = 0.0 if held else 1.0
        command = label.copy()
        if not held:
            fading = np.clip(height / ABOVE, 0, 1)
            noise = fading * self._noise_std * STEP * self._random.standard_normal(3)
            # A policy that takes the most of each direction must stay below the arm's max_step.
            command[:3] = clip_norm(command[:3] + noise, 1.2 * STEP)
        return command, label

    def _advance(self, aside: np.ndarray, height: float, turn: float) -> None:
        over = np.linalg.norm(aside) < NEAR and abs(turn) < NEAR_ANGLE
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
            # It slipped.
            self.phase, self._grasped = Phase.APPROACH, 0


def angle_to(hand: Pose, rotation: Rotation, symmetric: bool) -> float:
    """Return the shortest turn [rad] about the vertical that lays the fingers across a thing.

    Across its own x axis, along which it is longest; after a quarter turn the same if symmetric.
    """
    along = rotation.as_matrix()[:2, 0]
    fingers = hand.rotation.as_matrix()[:2, 1]
    # The fingers close along their y axis, which has to be at a right angle to the thing's x.
    angle = np.arctan2(along[1], along[0]) + np.pi / 2 - np.arctan2(fingers[1], fingers[0])
    period = np.pi / 2 if symmetric else np.pi
    return float((angle + period / 2) % period - period / 2)
