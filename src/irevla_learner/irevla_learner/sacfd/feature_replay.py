# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A replay of latents that gives batches of cached features to the agent."""

from collections.abc import Mapping
from dataclasses import dataclass
import math

import numpy as np
import torch
from torch import Tensor

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.anchor import Anchor, AnchorBatch
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.feature_cache import FeatureCache
from irevla_learner.sacfd.features import BLOCK_ROWS, Components, Features, Sketch, blocks
from irevla_policy.checkpoints.state_file import join, part
from irevla_policy.model.head import TokenLearner

# Number of latents from which the principal components are computed.
COMPONENT_ROWS = 1000


@dataclass(frozen=True)
class Batch:
    """N-step transitions, demonstrations first.

    Attributes:
        features: float32 (B, f), of the first observations.
        next_features: float32 (B, f), of the observations after n steps.
        actions: float32 (B, k * a), executed, normalised.
        rewards: float32 (B,), discounted sum of the rewards between.
        discounts: float32 (B,), discount of the value of the next observation.
        num_demonstrations: number of demonstrations.
        latents: float32 (B, m, d) of the first observations, only where the token learner
            learns.
        next_latents: the same of the next observations.
        anchor: steps of demonstrations of the expert tasks, if there are any.
        executed: bool (B, k * a), which actions of a chunk were executed; None: all.

    """

    features: Tensor
    next_features: Tensor
    actions: Tensor
    rewards: Tensor
    discounts: Tensor
    num_demonstrations: int
    latents: Tensor | None = None
    next_latents: Tensor | None = None
    anchor: AnchorBatch | None = None
    executed: Tensor | None = None


class FeatureReplay:
    """Owns a replay, the cached features of its observations, and the rows that may be drawn.

    Episodes may be added before the features are known; batches are drawn after `fit` or
    `restore`.
    """

    def __init__(
        self,
        replay: LatentReplay,
        config: SACfDConfig,
        device: str = 'cpu',
        anchor: Anchor | None = None,
    ) -> None:
        """Take over ``replay``; batches are put on ``device``, with steps of ``anchor``."""
        self._replay, self._anchor = replay, anchor
        self._config, self._device = config, device
        self._features: Features | None = None

    def add(self, episode: LatentEpisode, demonstration: bool) -> None:
        """Write an episode to disk, and its features if they are known.

        Raises:
            ConfigError: it is longer than the replay, or its arrays have other sizes.

        """
        span = self._replay.add(episode, demonstration)
        if self._features:
            self._cache_features(self._features, span)
            self._find_rows()

    @property
    def episodes(self) -> int:
        """Number of episodes."""
        return self._replay.episodes

    @property
    def rows(self) -> int:
        """Number of observations."""
        return sum(span.stop - span.start for span in self._replay.spans)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape (m, d) of a latent."""
        return self._replay.latents.shape[1:]

    @property
    def num_features(self) -> int:
        """Number of features of an observation."""
        return self._cache.rows.shape[1]

    def fit(self, token_learner: TokenLearner, random: np.random.Generator) -> None:
        """Cache features with the principal components of a sample of the latents so far.

        Raises:
            ConfigError: the disk is full.

        """
        rows = np.concatenate([np.arange(span.start, span.stop) for span in self._replay.spans])
        chosen = np.sort(random.permutation(rows)[:COMPONENT_ROWS])
        sketch = self._sketch()
        latents = torch.from_numpy(self._replay.latents)
        values = torch.cat(
            [
                sketch(block)
                for rows in torch.from_numpy(chosen).split(BLOCK_ROWS)
                for block in blocks(latents[rows], self._device)
            ]
        )
        components = Components.fit(values, self._config.pca_components, self._config.pca_floor)
        self._use(Features(token_learner, sketch, components))

    def state(self) -> dict[str, Tensor]:
        """Return the principal components: the part of the features that was fitted."""
        assert self._features is not None
        return join({'components': self._features.components.state_dict()})

    def restore(self, state: Mapping[str, Tensor], token_learner: TokenLearner) -> None:
        """Cache the features of an earlier `state` where they are missing.

        Raises:
            ConfigError: the disk is full.

        """
        components = Components(**part(state, 'components')).to(self._device)
        self._use(Features(token_learner, self._sketch(), components))

    def _sketch(self) -> Sketch:
        return Sketch(math.prod(self.latent_shape)).to(self._device)

    def _use(self, features: Features) -> None:
        self._features = features.to(self._device)
        size = features.size(self._replay.proprioception(0).shape[-1])
        self._cache = FeatureCache(self._replay, size, features.digest())
        for span in self._cache.missing():
            self._cache_features(features, span)
        self._find_rows()

    def _cache_features(self, features: Features, span: slice) -> None:
        latents = torch.from_numpy(self._replay.latents[span])
        states = self._tensor(self._replay.proprioception(span))
        self._cache.rows[span] = features(latents, states).cpu().numpy()
        self._cache.commit(span)

    @property
    def _return_rows(self) -> int:
        """Number of rows of a transition: its actions are `return_steps` at most, or a chunk."""
        return max(1, self._config.return_steps // self._replay.chunk_size)

    def _find_rows(self) -> None:
        steps = self._return_rows
        self._demonstrations = self._replay.usable(steps, demonstrations=True)
        kind = None if self._config.online_rows == 'all' else False
        self._online = self._replay.usable(steps, kind)

    def draw(self, random: np.random.Generator, actor: bool = True) -> Batch:
        """Return a batch of random transitions; without ``actor`` for the critics only."""
        config, replay = self._config, self._replay
        rows, num_demonstrations = self._draw_rows(random)
        drawn = replay.transitions(rows, self._return_rows, config.discount)
        executed = replay.executed(drawn.rows)
        learns = config.token_learner_learning_rate > 0
        # The target reads the next latents in every update, the actor its own only in some.
        latents = self._latents(drawn.rows) if learns and actor else None
        next_latents = self._latents(drawn.next_rows) if learns else None
        return Batch(
            features=self._tensor(self._cache.rows[drawn.rows]),
            next_features=self._tensor(self._cache.rows[drawn.next_rows]),
            actions=self._tensor(replay.actions(drawn.rows)),
            rewards=self._tensor(drawn.rewards),
            discounts=self._tensor(drawn.discounts),
            num_demonstrations=num_demonstrations,
            latents=latents,
            next_latents=next_latents,
            anchor=self._draw_anchor(random) if actor else None,
            executed=None if executed is None else self._tensor(executed),
        )

    def _draw_anchor(self, random: np.random.Generator) -> AnchorBatch | None:
        config = self._config
        if self._anchor is None or not config.anchor_weight:
            return None
        learns = config.token_learner_learning_rate > 0
        return self._anchor.draw(random, config.anchor_size, latents=learns)

    def _draw_rows(self, random: np.random.Generator) -> tuple[np.ndarray, int]:
        count = self._config.batch_size
        share = round(count * self._config.demonstration_share)
        if not len(self._online):
            share = count
        elif not len(self._demonstrations):
            share = 0
        parts = [
            rows[random.integers(len(rows), size=size)]
            for rows, size in ((self._demonstrations, share), (self._online, count - share))
            if size
        ]
        return np.concatenate(parts), share

    def _latents(self, rows: np.ndarray | slice) -> Tensor:
        return self._tensor(self._replay.latents[rows].astype(np.float32))

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device)
