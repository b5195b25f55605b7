# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Minimum-jerk path between two rest poses (Flash and Hogan), on which the arm moves home."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose

# Peaks of the polynomial 10 t^3 - 15 t^4 + 6 t^5 for unit time and unit distance.
PEAK_SPEED = 1.875
PEAK_ACCELERATION = 10 / np.sqrt(3)


class MinimumJerk:
    """A straight path from pose to pose, as fast as the limits allow."""

    joint_space = False

    def __init__(self, start: Pose, end: Pose, limits: ArmLimits) -> None:
        """Plan the path; the end is clamped to the limits."""
        self._start = start
        self.end = limits.clamped(end)
        self._translation, self._rotation = start.to(self.end)
        self.duration_s = least_time_s(self._translation, self._rotation, limits)

    def at(self, time_s: float) -> Pose:
        """Return the pose at a time since the start; after the duration, the end."""
        if time_s >= self.duration_s:
            return self.end
        return self.after(share_done(time_s, self.duration_s))

    def after(self, share: float | np.ndarray) -> Pose:
        """Return the pose after a share (...) of the path, 0 to 1."""
        share = np.asarray(share)[..., None]
        return self._start.translated(share * self._translation, share * self._rotation)


def share_done(time_s: float, duration_s: float) -> float:
    """Return the share of the path completed after a time, 0 to 1."""
    t = min(max(time_s, 0.0) / duration_s, 1.0) if duration_s > 0 else 1.0
    return t**3 * (10 - 15 * t + 6 * t**2)


def least_time_s(translation: np.ndarray, rotation: np.ndarray, limits: ArmLimits) -> float:
    """Return the shortest duration in which the longest of stacks (..., 3) keeps the limits."""
    return max(
        _least_time(_longest(translation), limits.max_speed, limits.max_acceleration),
        _least_time(_longest(rotation), limits.max_turn_speed, limits.max_turn_acceleration),
    )


def _longest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=-1).max())


def _least_time(distance: float, speed: float, acceleration: float) -> float:
    return max(
        PEAK_SPEED * distance / speed, float(np.sqrt(PEAK_ACCELERATION * distance / acceleration))
    )
