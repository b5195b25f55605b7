# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted experts of the table's tasks, which use the true state of the scene."""

from abc import ABC, abstractmethod
import enum

import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.limits import clip_norm
from irevla_control.arm.pose import Pose
from irevla_sim.panda.table.objects import BUTTON_HEIGHT, THINGS, TableState
from irevla_sim.panda.table.tasks import Kind, Task

# Largest translation [m] and rotation [rad] of a command.
STEP, TURN = 0.02, 0.1
# A policy may combine the largest values of all axes and must stay below max_step.
LONGEST = 1.2 * STEP
# Height above the object before the descent [m].
ABOVE = 0.08
# Tolerances sideways [m], in height [m] and in angle [rad].
NEAR, NEAR_HEIGHT, NEAR_ANGLE = 0.012, 0.006, 0.1
# Height above the object during the lift at which the object counts as lost [m].
LOST = 0.05
# Number of commands for a grasp, and for a release.
GRASP, RELEASE = 12, 8
# Height of the hand while it carries an object [m], and above the plate when it lets go [m].
CARRY, LET_GO = 0.12, 0.035
# Height of the closed fingers above the button before they press [m].
OVER_BUTTON = 0.04


class Phase(enum.Enum):
    """The phase of a task."""

    APPROACH = 'approach'
    DESCEND = 'descend'
    GRASP = 'grasp'
    LIFT = 'lift'
    CARRY = 'carry'
    LOWER = 'lower'
    RELEASE = 'release'
    PULL = 'pull'


class Expert(ABC):
    """Computes a command to execute and a label to learn from the true state."""

    def __init__(self, noise_std: float = 0.0, seed: int = 0) -> None:
        """Start a task.

        Args:
            noise_std: standard deviation of the noise on commands, where 1 is the largest step;
                it decreases towards the object.
            seed: seed of the noise.

        """
        self.phase = Phase.APPROACH
        self._noise_std, self._random = noise_std, np.random.default_rng(seed)
        self._waited = 0

    def act(self, hand: Pose, state: TableState) -> tuple[np.ndarray, np.ndarray]:
        """Return command and label, each (7,)."""
        label, fading = self._label(hand, state)
        command = label.copy()
        if fading > 0:
            noise = fading * self._noise_std * STEP * self._random.standard_normal(3)
            command[:3] = clip_norm(command[:3] + noise, LONGEST)
        return command, label

    @abstractmethod
    def _label(self, hand: Pose, state: TableState) -> tuple[np.ndarray, float]:
        """Return the label (7,) and the share of the noise, 0 to 1; advance the phase."""

    def _waits(self, count: int) -> bool:
        """Count a command at rest; return whether there were enough."""
        self._waited += 1
        if self._waited < count:
            return False
        self._waited = 0
        return True


class PickExpert(Expert):
    """Grasps an object across its long side and lifts it."""

    def __init__(self, name: str, noise_std: float = 0.0, seed: int = 0) -> None:
        """Pick one of `THINGS`."""
        super().__init__(noise_std, seed)
        self.name = name

    def _label(self, hand: Pose, state: TableState) -> tuple[np.ndarray, float]:
        place, rotation = state.thing(self.name)
        angle = angle_to(hand, rotation, symmetric=self.symmetric)
        aside = place[:2] - hand.position[:2]
        height = hand.position[2] - place[2]
        self._advance(aside, height, angle)
        if self.phase == Phase.GRASP:
            return action(np.zeros(3), closed=True), 0.0
        if self.phase == Phase.LIFT:
            return action([0, 0, STEP], closed=True), 0.0
        down = ABOVE - height if self.phase == Phase.APPROACH else -height
        label = action([*aside, down], turn=angle)
        return label, float(np.clip(height / ABOVE, 0, 1))

    @property
    def symmetric(self) -> bool:
        """Whether the object can be grasped across both of its axes."""
        thing = THINGS[self.name]
        x, y = thing.size.split()[:2]
        return thing.geom == 'cylinder' or (thing.geom == 'box' and x == y)

    def _advance(self, aside: np.ndarray, height: float, angle: float) -> None:
        over = np.linalg.norm(aside) < NEAR and abs(angle) < NEAR_ANGLE
        if self.phase == Phase.APPROACH and over and height < ABOVE + 2 * NEAR:
            self.phase = Phase.DESCEND
        elif self.phase == Phase.DESCEND and np.linalg.norm(aside) > 2 * NEAR:
            self.phase = Phase.APPROACH
        elif self.phase == Phase.DESCEND and over and height < NEAR_HEIGHT:
            self.phase = Phase.GRASP
        elif self.phase == Phase.GRASP and self._waits(GRASP):
            self.phase = Phase.LIFT
        elif self.phase == Phase.LIFT and height > LOST:
            # The object slipped out of the hand.
            self.phase = Phase.APPROACH


