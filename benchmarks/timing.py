# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of measured times."""

import numpy as np


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile [ms]."""
    return {
        f'p{share}': round(1e3 * float(np.percentile(seconds, share)), 3) for share in (50, 99)
    }
