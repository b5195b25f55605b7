# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Two images and two instructions for tests of a model and its processor."""

import numpy as np

# The lengths differ in any tokenizer and are below any limit on tokens; the two words of the
# second differ.
INSTRUCTIONS = ('go', 'go up')


def trial_images(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image uint8 (size, size, 3) and its negative.

    Both are smooth and coloured, so that differences of two preprocessings show too.
    """
    ramp = np.linspace(0, 2 * np.pi, size)
    waves = [
        np.sin(ramp[:, None] * (1 + channel) + np.cos(ramp[None, :]) * 2) for channel in range(3)
    ]
    image = np.round(127.5 + 127.5 * np.stack(waves, axis=-1)).astype(np.uint8)
    return image, 255 - image
