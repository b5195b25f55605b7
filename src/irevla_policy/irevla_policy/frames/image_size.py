# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Resizes camera images to the model's size."""

import numpy as np
import torch
import torch.nn.functional as F


def resize_images(images: np.ndarray, size: int) -> np.ndarray:
    """Return uint8 (N, height, width, 3) images as (N, size, size, 3), filtered when reduced.

    Images are scaled, not cropped, because their borders may matter. Images of the right size are
    returned unchanged.
    """
    if images.shape[1:3] == (size, size):
        return images
    channels_first = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    resized = F.interpolate(channels_first, (size, size), mode='bilinear', antialias=True)
    return resized.permute(0, 2, 3, 1).contiguous().numpy()
