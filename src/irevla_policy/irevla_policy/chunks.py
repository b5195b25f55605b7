# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Chunks of actions: what a head decides in one pass for k successive observations.

As an array a chunk is flat: its k actions one after another, so that one action is a chunk of
size 1.
"""

import numpy as np


def chunks_from(
    values: np.ndarray, starts: np.ndarray, stops: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the chunks that begin at some rows, and which of their rows exist.

    Args:
        values: (N, ...), rows of all episodes.
        starts: int (B,), first row of each chunk.
        stops: int (B,), end of the episode of each chunk, above its start.
        size: number k of rows of a chunk.

    Returns:
        Values (B, k, ...); rows from the end of the episode on repeat its last row. And bool
        (B, k), whether the row is before the end.

    """
    rows = starts[:, None] + np.arange(size)
    inside = rows < stops[:, None]
    return values[np.minimum(rows, stops[:, None] - 1)], inside
