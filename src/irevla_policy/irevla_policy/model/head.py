# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The light head on the latent (section IV-A): token learner, then an MLP."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from irevla_control.errors import ConfigError


class TokenLearner(nn.Module):
    """Attention pooling with learned queries: h (m x d) to h' (d).

    Each query pools the tokens into its own part of h'. One query alone may come to read the
    words of the instruction, which tell the tasks apart, and little of the images.
    A token of zeros is padding and gets no weight, so latents of different length may be stacked.
    """

    def __init__(self, width: int, queries: int = 1) -> None:
        """Pool tokens of this width d.

        Raises:
            ConfigError: the width is no multiple of the number of queries.

        """
        super().__init__()
        if width % queries:
            raise ConfigError(
                f'head.queries is {queries}, but the width of the latent is {width}; use a number '
                'that divides it, such as 1'
            )
        self.norm = nn.LayerNorm(width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        # One query is a vector, as in checkpoints of a single query.
        self.query = nn.Parameter((torch.randn(queries, width) / width**0.5).squeeze(0))
        self.out_norm = nn.LayerNorm(width)

    @property
    def width(self) -> int:
        """Return the width d of the tokens."""
        return self.key.in_features

    def forward(self, latent: Tensor) -> Tensor:
        """Pool float (B, m, d) to (B, d)."""
        return self.project(self.means(latent))

    def means(self, latent: Tensor) -> Tensor:
        """Return the weighted mean of float tokens (B, m, d) for each of q queries, (B, q, d)."""
        tokens = self.norm(latent)
        queries = torch.atleast_2d(self.query)
        # Keys may be bfloat16, which some processors multiply faster.
        score = torch.tanh(self.key(tokens.to(self.key.weight.dtype))).float() @ queries.T
        padding = latent.detach().abs().amax(-1, keepdim=True) == 0
        weight = torch.softmax(score.masked_fill(padding, -torch.inf), dim=1)
        return weight.transpose(1, 2) @ tokens

    def project(self, means: Tensor) -> Tensor:
        """Map means (B, q, d) to pooled latents (B, d), each to d / q values.

        The weights sum to one, so the linear map of the mean is the mean of the linear maps.
        """
        weight = self.value.weight.unflatten(0, (means.shape[1], -1))
        pooled = torch.einsum('bqd,qed->bqe', means, weight).flatten(1)
        return self.out_norm(pooled + self.value.bias)


class Head(nn.Module):
    """Token learner and MLP over the pooled latent and the proprioception.

    The critic mirrors the actor with an output size of one.
    """

    def __init__(
        self,
        width: int,
        state_size: int,
        output_size: int,
        hidden: Sequence[int] = (256, 256),
        queries: int = 1,
    ) -> None:
        """Map tokens of width d and a state of size p to `output_size` numbers.

        Raises ConfigError when the token learner cannot have this number of queries.
        """
        super().__init__()
        self.state_size, self.output_size = state_size, output_size
        self.pool = TokenLearner(width, queries)
        layers: list[nn.Module] = []
        size = width + state_size
        for next_size in hidden:
            layers += [nn.Linear(size, next_size), nn.ReLU()]
            size = next_size
        self.mlp = nn.Sequential(*layers, nn.Linear(size, output_size))

    @property
    def width(self) -> int:
        """Return the width d of the tokens it pools."""
        return self.pool.width

    def forward(self, latent: Tensor, state: Tensor) -> Tensor:
        """Map latent (B, m, d) and normalised state (B, p) to (B, output_size), float32."""
        pooled = self.pool(latent.float())
        return self.mlp(torch.cat((pooled, state.float()), dim=-1))
