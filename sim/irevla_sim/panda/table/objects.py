# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Objects and fixtures of the table, and where they are in the scene's joint positions."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class Thing:
    """An object that can be picked: attributes of a MuJoCo geom, `height` of its centre [m]."""

    geom: str
    size: str
    rgba: str
    mass: float
    height: float
    quaternion: str = '1 0 0 0'


BLOCK = '0.02 0.02 0.02'
LYING = '0.7071 0 0.7071 0'
# Objects of the demonstrations, objects that are learned by reinforcement, and objects on which
# nothing is trained.
BLOCKS = {
    'red block': Thing('box', BLOCK, '0.85 0.15 0.12 1', 0.05, 0.02),
    'green block': Thing('box', BLOCK, '0.15 0.65 0.2 1', 0.05, 0.02),
    'blue block': Thing('box', BLOCK, '0.12 0.3 0.85 1', 0.05, 0.02),
    'yellow block': Thing('box', BLOCK, '0.9 0.8 0.1 1', 0.05, 0.02),
}
NEW = {
    'eggplant': Thing('ellipsoid', '0.045 0.022 0.022', '0.35 0.1 0.4 1', 0.06, 0.022),
    'carrot': Thing('capsule', '0.014 0.045', '0.95 0.5 0.1 1', 0.05, 0.014, LYING),
}
UNSEEN = {
    'cucumber': Thing('capsule', '0.018 0.04', '0.2 0.45 0.15 1', 0.06, 0.018, LYING),
    'lemon': Thing('ellipsoid', '0.032 0.022 0.022', '0.95 0.9 0.3 1', 0.05, 0.022),
    'white bar': Thing('box', '0.04 0.014 0.014', '0.9 0.9 0.9 1', 0.05, 0.014),
    'pink can': Thing('cylinder', '0.022 0.03', '0.9 0.45 0.6 1', 0.05, 0.03),
    'purple block': Thing('box', '0.024 0.016 0.02', '0.55 0.2 0.75 1', 0.05, 0.02),
}
THINGS = BLOCKS | NEW | UNSEEN

# Joints of each fixture: its place on the table (x, y) [m], and what moves.
FIXTURES = {
    'plate': ('plate x', 'plate y'),
    'drawer': ('drawer x', 'drawer y', 'drawer'),
    'button': ('button x', 'button y', 'button'),
}
PLATE_RADIUS = 0.05
# The handle on the drawer's front in the fixture's frame (x, y), and the height to grasp it [m].
HANDLE_X, HANDLE_HEIGHT = -0.09, 0.045
# Travel of the drawer towards the robot, of the button downwards, and its height [m].
DRAWER_TRAVEL, BUTTON_TRAVEL, BUTTON_HEIGHT = 0.12, 0.012, 0.05

# Numbers of the robot (seven joints, two fingers), and of each free object: position, quaternion.
ROBOT, PER_THING = 9, 7
FINGERS = slice(7, 9)
_NUMBERS = {
    joint: ROBOT + PER_THING * len(THINGS) + number
    for number, joint in enumerate(joint for joints in FIXTURES.values() for joint in joints)
}
POSITIONS = ROBOT + PER_THING * len(THINGS) + len(_NUMBERS)


class TableState:
    """Reads the joint positions (`POSITIONS`,) of the scene."""

    def __init__(self, positions: np.ndarray) -> None:
        """Read these positions; later changes of the array are seen."""
        self._positions = positions

    def thing(self, name: str) -> tuple[np.ndarray, Rotation]:
        """Return position (3,) [m] and rotation of an object."""
        first = ROBOT + PER_THING * list(THINGS).index(name)
        pose = self._positions[first : first + PER_THING]
        return pose[:3], Rotation.from_quat(np.roll(pose[3:], -1))

    def fixture(self, name: str) -> np.ndarray:
        """Return the place (2,) [m] of a fixture on the table."""
        return np.array([self._positions[_NUMBERS[joint]] for joint in FIXTURES[name][:2]])

    def moved(self, name: str) -> float:
        """Return how far the moving part of a fixture has moved [m]."""
        return float(self._positions[_NUMBERS[FIXTURES[name][2]]])

    @property
    def handle(self) -> np.ndarray:
        """The drawer's handle (3,) [m]."""
        x, y = self.fixture('drawer')
        return np.array([x + HANDLE_X - self.moved('drawer'), y, HANDLE_HEIGHT])

    @property
    def fingers(self) -> float:
        """The opening of the hand [m]."""
        return float(self._positions[FINGERS].sum())
