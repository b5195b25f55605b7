# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 of Algorithm 1 without ROS: SACfD in several copies of an environment at once."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
import time

import numpy as np

from irevla_learner.exploration import SmoothNoise
from irevla_learner.latent_replay import LatentReplay
from irevla_learner.sacfd import Losses, SACfD
from irevla_learner.sacfd_config import SACfDConfig
from irevla_learner.vector_play import Played, VectorPlayer
from irevla_policy.vla import VLA


@dataclass(frozen=True)
class Progress:
    """Where stage 1 stands; one row of its metrics."""

    decisions: int
    episodes: int
    updates: int
    window_success: float
    updates_per_s: float
    critic_loss: float
    value: float
    actor_loss: float
    cloning_loss: float


def zero_shot(player: VectorPlayer, config: SACfDConfig, seed: int,
              noises: list[SmoothNoise]) -> Iterator[Played]:
    """Yield the policy's own episodes, until enough of them succeeded (section V-D)."""
    successes = 0
    for played in player.play(range(seed, seed + config.most_zero_shot_episodes), noises):
        successes += played.result.success
        yield played
        if successes >= config.demonstrations:
            return


def sacfd_stage(vla: VLA, player: VectorPlayer, config: SACfDConfig, folder: Path, seed: int,
                copies: int, on_episode: Callable[[Played, Progress | None], None]) -> Progress:
    """Improve the head of ``vla`` on the player's task; the VLM stays as it is.

    Every episode, also those before the first update, goes to ``on_episode``.
    """
    noises = [SmoothNoise(vla.statistics.action_size, config.noise_correlation,
                          config.noise_std_low, config.noise_std_high, seed * 1000 + index)
              for index in range(copies)]
    zero = list(zero_shot(player, config, seed, noises))
    replay = LatentReplay(
        folder / 'replay', backbone_hash=vla.backbone_hash,
        tokens=zero[0].latents.latents.shape[1], width=zero[0].latents.latents.shape[2],
        state_size=vla.statistics.state_size, action_size=vla.statistics.action_size,
        capacity=config.capacity)
    for played in zero:
        replay.add(played.latents, demonstration=played.result.success)
        on_episode(played, None)
    agent = SACfD(vla.head, replay, config, seed)
    agent.refresh()
    for _ in range(config.warm_up_updates):
        losses = agent.update(actor=False)
    window: deque[bool] = deque(maxlen=config.window)
    start = time.monotonic()
    owed = 0.0
    episodes = len(zero)
    begun = player.decisions
    newest = losses

    def learn(decisions: int) -> None:
        nonlocal owed, newest
        owed += decisions * config.updates_per_decision
        while owed >= 1:
            owed -= 1
            losses = agent.update()
            newest = _merge(newest, losses)
        agent.copy_to(vla.head)
        player.version = agent.updates

    for played in player.play(count(seed + config.most_zero_shot_episodes), noises, learn):
        episodes += 1
        window.append(played.result.success)
        agent.see(replay.add(played.latents,
                             demonstration=config.keep_successes and played.result.success))
        agent.refresh()
        progress = Progress(
            player.decisions, episodes, agent.updates, float(np.mean(window)),
            agent.updates / (time.monotonic() - start), newest.critic, newest.value,
            newest.actor, newest.cloning)
        on_episode(played, progress)
        if player.decisions - begun >= config.decisions or (
                len(window) == config.window and np.mean(window) >= config.window_success):
            return progress
    raise AssertionError('the seeds never end')


def _merge(old: Losses, new: Losses) -> Losses:
    """Keep the actor's last figures where only the critics learned."""
    if np.isfinite(new.actor):
        return new
    return Losses(new.critic, new.value, old.actor, old.cloning, new.temperature)
