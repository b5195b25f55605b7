# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The backend of Algorithm 1 that runs gymnasium environments in subprocesses, without ROS."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from gymnasium.vector import AsyncVectorEnv
import torch

from irevla_control.errors import ConfigError
from irevla_control.progress_bar import progress_bar
from irevla_learner.algorithm1.config import Algorithm1Config, Stage1Config
from irevla_learner.algorithm1.ppo_stage import ppo_stage
from irevla_learner.algorithm1.sacfd_stage import sacfd_stage
from irevla_learner.classifier.success_classifier import load_classifier
from irevla_learner.ppo.config import PPOConfig, check_chunk_size
from irevla_learner.progress import Progress
from irevla_learner.rollout.played import Played
from irevla_learner.rollout.played_episodes import keep, newest
from irevla_learner.rollout.vector_play import VectorPlayer, make_envs
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.layouts import first_layout
from irevla_learner.runs.outcome import write_outcome
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.checkpoints.checkpoint import load_frozen, save_checkpoint
from irevla_policy.checkpoints.stage0 import with_stage0
from irevla_policy.frames.frame_store import FrameStore, write_store
from irevla_policy.metrics_log import MetricsLog
from irevla_policy.model.config import PolicyConfig
from irevla_policy.model.vla import VLA
from irevla_policy.settings import plain

# A number of commands that no episode reaches.
LONGEST = 1_000_000


class InProcessBackend:
    """Evaluation and stage 1 in parallel environments, which start when first needed."""

    def __init__(self, config: Algorithm1Config, policy: PolicyConfig, seed: int) -> None:
        """Prepare environments of the configuration with the cameras of this policy.

        Raises:
            ConfigError: PPO with a policy that decides several actions a pass, or a robot.

        """
        if config.environment is None:
            raise ConfigError(
                'robot is set: Algorithm 1 runs on a robot over ROS only; use python -m '
                'irevla_bringup.algorithm1, or give an environment'
            )
        if isinstance(config.settings, PPOConfig):
            check_chunk_size(policy.head.chunk_size)
        self._config, self._policy, self._seed = config, policy, seed
        self._first = first_layout(seed, config.evaluation_seed)
        torch.set_num_threads(1)

    @property
    def evaluation_seed(self) -> int:
        """Seed of the first evaluation episode of each task."""
        return self._config.evaluation_seed

    @cached_property
    def _envs(self) -> AsyncVectorEnv:
        return self._make_envs()

    @cached_property
    def _judged_envs(self) -> AsyncVectorEnv:
        # The environment continues after success, so that the classifier observes it.
        return self._make_envs(linger=self._config.horizon or LONGEST)

    def _make_envs(self, **options: Any) -> AsyncVectorEnv:
        if self._config.tasks_file:
            options['tasks_file'] = str(self._config.tasks_file)
        if self._config.horizon:
            options['horizon'] = self._config.horizon
        # Checked when the backend was made.
        assert self._config.environment is not None
        return make_envs(
            self._config.environment,
            self._config.num_envs,
            cameras=self._policy.cameras,
            image_size=self._policy.image_size,
            **options,
        )

    def __enter__(self) -> 'InProcessBackend':
        return self

    def __exit__(self, *_: object) -> None:
        """End the environments."""
        for name in ('_envs', '_judged_envs'):
            if name in vars(self):
                getattr(self, name).close()

    def evaluate(
        self, checkpoint: Path, episodes: Mapping[str, int], folder: Path
    ) -> list[EpisodeResult]:
        """Play this number of episodes of each task without noise."""
        player = VectorPlayer(self._envs, load_frozen(checkpoint))
        first = self._config.evaluation_seed
        # One queue, so that no environment waits for the last episode of each task.
        queue = ((task, first + number) for task in episodes for number in range(episodes[task]))
        bar = progress_bar(
            total=sum(episodes.values()), unit='episode', desc=f'{folder.parent.name} evaluation'
        )
        results = []
        for played in player.play_episodes(queue):
            results.append(played.result)
            bar.update()
        bar.close()
        return results

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run or continue stage 1."""
        config = self._config
        vla = load_frozen(checkpoint)
        player = self._player(vla, task)
        with _EpisodeLog(
            folder, task, config.settings, config.successes if config.new_share else 0
        ) as log:
            if isinstance(config.settings, SACfDConfig):
                last = sacfd_stage(
                    vla, player, config.settings, folder, self._seed, self._first, log.add
                )
            else:
                last = ppo_stage(
                    vla,
                    player,
                    config.settings,
                    folder,
                    self._seed,
                    self._first,
                    log.add,
                    whole=config.stage1_trains == 'all',
                )
        save_checkpoint(
            folder / 'checkpoint', vla, with_stage0({'stage1': plain(config.settings)}, checkpoint)
        )
        write_outcome(folder, last.env_steps, last.updates, last.episodes)

    def _player(self, vla: VLA, task: str) -> VectorPlayer:
        """Return the player of training episodes, with the configured success classifier."""
        easier = self._config.curriculum.get(task)
        if not self._config.classifier:
            return VectorPlayer(self._envs, vla, task, easier=easier)
        judge = load_classifier(self._config.classifier, vla.backbone_hash)
        return VectorPlayer(self._judged_envs, vla, task, judge.to(vla.device), easier)

    def successes(self, folder: Path, policy: PolicyConfig) -> FrameStore | None:
        """Return the newest successes of a stage 1; None if there are none."""
        store, kept = folder / 'frames', folder / 'successes'
        if store.exists():
            return FrameStore.open(store)
        if not kept.exists():
            return None
        return write_store(store, newest(kept), policy.cameras, policy.image_size)


class _EpisodeLog:
    """Writes a row of metrics for each episode of stage 1, and keeps its successes."""

    def __init__(self, folder: Path, task: str, settings: Stage1Config, successes: int) -> None:
        """Log into ``folder``; keep this number of newest successes there for stage 2."""
        self._folder, self._settings, self._successes = folder, settings, successes
        self._metrics: MetricsLog | None = None
        self._bar = progress_bar(
            desc=f'{folder.name} on {task}', unit='step', total=settings.env_steps
        )

    def __enter__(self) -> '_EpisodeLog':
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        if self._metrics:
            self._metrics.close()

    def add(self, played: Played, progress: Progress) -> None:
        """Log an episode and the progress after it."""
        if played.result.success and self._successes:
            keep(self._folder / 'successes', progress.episodes, played, self._successes)
        if self._metrics is None:
            # Only the first episode shows where a continued stage 1 starts.
            start = progress.env_steps - played.result.steps
            self._metrics = MetricsLog(self._folder, start, self._settings.tensorboard)
            # The estimate of the remaining time does not count what was done before.
            self._bar.initial = self._bar.n = self._bar.last_print_n = start
        self._metrics.add(progress.env_steps, **progress.metrics(), truth=played.truth)
        self._bar.update(progress.env_steps - self._bar.n)
        self._bar.set_postfix_str(str(progress), refresh=False)
