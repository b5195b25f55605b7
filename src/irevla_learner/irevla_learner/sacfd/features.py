# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the critics read of an observation: it depends on the frozen VLM only."""

import copy
from hashlib import sha256

import torch
from torch import Tensor, nn

from irevla_policy.model.head import TokenLearner
from irevla_policy.model.tensors import tensor_bytes


class Components(nn.Module):
    """Principal components of whole latents, scaled to unit variance."""

    mean: Tensor
    axes: Tensor

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        """Project on axes (m * d, count) around a mean (m * d,)."""
        super().__init__()
        self.register_buffer('mean', mean)
        self.register_buffer('axes', axes)

    @classmethod
    def fit(cls, latents: Tensor, count: int) -> 'Components':
        """Return the principal components of float latents (N, m, d)."""
        tokens = cls._normalised(latents)
        mean = tokens.mean(0)
        count = max(1, min(count, len(tokens) - 1, tokens.shape[1]))
        _, spread, axes = torch.pca_lowrank(tokens - mean, count, center=False)
        # A lower bound: directions of almost no variance are not amplified.
        floor = (1e-3 * spread[0]).clamp_min(1e-6)
        scale = (len(tokens) ** 0.5 / torch.maximum(spread, floor)).unsqueeze(0)
        return cls(mean, axes * scale)

    @staticmethod
    def _normalised(latents: Tensor) -> Tensor:
        return nn.functional.layer_norm(latents, latents.shape[-1:]).flatten(1)

    def forward(self, latents: Tensor) -> Tensor:
        """Map float latents (B, m, d) to (B, count)."""
        return (self._normalised(latents) - self.mean) @ self.axes


class Features(nn.Module):
    """Pooled latent, proprioception and principal components, in this order.

    The first two are the input of the head's MLP, too. The token learner is a frozen copy: its
    output is cached.
    """

    def __init__(self, token_learner: TokenLearner, components: Components) -> None:
        """Copy the token learner."""
        super().__init__()
        self.token_learner = copy.deepcopy(token_learner).requires_grad_(False)
        self.components = components

    def size(self, state_size: int) -> int:
        """Return the number of features for a proprioception of this size."""
        return self.token_learner.query.numel() + state_size + self.components.axes.shape[1]

    def digest(self) -> str:
        """Return the hash of all weights."""
        digest = sha256()
        for tensor in self.state_dict().values():
            digest.update(tensor_bytes(tensor))
        return digest.hexdigest()

    @torch.no_grad()
    def forward(self, latents: Tensor, states: Tensor) -> Tensor:
        """Map float latents (B, m, d) and states (B, p) to features (B, f)."""
        return torch.cat((self.token_learner(latents), states, self.components(latents)), -1)
