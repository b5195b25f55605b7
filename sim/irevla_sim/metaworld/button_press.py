# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted policy for Meta-World's button-press whose speed is a smooth function of the state.

Meta-World's own moves back at full speed whenever the hand is 2 cm beside the button, so the label
jumps between two neighbouring states that look the same in an image.
"""

from metaworld.policies.policy import Policy
import numpy as np

# Target of the hand from the button's position [m].
OFFSET = np.array([0.0, 0.0, -0.07])
# Action for each m beside the button's axis.
GAIN = 10.0
# Distances from the axis between which the speed towards the button falls from 1 to 0 [m].
ALIGNED, BESIDE = 0.01, 0.06


class SmoothButtonPress(Policy):
    """Moves onto the button's axis, and the faster towards the button the nearer it is to it."""

    @staticmethod
    def _parse_obs(obs: np.ndarray) -> dict[str, np.ndarray]:
        return {'hand_pos': obs[:3], 'button_pos': obs[4:7]}

    def get_action(self, obs: np.ndarray) -> np.ndarray:
        """Return the action (4,) in [-1, 1] for Meta-World's observation (39,)."""
        parts = self._parse_obs(obs)
        x, _, z = parts['button_pos'] + OFFSET - parts['hand_pos']
        forward = (BESIDE - np.hypot(x, z)) / (BESIDE - ALIGNED)
        return np.clip([GAIN * x, max(forward, 0.0), GAIN * z, 0.0], -1, 1)
