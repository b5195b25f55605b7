# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One episode that a policy played in a simulator."""

from dataclasses import dataclass

import numpy as np

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.runs.evaluation import EpisodeResult


@dataclass(frozen=True)
class Played:
    """An episode that was played: how it ended, what it showed, what the policy saw of it.

    Attributes:
        result: task, seed and outcome.
        instruction: what the policy was told.
        images: camera name to uint8 (T, size, size, 3) RGB.
        states: float64 (T, 10).
        labels: float64 (T, 7), the commands.
        drawn: float32 (T, a), the normalised actions before they were clipped to [-1, 1].
        truth: whether the environment saw success, whoever judged the result.
        latents: the same episode for a replay.

    """

    result: EpisodeResult
    instruction: str
    images: dict[str, np.ndarray]
    states: np.ndarray
    labels: np.ndarray
    drawn: np.ndarray
    truth: bool
    latents: LatentEpisode

    @property
    def episode_id(self) -> str:
        """The name of the episode."""
        return self.result.episode_id

    @property
    def task(self) -> str:
        """The task's name."""
        return self.result.task
