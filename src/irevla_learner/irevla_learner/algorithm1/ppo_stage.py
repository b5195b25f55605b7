# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 of Algorithm 1 with PPO in parallel environments."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
import math
from pathlib import Path
import time

import numpy as np

from irevla_learner.ppo.config import PPOConfig
from irevla_learner.ppo.ppo import PPO, PPOLosses
from irevla_learner.progress import Progress, stage_done
from irevla_learner.rollout.played import Played
from irevla_learner.rollout.vector_play import VectorPlayer
from irevla_policy.checkpoints.state_file import load_state, save_state
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.vla import VLA

STATE = 'learner.safetensors'


@dataclass(frozen=True)
class PPOProgress(Progress):
    """Progress with the losses of the newest iteration, as in `PPOLosses`."""

    iterations: int
    critic_loss: float
    value: float
    policy_loss: float
    kl: float
    clipped: float
    learning_rate: float


def ppo_stage(
    vla: VLA,
    player: VectorPlayer,
    config: PPOConfig,
    folder: Path,
    seed: int,
    first: int,
    on_episode: Callable[[Played, Progress], None],
    whole: bool = False,
) -> Progress:
    """Train the head of ``vla`` on layouts from ``first`` on, with ``whole`` also its VLM.

    Continues a killed stage 1 at the start of its iteration. Every episode is given to
    ``on_episode``.

    Raises:
        ConfigError: ``folder`` contains a stage 1 with other settings.

    """
    identity = {
        'config': asdict(config),
        'seed': seed,
        'start': vla.latent_policy.digest(),
        'whole': whole,
    }
    found = load_state(folder / STATE, identity)
    tensors, before = found or (None, {})
    ppo = PPO(vla, config, seed + before.get('iterations', 0), whole, tensors)
    ppo.iterations, ppo.updates = before.get('iterations', 0), before.get('updates', 0)
    counts = {name: before.get(name, 0) for name in ('env_steps', 'episodes', 'successes')}
    player.curriculum.successes = before.get('easier_successes', 0)
    window = deque(before.get('window', []), config.success_window)
    began, updates_before = time.monotonic(), ppo.updates
    losses = PPOLosses(*[math.nan] * 6)

    def progress() -> PPOProgress:
        return PPOProgress(
            **counts,
            updates=ppo.updates,
            window_success=float(np.mean(window)) if window else math.nan,
            updates_per_s=(ppo.updates - updates_before) / (time.monotonic() - began),
            iterations=ppo.iterations,
            critic_loss=losses.critic,
            value=losses.value,
            policy_loss=losses.policy,
            kl=losses.kl,
            clipped=losses.clipped,
            learning_rate=losses.learning_rate,
        )

    while not stage_done(
        window, config.success_window, config.window_success, counts['env_steps'], config.env_steps
    ):
        noises = [
            SmoothNoise(
                vla.statistics.action_size,
                0.0,
                config.std,
                config.std,
                [seed, index, counts['episodes']],
            )
            for index in range(player.num_envs)
        ]
        # Before the episodes: after the last ones nothing would remain to learn from them.
        remaining = 1 - counts['env_steps'] / config.env_steps
        start = first + counts['episodes']
        episodes = []
        for played in player.play(range(start, start + config.episodes), noises):
            episodes.append(played)
            counts['env_steps'] += played.result.steps
            counts['episodes'] += 1
            counts['successes'] += played.result.success
            if not played.latents.easier:
                window.append(played.result.success)
            on_episode(played, progress())
        losses = ppo.improve(episodes, remaining)
        player.version = ppo.updates
        save_state(
            folder / STATE,
            ppo.state(),
            identity,
            {
                **counts,
                'easier_successes': player.curriculum.successes,
                'iterations': ppo.iterations,
                'updates': ppo.updates,
                'window': list(window),
            },
        )
    return progress()
