# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 on one task: zero-shot episodes, warm-up of the critics, then actor and critics."""

from collections import deque
from dataclasses import asdict, dataclass
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
from torch import Tensor

from irevla_control.errors import ConfigError
from irevla_learner.progress import Progress, stage_done
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.sacfd import Losses, SACfD
from irevla_policy.checkpoints.state_file import load_state, save_state
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy

STATE = 'learner.safetensors'
# Numbers of a learner that its state file contains under these names.
COUNTERS = ('_owed', '_warm_up', '_env_steps', '_episodes', '_successes', '_interventions',
            '_before', '_staleness')


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


class OnlineLearner:
    """Adds episodes to a replay and runs the updates that each adds to the pending ones."""

    def __init__(self, policy: LatentPolicy, config: SACfDConfig, folder: Path, seed: int,
                 device: str = 'cpu') -> None:
        """Start from the head of ``policy``, or continue the stage 1 in ``folder``.

        Raises:
            ConfigError: the folder contains a stage 1 with other settings, or a damaged one.

        """
        self._policy, self._config, self._folder = policy, config, Path(folder)
        self._seed, self._device = seed, device
        self._replay: LatentReplay | None = None
        self._agent: SACfD | None = None
        self._window: deque[bool] = deque(maxlen=config.success_window)
        self._owed = 0.0
        self._warm_up = config.warm_up_updates
        self._env_steps = self._episodes = self._successes = self._interventions = 0
        self._before = 0
        self._staleness = 0.0
        self._losses = Losses(*[math.nan] * 5)
        self._identity = {'config': asdict(config), 'seed': seed,
                          'start': policy.digest()}
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
        return self._warm_up + int(self._owed) if self.learning else 0

    @property
    def done(self) -> bool:
        """Whether the success rate or the number of environment steps is reached."""
        config = self._config
        return self.learning and stage_done(
            self._window, config.success_window, config.window_success,
            self._env_steps - self._before, config.env_steps)

    def add(self, episode: LatentEpisode) -> None:
        """Add an episode to the replay and its updates to the pending ones.

        Call `save` after the episode is logged elsewhere too.

        Raises:
            ConfigError: it does not fit the policy, all zero-shot episodes failed, or the
                replay is too small for the rest of stage 1.

        """
        replay = self._replay
        if replay is None:
            replay = self._open_replay(*episode.latents.shape[1:])
        self._env_steps += len(episode.actions)
        self._episodes += 1
        self._successes += episode.success
        self._interventions += int(episode.human.sum())
        kept = episode.success and (self._config.keep_successes or not self.learning)
        span = replay.add(episode, demonstration=kept)
        if self._agent is None:
            self._begin_if_enough(replay)
        else:
            self._window.append(episode.success)
            self._staleness = float(self.version - episode.versions.astype(np.float64).mean())
            self._owed += len(episode.actions) * self._config.updates_per_decision
            self._agent.cache_features(span)
            self._agent.refresh()

    def _open_replay(self, tokens: int, width: int) -> LatentReplay:
        statistics = self._policy.statistics
        self._replay = LatentReplay(
            self._folder / 'replay', backbone_hash=self._policy.backbone_hash, tokens=tokens,
            width=width, state_size=statistics.state_size, action_size=statistics.action_size,
            capacity=self._config.capacity)
        return self._replay

    def save(self) -> None:
        """Write the state file from which the same stage 1 continues."""
        agent, replay = self._agent, self._replay
        # There is something to save after the first episode only.
        assert replay is not None
        save_state(self._folder / STATE, agent.state() if agent else {}, self._identity, {
            'latent': replay.latents.shape[1:], 'window': list(self._window),
            'updates': self.version, **{name: getattr(self, name) for name in COUNTERS}})

    def _restore(self, tensors: dict[str, Tensor], progress: dict[str, Any]) -> None:
        for name in COUNTERS:
            setattr(self, name, progress[name])
        self._window.extend(progress['window'])
        # The replay may contain one more episode than the counters; it is used too.
        replay = self._open_replay(*progress['latent'])
        if tensors:
            self._agent = SACfD(self._policy.head, replay, self._config, self._seed,
                                self._device, tensors, progress['updates'])
            self._agent.refresh()

    def _begin_if_enough(self, replay: LatentReplay) -> None:
        config = self._config
        if self._successes < config.demonstrations \
                and self._episodes < config.most_zero_shot_episodes:
            return
        if not self._successes:
            raise ConfigError(f'none of {self._episodes} zero-shot episodes succeeded: with a '
                              'sparse reward nothing can be learned; demonstrate by hand, or '
                              'start with an easier task')
        used = sum(span.stop - span.start for span in replay.spans)
        needed = used + math.ceil(config.env_steps * used / self._env_steps)
        if needed > config.capacity:
            # The replay drops its oldest episodes first: the demonstrations.
            raise ConfigError(f'SACfD setting capacity is {config.capacity}, but stage 1 will '
                              f'have about {needed} observations; raise it, and start in a new '
                              'folder')
        self._agent = SACfD(self._policy.head, replay, config, self._seed, self._device)
        self._agent.refresh()
        self._before = self._env_steps
        self._began = time.monotonic()

    def run_updates(self, most: int) -> int:
        """Run at most this number of pending updates; return the number that ran."""
        done, agent = 0, self._agent
        while agent is not None and done < min(most, done + self.pending_updates):
            if self._warm_up:
                self._warm_up -= 1
                losses = agent.update(actor=False)
            else:
                self._owed -= 1
                losses = agent.update()
            if math.isnan(losses.actor):
                losses = Losses(losses.critic, losses.value, self._losses.actor,
                                self._losses.cloning, losses.temperature)
            self._losses = losses
            done += 1
        return done

    def copy_to(self, head: Head) -> None:
        """Copy the head that acts, the running average of the actor's weights."""
        if self._agent:
            self._agent.copy_to(head)

    def progress(self) -> SACfDProgress:
        """Return the progress so far."""
        losses = self._losses
        return SACfDProgress(
            env_steps=self._env_steps, episodes=self._episodes, successes=self._successes,
            updates=self.version,
            window_success=float(np.mean(self._window)) if self._window else math.nan,
            updates_per_s=(self.version - self._updates_before) / (time.monotonic() - self._began),
            interventions=self._interventions,
            updates_per_decision=self.version / max(1, self._env_steps - self._before),
            owed=self.pending_updates, staleness=self._staleness,
            critic_loss=losses.critic, value=losses.value, actor_loss=losses.actor,
            cloning_loss=losses.cloning, temperature=losses.temperature)
