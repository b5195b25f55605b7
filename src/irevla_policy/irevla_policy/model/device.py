# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a model runs."""

import torch

from irevla_control.errors import ConfigError


def best_device() -> torch.device:
    """Return the GPU where torch sees one, else the CPU."""
    return torch.accelerator.current_accelerator(check_available=True) or torch.device('cpu')


def multiplies_bfloat16(device: torch.device | str) -> bool:
    """Return whether this device multiplies matrices faster in bfloat16 than in float32."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu.get_capabilities().get('avx512_bf16', False)


def usable_device(name: str) -> torch.device:
    """Return a device by its name; `auto` is the best.

    Raises:
        ConfigError: torch does not see it.

    """
    if name == 'auto':
        return best_device()
    if name == 'cuda' and not torch.cuda.is_available():
        raise ConfigError('parameter device is cuda, but torch sees no GPU; use cpu')
    return torch.device(name)
