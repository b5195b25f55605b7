# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An ensemble of critics, evaluated in one batched call."""

from collections.abc import Sequence
import math

import torch
from torch import Tensor, nn


class _Linear(nn.Module):
    """A linear layer for each member: (E, B, in) to (E, B, out)."""

    def __init__(self, members: int, inputs: int, outputs: int, all_inputs: int = 0) -> None:
        """Create weights; ``all_inputs`` counts those of other layers with the same outputs."""
        super().__init__()
        bound = 1 / math.sqrt(all_inputs or inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs).uniform_(-bound, bound))

    def forward(self, values: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, values, self.weight)


class Critics(nn.Module):
    """Q(s, a) of each member: an MLP like the action head's, with LayerNorm and one output.

    The first layer is the sum of a linear map of the features and one of the actions, so that
    features are embedded once for any number of actions.
    """

    def __init__(self, members: int, features: int, actions: int, hidden: Sequence[int]) -> None:
        """Create the ensemble for these sizes of features and actions."""
        super().__init__()
        self.features = _Linear(members, features, hidden[0], features + actions)
        bound = 1 / math.sqrt(features + actions)
        self.actions = nn.Parameter(
            torch.empty(members, actions, hidden[0]).uniform_(-bound, bound)
        )
        layers: list[nn.Module] = []
        for inputs, size in zip(hidden, hidden[1:]):
            layers += [*_activation(inputs), _Linear(members, inputs, size)]
        self.layers = nn.Sequential(*layers, *_activation(hidden[-1]))
        bound = 1 / math.sqrt(hidden[-1])
        self.value = nn.Parameter(torch.empty(members, 1, hidden[-1]).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1).uniform_(-bound, bound))

    def embed(self, features: Tensor) -> Tensor:
        """Map features (B, f) to their embedding (E, B, hidden), an input of `forward`."""
        return self.features(features.expand(len(self.actions), -1, -1))

    def forward(self, embedded: Tensor, actions: Tensor) -> Tensor:
        """Map an embedding (E, B, hidden) and actions (B, a) to values (E, B), float32."""
        actions = actions.expand(len(self.actions), -1, -1)
        hidden = self.layers(torch.baddbmm(embedded, actions, self.actions))
        # No matrix product: with one column it takes ten times as long. In float32, because a
        # product of bfloat16 and float32 takes twice as long.
        return (hidden.float() * self.value).sum(-1) + self.bias


def _activation(size: int) -> tuple[nn.Module, nn.Module]:
    # No scale and shift: the next linear layer includes them.
    # In place, because a LayerNorm computes its gradient from its input.
    return nn.LayerNorm(size, elementwise_affine=False), nn.ReLU(inplace=True)
