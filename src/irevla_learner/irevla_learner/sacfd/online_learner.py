# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 on one task: zero-shot episodes, warm-up of the critics, then actor and critics."""

from collections import deque
from dataclasses import asdict, replace
from hashlib import sha256
import json
import math
from pathlib import Path
import time

import numpy as np
import torch

from irevla_control.errors import ConfigError
from irevla_learner.progress import stage_done
from irevla_learner.replay.encoded_demonstrations import (
    EncodedDemonstrations,
    load_demonstrations,
)
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.anchor import Anchor
from irevla_learner.sacfd.config import ANCHOR, DEMONSTRATIONS, SACfDConfig
from irevla_learner.sacfd.counters import Counters, SACfDProgress
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.sacfd import Losses, SACfD
from irevla_policy.checkpoints.state_file import load_state, save_state
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy

# Files of a learner: constants, weights, and the progress after each episode.
COMPONENTS, WEIGHTS = 'components.safetensors', 'learner.safetensors'
PROGRESS = 'progress.safetensors'
# Weights are written at most this often [s]; a killed learner repeats the updates since then.
SAVE_PERIOD_S = 60.0


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

        Demonstrations that `irevla_learner.encode` wrote into the folder are used:
        `demonstrations.safetensors`, of the new task, in the replay; `anchor.safetensors`, of the
        expert tasks, as actions that the actor keeps cloning.

        Raises:
            ConfigError: the folder contains a stage 1 with other settings, or a damaged one, or
                demonstrations that another backbone encoded.

        """
        self._policy, self._config, self._folder = policy, config, Path(folder)
        self._seed, self._device = seed, device
        self._replay: FeatureReplay | None = None
        self._agent: SACfD | None = None
        self._window: deque[bool] = deque(maxlen=config.success_window)
        self._counters = Counters()
        self._warm_up = config.warm_up_updates
        self._saved_s = -math.inf
        self._losses = Losses()
        self._anchor = self._load(ANCHOR) if config.anchor_weight else None
        self._demonstrations = self._load(DEMONSTRATIONS)
        self._identity = {
            'config': asdict(config),
            'seed': seed,
            'start': policy.digest(),
            'anchor': _identity(self._anchor),
            'demonstrations': _identity(self._demonstrations),
        }
        self._restore()
        if self._demonstrations and not self._counters.demonstration_rows:
            self._add_demonstrations(self._demonstrations)
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
    def easier_successes(self) -> int:
        """Number of successful episodes of easier tasks, with which a curriculum continues."""
        return self._counters.easier_successes

    @property
    def pending_updates(self) -> int:
        """Number of updates, with those of the warm-up, for the episodes so far."""
        due = self._trained_steps * self._config.updates_per_decision
        # Weights may have been saved after the newest progress.
        return self._warm_up + max(0, int(due) - self.version) if self.learning else 0

    @property
    def _trained_steps(self) -> int:
        return self._counters.env_steps - self._counters.zero_shot_steps

    @property
    def done(self) -> bool:
        """Whether the success rate or the number of environment steps is reached."""
        config = self._config
        return self.learning and stage_done(
            self._window,
            config.success_window,
            config.window_success,
            self._trained_steps,
            config.env_steps,
        )

    def add(self, episode: LatentEpisode) -> None:
        """Add an episode to the replay and its updates to the pending ones.

        Call `commit_episode` after the episode is logged elsewhere too.

        Raises:
            ConfigError: it does not fit the policy, all zero-shot episodes failed, or the
                replay is too small for the rest of stage 1.

        """
        replay, counters = self._replay, self._counters
        if replay is None:
            replay = self._new_replay(*episode.latents.shape[1:])
        counters.env_steps += len(episode.actions)
        counters.online_rows += len(episode.latents)
        counters.episodes += 1
        counters.successes += episode.success
        counters.easier_successes += episode.success and episode.easier
        counters.interventions += int(episode.human.sum())
        kept = episode.success and (self._config.keep_successes or not self.learning)
        replay.add(episode, demonstration=kept)
        if not self.learning:
            self._begin_if_enough(replay)
            return
        if not episode.easier:
            # What a person rescued is no success of the policy.
            self._window.append(episode.success and not episode.human.any())
        counters.staleness = float(self.version - episode.versions.astype(np.float64).mean())

    def _open_replay(self, tokens: int, width: int) -> FeatureReplay:
        statistics, anchor = self._policy.statistics, self._anchor
        chunk_size = self._policy.chunk_size
        self._replay = FeatureReplay(
            LatentReplay(
                self._folder / 'replay',
                backbone_hash=self._policy.backbone_hash,
                tokens=tokens,
                width=width,
                state_size=statistics.state_size,
                action_size=statistics.action_size,
                capacity=self._config.capacity,
                chunk_size=chunk_size,
            ),
            self._config,
            self._device,
            Anchor(anchor, self._policy.head.pool, self._device, chunk_size) if anchor else None,
        )
        return self._replay

    def _load(self, name: str) -> EncodedDemonstrations | None:
        path = self._folder / name
        return load_demonstrations(path, self._policy) if path.exists() else None

    def _new_replay(self, tokens: int, width: int) -> FeatureReplay:
        """Open the replay of a stage 1 that begins."""
        replay = self._open_replay(tokens, width)
        if replay.episodes:
            raise ConfigError(
                f'{self._folder / "replay"} has {replay.episodes} episodes, but {PROGRESS} beside '
                'it is missing; choose another folder'
            )
        # Saved before the first episode, so that later data belongs to this stage 1.
        self._save_progress()
        return replay

    def _add_demonstrations(self, demonstrations: EncodedDemonstrations) -> None:
        usable = [episode for episode in demonstrations if not episode.dropped]
        rows = sum(len(episode.latents) for episode in usable)
        if rows + self._config.env_steps > self._config.capacity:
            raise ConfigError(
                f'SACfD setting capacity is {self._config.capacity}, below {rows} observations '
                f'of demonstrations and env_steps {self._config.env_steps}; raise it'
            )
        replay = self._replay or self._new_replay(demonstrations.tokens, demonstrations.width)
        # A killed learner may have added some.
        for episode in usable[replay.episodes :]:
            replay.add(episode.to_latent_episode(), demonstration=True)
        self._counters.demonstrations = sum(episode.success for episode in usable)
        self._counters.demonstration_rows = rows
        self._save_progress()

    @property
    def demonstrations_in_use(self) -> str:
        """Recorded demonstrations that this stage 1 uses, in words."""
        own, anchor = self._demonstrations, self._anchor
        used = 'no recorded demonstrations of the task'
        if own:
            gaps = sum(bool(episode.dropped) for episode in own)
            used = f'{len(own) - gaps} of {len(own)} recorded demonstrations of the task'
            used += f' ({gaps} lack steps)' if gaps else ''
        steps = f'{anchor.frames} steps of {", ".join(anchor.tasks)}' if anchor else 'none'
        return f'{used}; anchor: {steps}'

    def commit_episode(self) -> None:
        """Write the progress after an episode; the weights if they are old.

        A killed learner continues with all episodes, and repeats updates of `SAVE_PERIOD_S` at
        most.
        """
        if self.learning and time.monotonic() - self._saved_s >= SAVE_PERIOD_S:
            self.save()
        else:
            self._save_progress()

    def save(self) -> None:
        """Write the weights and the progress from which the same stage 1 continues."""
        if self._agent:
            save_state(
                self._folder / WEIGHTS,
                self._agent.state(),
                self._identity,
                {
                    'updates': self.version,
                    'warm_up': self._warm_up,
                    'zero_shot_steps': self._counters.zero_shot_steps,
                },
            )
            self._saved_s = time.monotonic()
        self._save_progress()

    def _save_progress(self) -> None:
        # Called only when the replay exists.
        assert self._replay is not None
        progress = {
            'latent': self._replay.latent_shape,
            'window': list(self._window),
            'counters': asdict(self._counters),
        }
        save_state(self._folder / PROGRESS, {}, self._identity, progress)

    def _restore(self) -> None:
        progress, weights, components = (
            load_state(self._folder / name, self._identity)
            for name in (PROGRESS, WEIGHTS, COMPONENTS)
        )
        if weights is not None and components is None:
            raise ConfigError(
                f'{self._folder / COMPONENTS} is missing, but {WEIGHTS} needs it; copy the folder '
                'again, or choose another'
            )
        if progress is None:
            return
        _, numbers = progress
        self._counters = Counters(**numbers['counters'])
        self._window.extend(numbers['window'])
        # The replay may contain one more episode than the counters; it is used too.
        replay = self._open_replay(*numbers['latent'])
        if weights is not None and components is not None:
            tensors, done = weights
            self._warm_up = done['warm_up']
            # The progress may be of the episode before the weights were first saved.
            self._counters.zero_shot_steps = done['zero_shot_steps']
            self._counters.env_steps = max(self._counters.env_steps, done['zero_shot_steps'])
            self._seed_random(done['updates'])
            replay.restore(components[0], self._policy.head.pool)
            self._agent = SACfD(self._policy.head, replay.num_features, self._config, self._device)
            self._agent.restore(tensors, done['updates'])

    def _begin_if_enough(self, replay: FeatureReplay) -> None:
        config, counters = self._config, self._counters
        successes = counters.successes + counters.demonstrations
        if (
            successes < config.min_demonstrations
            and counters.episodes < config.most_zero_shot_episodes
        ):
            return
        if not successes:
            raise ConfigError(
                f'none of {counters.episodes} zero-shot episodes succeeded: with a '
                'sparse reward nothing can be learned; give demonstrations of the task '
                '(demonstration_bags), or begin with an easier task (curriculum)'
            )
        rows_per_step = counters.online_rows / counters.env_steps
        needed = counters.demonstration_rows + counters.online_rows
        needed += math.ceil(config.env_steps * rows_per_step)
        if needed > config.capacity:
            # The replay drops its oldest episodes first: the demonstrations.
            raise ConfigError(
                f'SACfD setting capacity is {config.capacity}, but stage 1 will '
                f'have about {needed} observations; raise it, and start in a new '
                'folder'
            )
        self._seed_random(0)
        replay.fit(self._policy.head.pool, self._random)
        save_state(self._folder / COMPONENTS, replay.state(), self._identity, {})
        self._agent = SACfD(self._policy.head, replay.num_features, config, self._device)
        counters.zero_shot_steps = counters.env_steps
        self._began = time.monotonic()

    def _seed_random(self, updates: int) -> None:
        # The number of updates is added, so that a restart does not repeat earlier batches.
        torch.manual_seed(self._seed + updates)
        self._random = np.random.default_rng([self._seed, updates])

    def run_updates(self, most: int) -> int:
        """Run at most this number of pending updates; return the number of updates run."""
        agent, replay = self._agent, self._replay
        done = 0
        while agent and replay and done < most and self.pending_updates:
            actor = not self._warm_up
            batch = replay.draw(self._random, agent.updates_actor(actor))
            losses = agent.update(batch, actor)
            self._warm_up -= not actor
            if math.isnan(losses.actor):
                old = self._losses
                losses = replace(losses, actor=old.actor, cloning=old.cloning, anchor=old.anchor)
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
        return SACfDProgress(
            env_steps=counters.env_steps,
            episodes=counters.episodes,
            successes=counters.successes,
            updates=self.version,
            window_success=float(np.mean(self._window)) if self._window else math.nan,
            updates_per_s=(self.version - self._updates_before) / (time.monotonic() - self._began),
            interventions=counters.interventions,
            updates_per_decision=self.version / max(1, self._trained_steps),
            owed=self.pending_updates,
            staleness=counters.staleness,
            critic_loss=losses.critic,
            value=losses.value,
            actor_loss=losses.actor,
            cloning_loss=losses.cloning,
            anchor_loss=losses.anchor,
            temperature=losses.temperature,
        )


def _identity(demonstrations: EncodedDemonstrations | None) -> str:
    if demonstrations is None:
        return 'none'
    return sha256(json.dumps(demonstrations.identity).encode()).hexdigest()
