# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One recorded demonstration with latents of a policy's backbone instead of images."""

from dataclasses import dataclass

import numpy as np

from irevla_control.errors import ConfigError
from irevla_learner.replay.latent_episode import LatentEpisode


@dataclass(frozen=True)
class EncodedEpisode:
    """A recorded episode of T actions, with the inputs of a policy's head.

    Attributes:
        episode_id: identifier of the recording.
        task: name of the task.
        instruction: instruction of all steps.
        success: whether the task succeeded.
        terminated: whether the task ended the episode.
        latents: float16 (T + 1, m, d), or (T, m, d) if the recording lacks the last observation.
        proprioception: float32, as many rows as latents, (p,) each; normalised.
        actions: float32 (T, a), executed actions with the expert's noise; normalised, so values
            outside the range of the labels exceed [-1, 1].
        labels: float32 (T, a), the expert's actions before noise; normalised. Equal to
            ``actions`` if the recording has no labels.
        stamps: int64 (T,), stamps of the observations [ns].
        dropped: number of commands left out because an image or the state is missing; a replay
            needs consecutive steps, so it cannot use an episode with dropped commands.

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
        """Return the episode for a replay: human actions, head version 0, no array copied.

        The last action of a success has reward 1, all others 0.

        Raises:
            ConfigError: values are not finite.

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
        """Return latents (T, m, d), proprioception (T, p) and labels (T, a) for cloning.

        No array is copied.
        """
        return self.latents[: self.steps], self.proprioception[: self.steps], self.labels
