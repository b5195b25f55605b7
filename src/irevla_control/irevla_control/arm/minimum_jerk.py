# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The smoothest way between two rests (Flash and Hogan): how the arm goes home."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose

# Peaks of the polynomial 10 t^3 - 15 t^4 + 6 t^5 over a unit of time and way.
PEAK_SPEED = 1.875
PEAK_ACCELERATION = 10 / np.sqrt(3)


class MinimumJerk:
    """A path from pose to pose, as fast as the limits allow."""

    joint_space = False

    def __init__(self, start: Pose, end: Pose, limits: ArmLimits) -> None:
        """Plan it; the end is led into the limits."""
        self._start = start
        self.end = limits.clamped(end)
        self._way, self._turn = start.to(self.end)
        self.duration_s = least_time_s(self._way, self._turn, limits)

    def at(self, time_s: float) -> Pose:
        """Return the pose at a time since the start; afterwards the end."""
        if time_s >= self.duration_s:
            return self.end
        return self.after(share_done(time_s, self.duration_s))

    def after(self, share: np.ndarray) -> Pose:
        """Return the pose after a share (...) of the way."""
        share = np.asarray(share)[..., None]
        return self._start.moved(share * self._way, share * self._turn)


def share_done(time_s: float, duration_s: float) -> float:
    """Return the share of a way that is done after a time."""
    t = min(max(time_s, 0.0) / duration_s, 1.0) if duration_s > 0 else 1.0
    return t ** 3 * (10 - 15 * t + 6 * t ** 2)


def least_time_s(way: np.ndarray, turn: np.ndarray, limits: ArmLimits) -> float:
    """Return the least duration of ways and turns (..., 3) within the limits, of the longest."""
    return max(
        _least_time(_longest(way), limits.max_speed, limits.max_acceleration),
        _least_time(_longest(turn), limits.max_turn_speed, limits.max_turn_acceleration))


def _longest(vectors: np.ndarray) -> float:
    return float(np.linalg.norm(vectors, axis=-1).max())


def _least_time(way: float, speed: float, acceleration: float) -> float:
    return max(PEAK_SPEED * way / speed, float(np.sqrt(PEAK_ACCELERATION * way / acceleration)))
