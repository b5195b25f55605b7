# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tensors as bytes."""

import torch
from torch import Tensor


def tensor_bytes(tensor: Tensor) -> memoryview:
    """Return the tensor's bytes, row-major, wherever and of whatever type it is."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy()) if flat.numel() else memoryview(b'')
