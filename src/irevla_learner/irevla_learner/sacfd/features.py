# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The critics' features of an observation, which depend on frozen modules only."""

from collections.abc import Iterator
import copy
from hashlib import sha256

import torch
from torch import Tensor, nn

from irevla_policy.model.device import multiplies_bfloat16
from irevla_policy.model.head import TokenLearner
from irevla_policy.model.tensors import tensor_bytes

# Largest number of values of a latent from which principal components are computed directly;
# longer latents are reduced to this number first.
SKETCH_SIZE = 4096
# Largest number of values of the latents that are processed at a time, and of rows: the copies
# in float32 stay in the processor's cache.
BLOCK_VALUES, BLOCK_ROWS = 2**19, 256
# Bound of a component, because later latents can be far from those of the fit.
LARGEST = 5.0


def blocks(latents: Tensor, device: torch.device | str) -> Iterator[Tensor]:
    """Yield consecutive latents (b, m, d) of float latents (N, m, d), float32 on this device."""
    rows = max(1, min(BLOCK_ROWS, BLOCK_VALUES // latents[0].numel()))
    for block in latents.split(rows):
        yield block.to(device, torch.float32)


def frozen_copy(
    token_learner: TokenLearner, device: torch.device | str, size: int
) -> TokenLearner:
    """Return a token learner that does not learn, on this device.

    If latents of ``size`` values are long, keys are multiplied in bfloat16 where that is faster:
    they take most of the time, and softmax of the scores makes no use of more digits.
    """
    copied = copy.deepcopy(token_learner).to(device).requires_grad_(False)
    if size > SKETCH_SIZE and multiplies_bfloat16(device):
        copied.key.to(torch.bfloat16)
    return copied


class Sketch(nn.Module):
    """Random projection of whole latents to `SKETCH_SIZE` values, which keeps distances.

    Each value of the latent is added to one random output with a random sign (count sketch,
    Charikar et al. 2002). Its constants follow from the size of the latent, so that nothing is
    stored. A latent that is not longer than the sketch is not changed.
    """

    index: Tensor
    sign: Tensor

    def __init__(self, size: int) -> None:
        """Reduce latents of m * d = ``size`` values."""
        super().__init__()
        self.latent_size = size
        self.size = min(size, SKETCH_SIZE)
        random = torch.Generator().manual_seed(size)
        index = torch.randint(self.size, (size,), generator=random)
        sign = torch.randint(2, (size,), generator=random).float() * 2 - 1
        self.register_buffer('index', index, persistent=False)
        self.register_buffer('sign', sign, persistent=False)

    def forward(self, latents: Tensor) -> Tensor:
        """Map float latents (B, m, d) to (B, size)."""
        values = nn.functional.layer_norm(latents, latents.shape[-1:]).flatten(1)
        if values.shape[1] <= self.size:
            return values
        sums = values.new_zeros(len(values), self.size)
        return sums.index_add_(1, self.index, values.mul_(self.sign))


class Components(nn.Module):
    """Principal components of sketched latents, scaled to unit variance and bounded."""

    mean: Tensor
    axes: Tensor

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        """Project on axes (size, count) around a mean (size,)."""
        super().__init__()
        self.register_buffer('mean', mean)
        self.register_buffer('axes', axes)

    @classmethod
    def fit(cls, values: Tensor, count: int, floor: float) -> 'Components':
        """Return the principal components of sketched latents (N, size).

        Components of less than ``floor`` times the spread of the first one are scaled as if they
        had that spread: directions of almost no variance are not amplified.
        """
        mean = values.mean(0)
        count = max(1, min(count, len(values) - 1, values.shape[1]))
        _, spread, axes = torch.pca_lowrank(values - mean, count, center=False)
        least = (floor * spread[0]).clamp_min(1e-6)
        scale = (len(values) ** 0.5 / torch.maximum(spread, least)).unsqueeze(0)
        return cls(mean, axes * scale)

    def forward(self, values: Tensor) -> Tensor:
        """Map sketched latents (B, size) to (B, count)."""
        return ((values - self.mean) @ self.axes).clamp(-LARGEST, LARGEST)


class Features(nn.Module):
    """Pooled latent, proprioception and principal components, in this order.

    The first two are the input of the head's MLP, too. The token learner is a frozen copy: its
    output is cached.
    """

    def __init__(
        self, token_learner: TokenLearner, sketch: Sketch, components: Components
    ) -> None:
        """Copy the token learner to the device of the components."""
        super().__init__()
        self.token_learner = frozen_copy(token_learner, components.mean.device, sketch.latent_size)
        self.sketch, self.components = sketch, components

    def size(self, state_size: int) -> int:
        """Return the number of features for a proprioception of this size."""
        return self.token_learner.width + state_size + self.components.axes.shape[1]

    def digest(self) -> str:
        """Return the hash of all weights."""
        digest = sha256()
        for tensor in self.state_dict().values():
            digest.update(tensor_bytes(tensor))
        return digest.hexdigest()

    @torch.no_grad()
    def forward(self, latents: Tensor, states: Tensor) -> Tensor:
        """Map float latents (B, m, d), which may be on the CPU, and states (B, p) to (B, f)."""
        means, values = [], []
        for block in blocks(latents, states.device):
            means.append(self.token_learner.means(block))
            values.append(self.sketch(block))
        pooled = self.token_learner.project(torch.cat(means))
        return torch.cat((pooled, states, self.components(torch.cat(values))), -1)
