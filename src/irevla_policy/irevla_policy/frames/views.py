# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reference images of the cameras' views in a store."""

from collections.abc import Sequence

import numpy as np

from irevla_control.cameras.view_shift import reference_view
from irevla_policy.frames.frame_store import FrameStore

# Number of frames for a reference image.
SAMPLES = 64


def reference_views(store: FrameStore, cameras: Sequence[str]) -> dict[str, np.ndarray]:
    """Return each camera's reference image, see `reference_view`; cameras are in store order.

    A camera whose own images do not match one is left out, aloud.
    """
    count = len(store.images)
    chosen = np.unique(np.linspace(0, count - 1, min(count, SAMPLES)).round().astype(int))
    views = {}
    for place, camera in enumerate(cameras):
        view = reference_view(np.array([store.images[row, place] for row in chosen]))
        if view is None:
            print(
                f'camera {camera}: no reference view, because the demonstrations do not match '
                'one; a later move of the camera is not reported'
            )
        else:
            views[camera] = view
    return views
