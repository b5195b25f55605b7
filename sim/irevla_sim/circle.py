# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A circle of commands for tests and benchmarks."""

import numpy as np


def circle(radius: float, count: int) -> np.ndarray:
    """Return translations (count, 3) [m] along a circle whose centre is ``radius`` towards -x."""
    angles = 2 * np.pi * (np.arange(count) + 0.5) / count
    step = 2 * radius * np.sin(np.pi / count)
    return step * np.stack([-np.sin(angles), np.cos(angles), np.zeros(count)], axis=1)
