# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One recorded demonstration with the latents of a policy's backbone in place of its images."""

from dataclasses import dataclass

import numpy as np

from irevla_control.errors import ConfigError
from irevla_learner.replay.latent_episode import LatentEpisode


@dataclass(frozen=True)
class EncodedEpisode:
    """A recorded episode of T actions as a policy's head sees it.

    Attributes:
        episode_id: of the recording.
        task: name of the task.
        instruction: of all its steps.
        success: whether the task succeeded.
        terminated: whether the task ended the episode.
        latents: float16 (T + 1, m, d), or (T, m, d) if the recording lacks the last observation.
        proprioception: float32, as many rows as latents, (p,) each; normalised.
        actions: float32 (T, a), as executed, with the noise of who demonstrated; normalised, and
            beyond [-1, 1] where what was executed lies outside the labels' range.
        labels: float32 (T, a), what the expert meant; normalised. Equals ``actions`` where the
            recording has no labels of its own.
        stamps: int64 (T,), stamps of the observations [ns].
        dropped: number of commands without a row, because an image or the state is missing; the
            steps around them are no neighbours, so a replay cannot use the episode.

    """

    episode_id: str
    task: str
    instruction: str
    success: bool
    terminated: bool
    latents: np.ndarray
    proprioception: np.ndarray
    actions: np.ndarray
    labels: np.ndarray
    stamps: np.ndarray
    dropped: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError if lengths do not match."""
        steps, rows = len(self.actions), len(self.latents)
        if (
            steps == 0
            or rows not in (steps, steps + 1)
            or len(self.proprioception) != rows
            or not len(self.labels) == len(self.stamps) == steps
        ):
            raise ConfigError(
                f'demonstration {self.episode_id} of {steps} actions with {rows} latents, '
                f'{len(self.proprioception)} states, {len(self.labels)} labels and '
                f'{len(self.stamps)} stamps; encode it again'
            )

    @property
    def steps(self) -> int:
        """The number T of actions."""
        return len(self.actions)

    def to_latent_episode(self) -> LatentEpisode:
        """Return it for a replay: a person's, of version 0, reward 1 for its last action.

        The reward of a failure is 0. Nothing is copied.

        Raises:
            ConfigError: values that are not finite.

        """
        rewards = np.zeros(self.steps, np.float32)
        rewards[-1] = self.success
        return LatentEpisode(
            latents=self.latents,
            proprioception=self.proprioception,
            actions=self.actions,
            rewards=rewards,
            terminated=self.terminated,
            success=self.success,
            human=np.ones(self.steps, bool),
            versions=np.zeros(self.steps, np.uint64),
            stamps=self.stamps,
        )

    def cloning_arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return latents (T, m, d), proprioception (T, p) and labels (T, a) to clone.

        Nothing is copied.
        """
        return self.latents[: self.steps], self.proprioception[: self.steps], self.labels
