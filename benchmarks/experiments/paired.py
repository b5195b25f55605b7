# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Difference of two success rates on the same layouts, with a bootstrap interval."""

from collections.abc import Sequence

import numpy as np

SAMPLES = 10_000


def difference(before: Sequence[int], after: Sequence[int]) -> dict[str, float]:
    """Return the mean of after - before over layouts, and its bootstrap 95 % interval.

    Args:
        before: outcome (0 or 1) of each layout.
        after: outcomes of the same layouts, in the same order.

    """
    changes = np.subtract(after, before)
    random = np.random.default_rng(0)
    means = random.choice(changes, (SAMPLES, len(changes))).mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return {
        'episodes': len(changes),
        'mean': round(float(changes.mean()), 4),
        'low': round(float(low), 4),
        'high': round(float(high), 4),
    }
