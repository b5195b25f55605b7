# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of the expert tasks that the actor clones beside the new task."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from irevla_learner.replay.encoded_demonstrations import EncodedDemonstrations
from irevla_learner.sacfd.features import blocks, frozen_copy
from irevla_policy.chunks import chunks_from
from irevla_policy.model.head import TokenLearner


@dataclass(frozen=True)
class AnchorBatch:
    """Steps of demonstrations.

    Attributes:
        features: float32 (B, d + p), pooled latent and proprioception.
        labels: float32 (B, k * a), actions of the expert, normalised.
        latents: float32 (B, m, d), only where the token learner learns.
        inside: bool (B, k * a), which labels are before the end of their episode; None: all.

    """

    features: Tensor
    labels: Tensor
    latents: Tensor | None = None
    inside: Tensor | None = None


class Anchor:
    """Steps of encoded demonstrations; their pooled latents are computed once.

    Stage 1 trains on one task only, and the head forgets the others. Cloning their
    demonstrations at each update keeps them.
    """

    def __init__(
        self,
        demonstrations: EncodedDemonstrations,
        token_learner: TokenLearner,
        device: str,
        chunk_size: int = 1,
    ) -> None:
        """Pool the latents with the present token learner; labels are chunks of k actions."""
        self._device, self._tokens = device, demonstrations.tokens
        arrays = [episode.cloning_arrays() for episode in demonstrations]
        self._latents = [latents for latents, _, _ in arrays]
        # Episode and step of each row.
        self._rows = np.concatenate(
            [
                np.stack((np.full(len(latents), number), np.arange(len(latents))), 1)
                for number, latents in enumerate(self._latents)
            ]
        )
        # A copy: the policy may be on another device, and its token learner may learn.
        size = self._tokens * self._latents[0].shape[2]
        token_learner = frozen_copy(token_learner, device, size)
        with torch.no_grad():
            means = [
                token_learner.means(block)
                for latents in self._latents
                for block in blocks(torch.from_numpy(latents), device)
            ]
            pooled = token_learner.project(torch.cat(means))
        states = self._tensor(np.concatenate([states for _, states, _ in arrays]))
        self._features = torch.cat((pooled, states), -1)
        labels = np.concatenate([labels for _, _, labels in arrays])
        starts, lengths = np.arange(len(self)), [len(latents) for latents in self._latents]
        stops = np.cumsum(lengths).repeat(lengths)
        chunks, inside = chunks_from(labels, starts, stops, chunk_size)
        self._labels = self._tensor(chunks.reshape(len(self), -1))
        self._inside = None
        if chunk_size > 1:
            wide = inside.repeat(labels.shape[1], 1)
            self._inside = torch.from_numpy(wide).to(device)

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self._rows)

    def draw(self, random: np.random.Generator, size: int, latents: bool) -> AnchorBatch:
        """Return random steps; ``latents``: with their latents."""
        chosen = random.integers(len(self), size=size)
        rows = torch.from_numpy(chosen).to(self._device)
        stacked = None
        if latents:
            padded = np.zeros((size, self._tokens, self._latents[0].shape[2]), np.float32)
            for row, (episode, step) in zip(padded, self._rows[chosen], strict=True):
                latent = self._latents[episode][step]
                row[: len(latent)] = latent
            stacked = self._tensor(padded)
        inside = None if self._inside is None else self._inside[rows]
        return AnchorBatch(self._features[rows], self._labels[rows], stacked, inside)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(values, np.float32)).to(self._device)
