# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of a head as bytes, which are refused unless they fit."""

import copy

from safetensors import SafetensorError
from safetensors.torch import load, save
import torch

from irevla_control.errors import ConfigError
from irevla_policy.head import Head


def pack_head(head: Head) -> bytes:
    """Return the weights as safetensors."""
    return save({name: tensor.detach().cpu().contiguous().clone()
                 for name, tensor in head.state_dict().items()})


def unpack_head(data: bytes, like: Head) -> Head:
    """Return a new head with these weights, on the device of ``like``, which stays as it is.

    Raises:
        ConfigError: no safetensors, other names or shapes, or weights that are not finite.

    """
    try:
        weights = load(data)
    except SafetensorError as error:
        raise ConfigError(f'weights of {len(data)} bytes are no safetensors: {error}; keep the '
                          'head there is') from error
    expected = like.state_dict()
    if set(weights) != set(expected):
        odd = sorted(set(weights) ^ set(expected))
        raise ConfigError(f'weights of another head: {len(odd)} names differ, first {odd[0]!r}')
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise ConfigError(f'weights of another head: {name} has shape {tuple(tensor.shape)}, '
                              f'{tuple(expected[name].shape)} is needed')
        if not torch.isfinite(tensor).all():
            raise ConfigError(f'weights that are not finite: {name}')
    head = copy.deepcopy(like)
    head.load_state_dict(weights)
    return head
