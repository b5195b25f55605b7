# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the cameras looked when the frames of a store were recorded."""

from collections.abc import Sequence

import numpy as np

from irevla_control.cameras.view_shift import reference_view
from irevla_policy.frames.frame_store import FrameStore

# Frames of all episodes that a reference is made from.
SAMPLES = 64


def reference_views(store: FrameStore, cameras: Sequence[str]) -> dict[str, np.ndarray]:
    """Return each camera's reference, see `reference_view`; cameras are named in their order."""
    count = len(store.images)
    chosen = np.unique(np.linspace(0, count - 1, min(count, SAMPLES)).round().astype(int))
    return {
        camera: reference_view(np.array([store.images[row, place] for row in chosen]))
        for place, camera in enumerate(cameras)
    }
