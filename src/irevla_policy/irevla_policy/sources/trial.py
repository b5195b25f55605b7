# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Two pictures and two instructions, to try a model and its processor with."""

import numpy as np

# Of different length in any tokenizer, and short enough for any limit on tokens; the words of the
# second are different ones.
INSTRUCTIONS = ('go', 'go up')


def trial_images(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return two images uint8 (size, size, 3), one the negative of the other.

    Smooth and colourful, so that they also show whether two preprocessings agree.
    """
    ramp = np.linspace(0, 2 * np.pi, size)
    waves = [
        np.sin(ramp[:, None] * (1 + channel) + np.cos(ramp[None, :]) * 2) for channel in range(3)
    ]
    image = np.round(127.5 + 127.5 * np.stack(waves, axis=-1)).astype(np.uint8)
    return image, 255 - image
