# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One episode that a policy played in a simulator."""

from dataclasses import dataclass

import numpy as np

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.runs.evaluation import EpisodeResult


@dataclass(frozen=True)
class Played:
    """An episode with its outcome, observations and actions.

    Attributes:
        result: task, seed and outcome.
        instruction: instruction of the policy.
        images: camera name to uint8 (T, size, size, 3) RGB.
        states: float64 (T, 10).
        labels: float64 (T, 7), the commands.
        drawn: float32 (T, a), normalised actions before they were clipped to [-1, 1].
        truth: success in the environment, also if a classifier judged the result.
        latents: the episode for a replay.

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
        """Identifier of the episode."""
        return self.result.episode_id

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.result.task
