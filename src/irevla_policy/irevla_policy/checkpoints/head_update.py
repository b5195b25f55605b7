# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of a head as bytes."""

import copy

from safetensors import SafetensorError
from safetensors.torch import load, save
import torch

from irevla_control.errors import ConfigError
from irevla_policy.model.head import Head
from irevla_policy.model.tensors import misfit, plain


def pack_head(head: Head) -> bytes:
    """Return the weights as safetensors."""
    return save(plain(head.state_dict()))


def unpack_head(data: bytes, like: Head) -> Head:
    """Return a new head with these weights, on the device of ``like``.

    Raises:
        ConfigError: no safetensors, other names or shapes than those of ``like``, or weights that
            are not finite.

    """
    try:
        weights = load(data)
    except SafetensorError as error:
        raise ConfigError(
            f'weights of {len(data)} bytes are no safetensors: {error}; keep the head there is'
        ) from error
    problem = misfit(weights, like.state_dict())
    if problem:
        raise ConfigError(f'weights of another head: {problem}')
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise ConfigError(f'weights that are not finite: {name}')
    head = copy.deepcopy(like)
    head.load_state_dict(weights)
    return head