class PlaceExpert(PickExpert):
    """Picks an object, carries it over the plate, lowers it and lets go."""

    def _label(self, hand: Pose, state: TableState) -> tuple[np.ndarray, float]:
        place, _ = state.thing(self.name)
        if self.phase == Phase.LIFT and hand.position[2] > CARRY:
            self.phase = Phase.CARRY
        aside = state.fixture('plate') - place[:2]
        if self.phase in (Phase.CARRY, Phase.LOWER):
            if np.linalg.norm(hand.position - place) > LOST:
                self.phase = Phase.APPROACH
            elif self.phase == Phase.CARRY and np.linalg.norm(aside) < NEAR:
                self.phase = Phase.LOWER
            elif self.phase == Phase.LOWER and place[2] < LET_GO:
                self.phase = Phase.RELEASE
        if self.phase == Phase.CARRY:
            return action([*aside, CARRY - hand.position[2]], closed=True), 0.5
        if self.phase == Phase.LOWER:
            return action([*aside, LET_GO - NEAR_HEIGHT - place[2]], closed=True), 0.0
        if self.phase == Phase.RELEASE:
            if self._waits(RELEASE):
                # The task is done by then, unless the object lies beside the plate.
                self.phase = Phase.APPROACH
            return action(np.zeros(3)), 0.0
        return super()._label(hand, state)


class DrawerExpert(Expert):
    """Grasps the drawer's handle and pulls."""

    def _label(self, hand: Pose, state: TableState) -> tuple[np.ndarray, float]:
        away = state.handle - hand.position
        over = np.linalg.norm(away[:2]) < NEAR
        # The fingers close along their y axis, which is that of the handle at yaw 0.
        turn = angle_to(hand, Rotation.identity(), symmetric=False)
        if self.phase == Phase.APPROACH and over and abs(turn) < NEAR_ANGLE:
            if -away[2] < ABOVE + 2 * NEAR:
                self.phase = Phase.DESCEND
        elif self.phase == Phase.DESCEND and np.linalg.norm(away[:2]) > 2 * NEAR:
            self.phase = Phase.APPROACH
        elif self.phase == Phase.DESCEND and over and abs(away[2]) < NEAR_HEIGHT:
            self.phase = Phase.GRASP
        elif self.phase == Phase.GRASP and self._waits(GRASP):
            self.phase = Phase.PULL
        elif self.phase == Phase.PULL and np.linalg.norm(away) > LOST:
            # The handle slipped out of the hand.
            self.phase = Phase.APPROACH
        if self.phase == Phase.GRASP:
            return action(np.zeros(3), closed=True), 0.0
        if self.phase == Phase.PULL:
            return action([-STEP, 0, 0], closed=True), 0.0
        down = away[2] + (ABOVE if self.phase == Phase.APPROACH else 0.0)
        return action([*away[:2], down], turn=turn), float(np.clip(-away[2] / ABOVE, 0, 1))


class ButtonExpert(Expert):
    """Presses the button with closed fingers."""

    def _label(self, hand: Pose, state: TableState) -> tuple[np.ndarray, float]:
        aside = state.fixture('button') - hand.position[:2]
        height = hand.position[2] - BUTTON_HEIGHT
        if np.linalg.norm(aside) < NEAR and height < OVER_BUTTON + 2 * NEAR:
            self.phase = Phase.DESCEND
        elif np.linalg.norm(aside) > 2 * NEAR:
            self.phase = Phase.APPROACH
        down = -STEP if self.phase == Phase.DESCEND else OVER_BUTTON - height
        fading = (
            float(np.clip(height / OVER_BUTTON, 0, 1)) if self.phase == Phase.APPROACH else 0.0
        )
        return action([*aside, down], closed=True), fading


def expert_for(task: Task, noise_std: float = 0.0, seed: int = 0) -> Expert:
    """Return the expert of a task."""
    if task.kind == Kind.PICK:
        return PickExpert(task.thing, noise_std, seed)
    if task.kind == Kind.PLACE:
        return PlaceExpert(task.thing, noise_std, seed)
    return (DrawerExpert if task.kind == Kind.OPEN else ButtonExpert)(noise_std, seed)


def action(translation: np.ndarray | list, turn: float = 0.0, closed: bool = False) -> np.ndarray:
    """Return an action (7,) with this translation [m] and rotation [rad], within the largest."""
    return np.array(
        [
            *clip_norm(np.asarray(translation, float), STEP),
            0.0,
            0.0,
            float(np.clip(turn, -TURN, TURN)),
            0.0 if closed else 1.0,
        ]
    )


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
