# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An ensemble of critics, evaluated in one batched call."""

from collections.abc import Sequence
import math

import torch
from torch import Tensor, nn


class _Linear(nn.Module):
    """One linear layer of every member: (E, B, in) to (E, B, out)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))

    def forward(self, values: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, values, self.weight)


class Critics(nn.Module):
    """Q(s, a) of each member: an MLP as the action head's, with LayerNorm and one output."""

    def __init__(self, members: int, inputs: int, hidden: Sequence[int]) -> None:
        """Take features and actions of together ``inputs`` numbers."""
        super().__init__()
        self.members = members
        layers: list[nn.Module] = []
        for size in hidden:
            # Without scale and shift, which the linear layers around it can learn.
            layers += [_Linear(members, inputs, size),
                       nn.LayerNorm(size, elementwise_affine=False), nn.ReLU()]
            inputs = size
        self.layers = nn.Sequential(*layers, _Linear(members, inputs, 1))

    def forward(self, features: Tensor, actions: Tensor) -> Tensor:
        """Map features (B, f) and actions (B, a) to values (E, B)."""
        values = torch.cat((features, actions), -1).expand(self.members, -1, -1)
        return self.layers(values).squeeze(-1)
