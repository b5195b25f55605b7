# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 on one task: zero-shot episodes, warm-up of the critics, then actor and critics."""

from collections import deque
from dataclasses import asdict, dataclass, replace
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from irevla_control.errors import ConfigError
from irevla_learner.progress import Progress, stage_done
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.sacfd import Losses, SACfD
from irevla_policy.checkpoints.state_file import load_state, save_state
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy

STATE = 'learner.safetensors'


@dataclass(frozen=True)
class SACfDProgress(Progress):
    """Progress of SACfD; `updates` counts those of actor and critics, without the warm-up.

    Attributes:
        interventions: number of environment steps with a person's command.
        updates_per_decision: updates per environment step since training started.
        owed: number of pending updates.
        staleness: mean age of the heads that acted in the newest episode, in updates.
        critic_loss: loss of the newest update, like the values below.
        value: mean estimate of the critics.
        actor_loss: loss of the actor; NaN before its first update.
        cloning_loss: mean squared error on demonstrations.
        temperature: weight of the entropy.

    """

    interventions: int
    updates_per_decision: float
    owed: int
    staleness: float
    critic_loss: float
    value: float
    actor_loss: float
    cloning_loss: float
    temperature: float


@dataclass
class Counters:
    """Numbers of a learner that its state file contains.

    Attributes:
        env_steps: number of environment steps.
        zero_shot_steps: number of those before training started.
        episodes: number of episodes.
        successes: number of episodes with success.
        interventions: number of environment steps with a person's command.
        warm_up: number of pending updates of the warm-up.
        owed: number of pending updates after it.
        staleness: mean age of the heads that acted in the newest episode, in updates.

    """

    env_steps: int = 0
    zero_shot_steps: int = 0
    episodes: int = 0
    successes: int = 0
    interventions: int = 0
    warm_up: int = 0
    owed: float = 0.0
    staleness: float = 0.0


