# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One episode with latents instead of images."""

from dataclasses import dataclass

import numpy as np

from irevla_control.errors import ConfigError


@dataclass(frozen=True)
class LatentEpisode:
    """One episode of T actions, with the inputs of the policy's head.

    The VLM runs for P observations, each of which has a latent: for all T, or with chunks of
    actions for fewer.

    Attributes:
        latents: float16 (P + 1, m, d), or (P, m, d) if the last observation was not encoded;
            then steps whose return includes its value are not used, unless the episode
            terminated.
        proprioception: float32 (P + 1, p) or (P, p), normalised; as many rows as latents.
        actions: float32 (T, a), normalised, as executed.
        rewards: float32 (T,).
        terminated: the task ended the episode, so the value after it is zero; otherwise the
            value of the last observation is used.
        success: whether the task succeeded.
        human: bool (T,), whether a person commanded the action.
        versions: uint64 (T,), version of the head that acted.
        stamps: int64 (T,), stamps of the observations [ns].
        encoded: int64 (P,), observations with a latent, from 0 on; None: all.
        easier: whether it is of an easier task of a curriculum; such episodes do not count
            towards the success rate at which stage 1 ends.

    """

    latents: np.ndarray
    proprioception: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminated: bool
    success: bool
    human: np.ndarray
    versions: np.ndarray
    stamps: np.ndarray
    encoded: np.ndarray | None = None
    easier: bool = False

    @property
    def passes(self) -> np.ndarray:
        """Observations with a latent, int64 (P,)."""
        return np.arange(len(self.actions)) if self.encoded is None else self.encoded

    def __post_init__(self) -> None:
        """Raise ConfigError if lengths do not match or values are not finite."""
        steps, passes = len(self.actions), self.passes
        if steps == 0 or len(self.latents) not in (len(passes), len(passes) + 1):
            raise ConfigError(
                f'episode of {steps} actions and {len(self.latents)} latents; '
                f'{"as many" if self.encoded is None else len(passes)} latents or one more are '
                'needed'
            )
        if passes[0] != 0 or passes[-1] >= steps or not (np.diff(passes) > 0).all():
            raise ConfigError(
                f'episode of {steps} actions with latents of the observations '
                f'{passes.tolist()}; increasing numbers from 0 on are needed'
            )
        for name in ('rewards', 'human', 'versions', 'stamps'):
            if len(getattr(self, name)) != steps:
                raise ConfigError(
                    f'episode of {steps} actions with {len(getattr(self, name))} {name}'
                )
        if len(self.proprioception) != len(self.latents):
            raise ConfigError(
                f'episode of {len(self.latents)} latents with {len(self.proprioception)} states'
            )
        for name in ('latents', 'proprioception', 'actions', 'rewards'):
            if not np.isfinite(getattr(self, name)).all():
                raise ConfigError(f'episode with {name} that are not finite')
