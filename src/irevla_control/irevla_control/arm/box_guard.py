# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps the arm itself in the box, not only where it is led: also when pushed or lagging."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose

# How fast the box shrinks for what an arm is outside of it [1/s], and by how much at most [m].
RATE, MOST = 5.0, 0.03
# How far ahead it is looked [s], and the share of each new velocity in the smoothed one.
AHEAD_S, SMOOTHING = 0.05, 0.3


class BoxGuard:
    """Shrinks the box of the setpoint, at faces that the measured arm is or soon will be beyond.

    A spring gives way to a push; so the setpoint goes inside until the arm stands at the face, or
    the spring's force is all used. When the push ends the face comes back. The target stays.
    """

    def __init__(self, limits: ArmLimits) -> None:
        """Begin with the whole box."""
        self._low, self._high = np.array(limits.box_low), np.array(limits.box_high)
        self.forget()

    def forget(self) -> None:
        """Begin with the whole box again, wherever the arm is next."""
        self._inset, self._soon = np.zeros((2, 3)), np.zeros((2, 3))
        self._before: np.ndarray | None = None
        self._velocity = np.zeros(3)

    def look(self, measured: Pose, dt: float) -> None:
        """See where the arm is, ``dt`` seconds after the last time."""
        here = measured.position
        if self._before is not None:
            self._velocity += SMOOTHING * ((here - self._before) / dt - self._velocity)
        self._before = here
        outside = np.stack([self._low - here, here - self._high])
        self._inset = np.clip(self._inset + RATE * dt * outside, 0, MOST)
        ahead = AHEAD_S * np.stack([-self._velocity, self._velocity])
        self._soon = np.clip(outside + np.maximum(ahead, 0), 0, MOST)

    def led(self, target: Pose) -> Pose:
        """Return the target in the box that is left."""
        inset = np.minimum(self._inset + self._soon, MOST)
        if not inset.any():
            return target
        low, high = self._low + inset[0], self._high - inset[1]
        return Pose(np.clip(target.position, low, np.maximum(low, high)), target.rotation)
