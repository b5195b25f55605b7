# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Random changes of training images, on the device where they lie."""

import torch


def random_shift(images: torch.Tensor, pixels: int, generator: torch.Generator) -> torch.Tensor:
    """Shift every image by up to ``pixels`` in both directions; the edge is repeated.

    Padding and cropping in one gather. ``images`` is uint8 (B, cameras, height, width, 3); every
    camera's image gets its own shift. ``generator`` lives on the CPU, so that the shifts are the
    same on every device.
    """
    if not pixels:
        return images
    batch, cameras, height, width = images.shape[:4]
    shifts = torch.randint(-pixels, pixels + 1, (2, batch * cameras, 1), generator=generator)
    down, right = shifts.to(images.device)
    rows = (torch.arange(height, device=images.device) + down).clamp(0, height - 1)
    columns = (torch.arange(width, device=images.device) + right).clamp(0, width - 1)
    first = torch.arange(batch * cameras, device=images.device)[:, None] * height
    # Selecting whole pixels from one long row of them is four times faster than an index per axis.
    pixel = (first + rows)[:, :, None] * width + columns[:, None, :]
    return images.reshape(-1, 3).index_select(0, pixel.flatten()).view_as(images)


def random_light(
    images: torch.Tensor, brightness: float, contrast: float, generator: torch.Generator
) -> torch.Tensor:
    """Change brightness and contrast of every image by up to these shares, for example 0.2.

    Shape, type and generator as in `random_shift`.
    """
    if not brightness and not contrast:
        return images
    strength = torch.rand((2, *images.shape[:2], 1, 1, 1), generator=generator) * 2 - 1
    strength = strength.to(images.device)
    pixels = images.float()
    mean = pixels.mean((2, 3, 4), keepdim=True)
    pixels = (pixels - mean) * (1 + contrast * strength[0]) + mean * (1 + brightness * strength[1])
    return pixels.round().clamp(0, 255).to(torch.uint8)
