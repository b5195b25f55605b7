# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From camera images and instructions to what a vision-language model takes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from irevla_control.errors import ConfigError


class TensorPixels(nn.Module):
    """Resizes and standardises images as tensors, on their device, always in the same way."""

    scale: Tensor
    offset: Tensor

    def __init__(
        self,
        size: tuple[int, int],
        mean: Sequence[float],
        std: Sequence[float],
        layout: Sequence[int] = (),
        constants: Mapping[str, Tensor] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Prepare images of this (height, width).

        `layout` are axes of size one between batch and channels; `constants` are more inputs of
        the model (1, ...) that depend on the size of the image only.
        """
        super().__init__()
        self.size = tuple(size)
        self.layout = tuple(layout)
        self.dtype = dtype
        self.constants = dict(constants or {})
        self.description = {'size': self.size, 'mean': tuple(mean), 'std': tuple(std)}
        # Byte x becomes (x / 255 - mean) / std by one multiplication and one addition.
        means = torch.tensor(mean, dtype=torch.float64)
        deviations = torch.tensor(std, dtype=torch.float64)
        self.register_buffer('scale', (1 / (255 * deviations)).float(), persistent=False)
        self.register_buffer('offset', (-means / deviations).float(), persistent=False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Map uint8 (N, H, W, 3) to {'pixel_values': (N, *layout, 3, height, width), ...}."""
        pixels = images.float()
        if tuple(images.shape[1:3]) != self.size:
            pixels = (
                interpolate(pixels.permute(0, 3, 1, 2), self.size, mode='bicubic', antialias=True)
                .clamp(0, 255)
                .permute(0, 2, 3, 1)
                .contiguous()
            )
        # Whole rows at once: on a CPU three times faster than broadcasting over channels.
        rows = pixels.flatten(2)
        rows.mul_(self.scale.repeat(self.size[1])).add_(self.offset.repeat(self.size[1]))
        pixels = rows.unflatten(2, (self.size[1], 3)).permute(0, 3, 1, 2).to(self.dtype)
        count = len(images)
        return {'pixel_values': pixels.view(count, *self.layout, *pixels.shape[1:])} | {
            name: value.to(images.device).repeat(count, *(1,) * (value.dim() - 1))
            for name, value in self.constants.items()
        }


class Prompts:
    """Instructions as tensors, each instruction encoded once and padded to the longest."""

    def __init__(self, encode: Callable[[str], dict[str, Tensor]], pad_token: int) -> None:
        """Encode with `encode`: 'input_ids' (T) and whatever else changes with the text.

        The others may have any shape; 'attention_mask' is made where it is not among them.
        """
        self._encode = encode
        self._pad_token = pad_token
        self._known: dict[str, dict[str, Tensor]] = {}

    def __call__(self, instructions: Sequence[str], device: Any = 'cpu') -> dict[str, Tensor]:
        """Return tensors (B, ...); 'attention_mask' (B, T) marks tokens that are no padding."""
        rows = [self._inputs(instruction) for instruction in instructions]
        return {
            name: _stack(
                [row[name] for row in rows], self._pad_token if name == 'input_ids' else 0
            ).to(device)
            for name in rows[0]
        }

    def _inputs(self, instruction: str) -> dict[str, Tensor]:
        if instruction not in self._known:
            if not isinstance(instruction, str) or not instruction.strip():
                raise ConfigError(f'instruction {instruction!r} is empty; say what to do')
            inputs = self._encode(instruction)
            self._known[instruction] = {
                'attention_mask': torch.ones_like(inputs['input_ids'])
            } | inputs
        return self._known[instruction]


def _stack(values: Sequence[Tensor], fill: int) -> Tensor:
    """Stack tensors of as many axes; where one is shorter than another, fill at its end."""
    sizes = [max(lengths) for lengths in zip(*(value.shape for value in values))]
    stacked = values[0].new_full((len(values), *sizes), fill)
    for row, value in zip(stacked, values):
        row[tuple(map(slice, value.shape))] = value
    return stacked
