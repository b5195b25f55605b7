# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The light head on the latent (section IV-A): token learner, then an MLP."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TokenLearner(nn.Module):
    """Attention pooling with one learned query: h (m x d) to h' (d).

    A token of zeros is padding and gets no weight, so latents of different length may be stacked.
    """

    def __init__(self, width: int) -> None:
        """Pool tokens of this width d."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.query = nn.Parameter(torch.randn(width) / width**0.5)
        self.out_norm = nn.LayerNorm(width)

    def forward(self, latent: Tensor) -> Tensor:
        """Pool float (B, m, d) to (B, d)."""
        return self.project(self.mean(latent))

    def mean(self, latent: Tensor) -> Tensor:
        """Return the weighted mean (B, d) of float tokens (B, m, d)."""
        tokens = self.norm(latent)
        # Keys may be bfloat16, which some processors multiply faster.
        score = torch.tanh(self.key(tokens.to(self.key.weight.dtype))).float() @ self.query
        score = score.masked_fill(latent.detach().abs().amax(-1) == 0, -torch.inf)
        weight = torch.softmax(score, dim=1)
        return (weight.unsqueeze(1) @ tokens).squeeze(1)

    def project(self, mean: Tensor) -> Tensor:
        """Map means (B, d) to pooled latents (B, d).

        The weights sum to one, so the linear map of the mean is the mean of the linear maps.
        """
        return self.out_norm(self.value(mean))


class Head(nn.Module):
    """Token learner and MLP over the pooled latent and the proprioception.

    The critic mirrors the actor with an output size of one.
    """

    def __init__(
        self, width: int, state_size: int, output_size: int, hidden: Sequence[int] = (256, 256)
    ) -> None:
        """Map tokens of width d and a state of size p to `output_size` numbers."""
        super().__init__()
        self.state_size, self.output_size = state_size, output_size
        self.pool = TokenLearner(width)
        layers: list[nn.Module] = []
        size = width + state_size
        for next_size in hidden:
            layers += [nn.Linear(size, next_size), nn.ReLU()]
            size = next_size
        self.mlp = nn.Sequential(*layers, nn.Linear(size, output_size))

    @property
    def width(self) -> int:
        """Return the width d of the tokens it pools."""
        return self.pool.query.numel()

    def forward(self, latent: Tensor, state: Tensor) -> Tensor:
        """Map latent (B, m, d) and normalised state (B, p) to (B, output_size), float32."""
        pooled = self.pool(latent.float())
        return self.mlp(torch.cat((pooled, state.float()), dim=-1))
