# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 of Algorithm 1 with SACfD in parallel environments."""

from collections.abc import Callable
from itertools import count
import math
from pathlib import Path

from irevla_learner.progress import Progress
from irevla_learner.rollout.played import Played
from irevla_learner.rollout.vector_play import VectorPlayer
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.online_learner import OnlineLearner
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.vla import VLA


def sacfd_stage(
    vla: VLA,
    player: VectorPlayer,
    config: SACfDConfig,
    folder: Path,
    seed: int,
    first: int,
    on_episode: Callable[[Played, Progress], None],
) -> Progress:
    """Train the head of ``vla`` on layouts from ``first`` on; the VLM is frozen.

    Continues a killed stage 1. Every episode, also each zero-shot episode, is given to
    ``on_episode``.

    Raises:
        ConfigError: no zero-shot episode succeeded, or ``folder`` contains a stage 1 with other
            settings.

    """
    learner = OnlineLearner(vla.latent_policy, config, folder, seed)
    played_before = learner.progress().episodes
    player.curriculum.successes = learner.easier_successes
    noises = [
        SmoothNoise(
            vla.statistics.action_size,
            config.noise_correlation,
            config.noise_std_low,
            config.noise_std_high,
            [seed, index, played_before],
        )
        for index in range(player.num_envs)
    ]

    def learn(env_steps: int) -> None:
        # 1.5: pending updates of a whole episode are added only at its end.
        learner.run_updates(math.ceil(1.5 * env_steps * config.updates_per_decision))
        follow()

    def follow() -> None:
        learner.copy_to(vla.head)
        player.version = learner.version

    follow()
    if not learner.done:
        for played in player.play(count(first + played_before), noises, learn):
            began = learner.learning
            learner.add(played.latents)
            on_episode(played, learner.progress())
            learner.commit_episode()
            if learner.learning and not began:
                learner.run_updates(learner.pending_updates)
            if learner.done:
                break
    learner.run_updates(learner.pending_updates)
    learner.save()
    follow()
    return learner.progress()
