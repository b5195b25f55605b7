# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion between the suite's action (7,) in SI units and Meta-World's (4,) in [-1, 1]."""

import numpy as np

# Translation of the hand's target for a Meta-World action of 1 in one Meta-World step [m].
METRES_PER_STEP = 0.01
# Default number of Meta-World steps per command.
ACTION_REPEAT = 4


def to_metaworld(action: np.ndarray, action_repeat: int) -> np.ndarray:
    """Return the Meta-World action to apply ``action_repeat`` times, clipped to [-1, 1].

    The rotation is left out: Meta-World's hand keeps its orientation.
    """
    return np.clip([*(action[:3] / (METRES_PER_STEP * action_repeat)), 1 - 2 * action[6]], -1, 1)


def from_metaworld(action: np.ndarray, action_repeat: int) -> np.ndarray:
    """Return the (7,) action for a Meta-World action in [-1, 1]; the inverse of `to_metaworld`."""
    translation = np.asarray(action[:3], float) * (METRES_PER_STEP * action_repeat)
    return np.array([*translation, 0.0, 0.0, 0.0, (1 - float(action[3])) / 2])
