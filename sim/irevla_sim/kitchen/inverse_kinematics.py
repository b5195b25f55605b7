# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Differential inverse kinematics: joint velocities for a twist of the hand, within limits."""

import numpy as np

# Weight of joint velocities beside velocities of the hand; also damps near singular poses.
DAMPING = 0.05


def joint_velocities(
    jacobian: np.ndarray,
    twist: np.ndarray,
    preferred: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> np.ndarray:
    """Return the joint velocities (n,) [rad/s] that give a twist best.

    Minimises the squared error of the twist plus `DAMPING` squared times the squared distance
    from the preferred velocities. A joint that would leave its limits stays on the limit, and the
    other joints make up for it.

    Args:
        jacobian: of the hand (6, n), linear rows before angular ones.
        twist: velocity of the hand (6,), linear [m/s] then angular [rad/s].
        preferred: joint velocities (n,) towards a posture, where the twist leaves a choice.
        low: least joint velocities (n,).
        high: largest joint velocities (n,).

    """
    free = np.ones(len(preferred), bool)
    velocities = preferred
    while True:
        part = jacobian * free
        gram = part @ part.T
        gram.flat[:: len(gram) + 1] += DAMPING**2
        solved = velocities + part.T @ np.linalg.solve(gram, twist - jacobian @ velocities)
        inside = np.minimum(np.maximum(solved, low), high)
        beyond = np.abs(solved - inside) * free
        worst = int(beyond.argmax())
        if not beyond[worst]:
            return inside
        # One joint at a time, because it changes what is needed of the others.
        free[worst] = False
        velocities = np.where(free, preferred, velocities)
        velocities[worst] = inside[worst]
