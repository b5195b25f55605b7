# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Weights as bytes and copies, whether they fit a model, and which of them learn."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
import torch
from torch import Tensor, nn


def tensor_bytes(tensor: Tensor) -> memoryview:
    """Return the tensor's bytes, row-major, wherever and of whatever type it is."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().data if flat.numel() else memoryview(b'')


def plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return own, contiguous copies on the CPU: safetensors refuses shared memory."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in state.items()}


def save_tensors(path: Path, state: Mapping[str, Tensor]) -> None:
    """Write weights to a safetensors file, which those who may list its folder may read."""
    save_file(plain(state), path)
    # The library lets only the file's owner read it.
    path.chmod(path.parent.stat().st_mode & 0o666)


def misfit(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> str:
    """Return how weights differ in names or shapes from those expected, '' when they fit."""
    odd = sorted(set(found) ^ set(expected))
    if odd:
        return f'{len(odd)} tensors differ, first {odd[0]!r}'
    for name, tensor in found.items():
        if tensor.shape != expected[name].shape:
            return (
                f'{name} has shape {tuple(tensor.shape)}, {tuple(expected[name].shape)} is needed'
            )
    return ''


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the weights that are not frozen, by name: those of adapters or backbone, and head."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
