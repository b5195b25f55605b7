# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Keeps the measured arm, not only its setpoint, inside the box when it is pushed or lags."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose

# Rate [1/s] at which a face moves inwards per metre that the arm is outside; largest inset [m].
RATE, MOST = 5.0, 0.03
# Prediction horizon, and time constant of the smoothed velocity [s].
AHEAD_S, SMOOTHING_S = 0.05, 0.028


class BoxGuard:
    """Moves a face of the setpoint's box inwards while the measured arm is, or soon is, beyond it.

    The impedance controller yields to a push, so the setpoint moves inside until the arm is back
    at the face or the spring gives its full force. After the push the face returns. The target is
    not changed.
    """

    def __init__(self, limits: ArmLimits) -> None:
        """Start with the whole box."""
        self._low, self._high = np.array(limits.box_low), np.array(limits.box_high)
        self.reset()

    def reset(self) -> None:
        """Restore the whole box and discard the measured velocity."""
        self._inset, self._soon = np.zeros((2, 3)), np.zeros((2, 3))
        self._before: np.ndarray | None = None
        self._velocity = np.zeros(3)

    def update(self, measured: Pose, dt: float) -> None:
        """Take the measured pose, ``dt`` seconds after the previous one."""
        here = measured.position
        if self._before is not None:
            # Steps have different lengths, because a command causes one more.
            newest = 1 - np.exp(-dt / SMOOTHING_S)
            self._velocity += newest * ((here - self._before) / dt - self._velocity)
        self._before = here
        outside = np.stack([self._low - here, here - self._high])
        self._inset = np.clip(self._inset + RATE * dt * outside, 0, MOST)
        ahead = AHEAD_S * np.stack([-self._velocity, self._velocity])
        self._soon = np.clip(outside + np.maximum(ahead, 0), 0, MOST)

    def clamped(self, target: Pose) -> Pose:
        """Return the target clamped to the shrunk box."""
        inset = np.minimum(self._inset + self._soon, MOST)
        if not inset.any():
            return target
        low, high = self._low + inset[0], self._high - inset[1]
        return Pose(np.clip(target.position, low, np.maximum(low, high)), target.rotation)
