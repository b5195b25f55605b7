# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Two ways to open something: push a handle with the closed hand, or pull it with the fingers.

Each is a continuous function of geometry alone. The hand comes along the direction in which its
fingers point, and only while it is beside the handle, or has it between its fingers; then it
moves along the handle's way.
"""

from dataclasses import dataclass

import numpy as np

# Share of a distance that one decision covers, below the largest command.
GAIN = 0.7
# Distance in front of the handle at which the hand waits until it is in line [m].
IN_FRONT_M = 0.09
# Distances in front of its place at the handle between which the hand arrives there [m].
NEAR_M, THERE_M = 0.03, 0.015
# Distances from the line of approach between which the hand counts as on it [m]: at the handle;
# on the way to it; sideways with open fingers.
OFF_LINE_M, ON_LINE_M = 0.09, 0.06
AWAY_M, CLOSE_M = 0.05, 0.02
ASIDE_M, BETWEEN_M = 0.035, 0.018
# Distance beside a handle in contact from which the hand has room to pass it [m]; where it waits.
ROOM_M, BESIDE_M = 0.012, 0.02
# Openings of the gripper between which its fingers close on a handle, and pull it.
LOOSE, TIGHT = 0.8, 0.7
FREE, HELD = 0.95, 0.8
# Share of the way from which the hand slows down, and at which it stops.
SLOW_SHARE, STOP_SHARE = 0.96, 1.02
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Touch:
    """How the hand opens something.

    Attributes:
        yaw: direction to which the hand points, seen from above; 0: straight to the kitchen,
            positive: to the left [rad].
        depth: distance from the hand to the handle along that direction [m].
        speed: while it opens, as a share of the largest.
        grasp: whether the fingers close around the handle; else the closed hand pushes it.
        beside: distance from the handle's centre to the hand's in contact [m]; to push only.
        follow: change of ``yaw`` over the whole way [rad].

    """

    yaw: float
    depth: float
    speed: float
    grasp: bool = False
    beside: float = 0.0
    follow: float = 0.0


@dataclass(frozen=True)
class Relation:
    """The hand and the handle, in the frame of the robot's base.

    Attributes:
        ahead: direction in which the fingers point (3,), unit length.
        offset: from the handle to the hand (3,) [m].
        way: direction in which the handle moves to open (3,), unit length.
        share: of its way that the joint has covered.
        opening: of the gripper, 0 to 1.

    """

    ahead: np.ndarray
    offset: np.ndarray
    way: np.ndarray
    share: float
    opening: float

    @property
    def across(self) -> np.ndarray:
        """Offset without its part along ``ahead`` (3,) [m]."""
        return self.offset - (self.offset @ self.ahead) * self.ahead

    @property
    def side(self) -> np.ndarray:
        """Part of ``way`` across ``ahead`` (3,), unit length."""
        side = self.way - (self.way @ self.ahead) * self.ahead
        return side / np.linalg.norm(side)


def push(touch: Touch, at: Relation, largest: float) -> tuple[np.ndarray, float]:
    """Return translation (3,) [m], at most about ``largest`` long, and opening of the gripper."""
    depth = at.offset @ at.ahead + touch.depth
    there = ramp(depth, -NEAR_M, -THERE_M) * _in_line(at)
    third = np.cross(at.ahead, at.side)
    along, across = at.offset @ at.side, at.offset @ third
    beside = ramp(-along, touch.beside, touch.beside + ROOM_M)
    enter = max(beside, there) * ramp(abs(across), AWAY_M, CLOSE_M)
    aside = -touch.beside - BESIDE_M - along
    motion = (
        _inward(depth, enter) * at.ahead
        + (there * _speed(touch, at, largest) + (1 - there) * GAIN * aside) * at.side
        - GAIN * across * third
    )
    return motion, 0.0


def pull(touch: Touch, at: Relation, largest: float) -> tuple[np.ndarray, float]:
    """Return translation (3,) [m], at most about ``largest`` long, and opening of the gripper."""
    depth = at.offset @ at.ahead + touch.depth
    in_line, across = _in_line(at), at.across
    # Closed fingers hold a handle also where the hand slipped a little.
    gripped = ramp(at.opening, LOOSE, TIGHT) * ramp(depth, -NEAR_M - 0.02, -THERE_M - 0.02)
    there = in_line * max(ramp(depth, -NEAR_M, -THERE_M), gripped)
    sideways = np.cross(UP, at.ahead)
    sideways /= np.linalg.norm(sideways)
    aligned = ramp(abs(across @ sideways), ASIDE_M, BETWEEN_M)
    aligned *= ramp(float(np.linalg.norm(across)), OFF_LINE_M, AWAY_M)
    held = there * ramp(at.opening, FREE, HELD)
    # The fingers are independent, so a held handle may be beside the middle of the hand.
    across = across - held * (across @ at.side) * at.side
    motion = (
        _inward(depth, max(aligned, there)) * at.ahead
        - GAIN * across
        + held * _speed(touch, at, largest) * at.way
    )
    return motion, 1.0 - there


def ramp(value: float, zero: float, one: float) -> float:
    """Return 0 at ``zero``, 1 at ``one``, and between them in proportion."""
    return min(max((float(value) - zero) / (one - zero), 0.0), 1.0)


def _inward(depth: float, enter: float) -> float:
    return GAIN * (-IN_FRONT_M * (1 - enter) - depth)


def _in_line(at: Relation) -> float:
    return ramp(float(np.linalg.norm(at.across)), OFF_LINE_M, ON_LINE_M)


def _speed(touch: Touch, at: Relation, largest: float) -> float:
    return touch.speed * largest * ramp(at.share, STOP_SHARE, SLOW_SHARE)