class OnlineLearner:
    """Adds episodes to a replay and runs the updates that each adds to the pending ones."""

    def __init__(
        self,
        policy: LatentPolicy,
        config: SACfDConfig,
        folder: Path,
        seed: int,
        device: str = 'cpu',
    ) -> None:
        """Start from the head of ``policy``, or continue the stage 1 in ``folder``.

        Raises:
            ConfigError: the folder contains a stage 1 with other settings, or a damaged one.

        """
        self._policy, self._config, self._folder = policy, config, Path(folder)
        self._seed, self._device = seed, device
        self._replay: FeatureReplay | None = None
        self._agent: SACfD | None = None
        self._window: deque[bool] = deque(maxlen=config.success_window)
        self._counters = Counters(warm_up=config.warm_up_updates)
        self._losses = Losses(*[math.nan] * 5)
        self._identity = {'config': asdict(config), 'seed': seed, 'start': policy.digest()}
        found = load_state(self._folder / STATE, self._identity)
        if found is not None:
            self._restore(*found)
        self._began, self._updates_before = time.monotonic(), self.version

    @property
    def version(self) -> int:
        """Version of the head: its number of updates."""
        return self._agent.updates if self._agent else 0

    @property
    def learning(self) -> bool:
        """Whether the zero-shot episodes are complete and training has started."""
        return self._agent is not None

    @property
    def pending_updates(self) -> int:
        """Number of updates, with those of the warm-up, for the episodes so far."""
        return self._counters.warm_up + int(self._counters.owed) if self.learning else 0

    @property
    def done(self) -> bool:
        """Whether the success rate or the number of environment steps is reached."""
        config, counters = self._config, self._counters
        return self.learning and stage_done(
            self._window,
            config.success_window,
            config.window_success,
            counters.env_steps - counters.zero_shot_steps,
            config.env_steps,
        )

    def add(self, episode: LatentEpisode) -> None:
        """Add an episode to the replay and its updates to the pending ones.

        Call `save` after the episode is logged elsewhere too.

        Raises:
            ConfigError: it does not fit the policy, all zero-shot episodes failed, or the
                replay is too small for the rest of stage 1.

        """
        replay, counters = self._replay, self._counters
        if replay is None:
            replay = self._open_replay(*episode.latents.shape[1:])
        counters.env_steps += len(episode.actions)
        counters.episodes += 1
        counters.successes += episode.success
        counters.interventions += int(episode.human.sum())
        kept = episode.success and (self._config.keep_successes or not self.learning)
        replay.add(episode, demonstration=kept)
        if not self.learning:
            self._begin_if_enough(replay)
            return
        self._window.append(episode.success)
        counters.staleness = float(self.version - episode.versions.astype(np.float64).mean())
        counters.owed += len(episode.actions) * self._config.updates_per_decision

    def _open_replay(self, tokens: int, width: int) -> FeatureReplay:
        statistics = self._policy.statistics
        self._replay = FeatureReplay(
            LatentReplay(
                self._folder / 'replay',
                backbone_hash=self._policy.backbone_hash,
                tokens=tokens,
                width=width,
                state_size=statistics.state_size,
                action_size=statistics.action_size,
                capacity=self._config.capacity,
            ),
            self._config,
            self._device,
        )
        return self._replay

    def save(self) -> None:
        """Write the state file from which the same stage 1 continues."""
        agent, replay = self._agent, self._replay
        # There is something to save after the first episode only.
        assert replay is not None
        tensors = agent.state() | replay.state() if agent else {}
        save_state(
            self._folder / STATE,
            tensors,
            self._identity,
            {
                'latent': replay.latent_shape,
                'window': list(self._window),
                'updates': self.version,
                'counters': asdict(self._counters),
            },
        )

    def _restore(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        self._counters = Counters(**progress['counters'])
        self._window.extend(progress['window'])
        # The replay may contain one more episode than the counters; it is used too.
        replay = self._open_replay(*progress['latent'])
        if tensors:
            self._seed_random(progress['updates'])
            replay.restore(tensors, self._policy.head.pool)
            self._agent = SACfD(self._policy.head, replay.num_features, self._config, self._device)
            self._agent.restore(tensors, progress['updates'])

    def _begin_if_enough(self, replay: FeatureReplay) -> None:
        config, counters = self._config, self._counters
        if (
            counters.successes < config.demonstrations
            and counters.episodes < config.most_zero_shot_episodes
        ):
            return
        if not counters.successes:
            raise ConfigError(
                f'none of {counters.episodes} zero-shot episodes succeeded: with a '
                'sparse reward nothing can be learned; demonstrate by hand, or '
                'start with an easier task'
            )
        needed = replay.rows + math.ceil(config.env_steps * replay.rows / counters.env_steps)
        if needed > config.capacity:
            # The replay drops its oldest episodes first: the demonstrations.
            raise ConfigError(
                f'SACfD setting capacity is {config.capacity}, but stage 1 will '
                f'have about {needed} observations; raise it, and start in a new '
                'folder'
            )
        self._seed_random(0)
        replay.fit(self._policy.head.pool, self._random)
        self._agent = SACfD(self._policy.head, replay.num_features, config, self._device)
        counters.zero_shot_steps = counters.env_steps
        self._began = time.monotonic()

    def _seed_random(self, updates: int) -> None:
        # With the number of updates: the same seed would repeat the batches of an earlier start.
        torch.manual_seed(self._seed + updates)
        self._random = np.random.default_rng([self._seed, updates])

    def run_updates(self, most: int) -> int:
        """Run at most this number of pending updates; return the number that ran."""
        agent, replay, counters = self._agent, self._replay, self._counters
        done = 0
        while agent and replay and done < most and self.pending_updates:
            batch = replay.draw(self._random)
            if counters.warm_up:
                counters.warm_up -= 1
                losses = agent.update(batch, actor=False)
            else:
                counters.owed -= 1
                losses = agent.update(batch)
            if math.isnan(losses.actor):
                losses = replace(losses, actor=self._losses.actor, cloning=self._losses.cloning)
            self._losses = losses
            done += 1
        return done

    def copy_to(self, head: Head) -> None:
        """Copy the head that acts, the running average of the actor's weights."""
        if self._agent:
            self._agent.copy_to(head)

    def progress(self) -> SACfDProgress:
        """Return the progress so far."""
        losses, counters = self._losses, self._counters
        trained_steps = counters.env_steps - counters.zero_shot_steps
        return SACfDProgress(
            env_steps=counters.env_steps,
            episodes=counters.episodes,
            successes=counters.successes,
            updates=self.version,
            window_success=float(np.mean(self._window)) if self._window else math.nan,
            updates_per_s=(self.version - self._updates_before) / (time.monotonic() - self._began),
            interventions=counters.interventions,
            updates_per_decision=self.version / max(1, trained_steps),
            owed=self.pending_updates,
            staleness=counters.staleness,
            critic_loss=losses.critic,
            value=losses.value,
            actor_loss=losses.actor,
            cloning_loss=losses.cloning,
            temperature=losses.temperature,
        )
