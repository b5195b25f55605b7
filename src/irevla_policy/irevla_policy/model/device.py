# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a model runs when nobody says otherwise."""

import torch


def best_device() -> torch.device:
    """Return the GPU where torch sees one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device('cpu')
