# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The policy acts in copies of a gymnasium environment beside this process, without ROS."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from gymnasium.vector import AsyncVectorEnv
import torch

from irevla_control.progress_bar import progress_bar
from irevla_learner.algorithm1.ppo_stage import ppo_stage
from irevla_learner.algorithm1.sacfd_stage import sacfd_stage
from irevla_learner.classifier.success_classifier import load_classifier
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.progress import Progress
from irevla_learner.rollout.played import Played
from irevla_learner.rollout.played_episodes import keep, newest
from irevla_learner.rollout.vector_play import VectorPlayer, make_copies
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.layouts import first_layout
from irevla_learner.runs.outcome import write_outcome
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.checkpoints.checkpoint import load_frozen, save_checkpoint
from irevla_policy.frames.frame_store import FrameStore, write_store
from irevla_policy.metrics_log import MetricsLog
from irevla_policy.model.config import PolicyConfig


class InProcess:
    """Evaluation and stage 1 in copies of an environment, which start when first needed."""

    def __init__(self, config: Mapping[str, Any], policy: PolicyConfig, seed: int) -> None:
        """Use the environment that `algorithm1.load_config` gave, seen as this policy sees it."""
        self._config, self._policy, self._seed = config, policy, seed
        self._first = first_layout(seed, config['evaluation_seed'])
        torch.set_num_threads(1)

    @cached_property
    def _copies(self) -> AsyncVectorEnv:
        return self._make_copies()

    @cached_property
    def _judged_copies(self) -> AsyncVectorEnv:
        # The environment goes on after success: the judge must see it.
        return self._make_copies(linger=self._config['horizon'])

    def _make_copies(self, **options: Any) -> AsyncVectorEnv:
        if self._config['tasks_file']:
            options['tasks_file'] = self._config['tasks_file']
        return make_copies(self._config['environment'], self._config['copies'],
                           cameras=self._policy.cameras, image_size=self._policy.image_size,
                           horizon=self._config['horizon'], **options)

    def __enter__(self) -> 'InProcess':
        return self

    def __exit__(self, *_: object) -> None:
        """End the copies."""
        for name in ('_copies', '_judged_copies'):
            if name in vars(self):
                getattr(self, name).close()

    def evaluate(self, checkpoint: Path, episodes: Mapping[str, int],
                 folder: Path) -> list[EpisodeResult]:
        """Play so many episodes of each task greedily."""
        vla = load_frozen(checkpoint)
        first = self._config['evaluation_seed']
        bar = progress_bar(total=sum(episodes.values()), unit='episode',
                           desc=f'{folder.parent.name} evaluation')
        results = []
        for task, count in episodes.items():
            player = VectorPlayer(self._copies, vla, task)
            for played in player.play(range(first, first + count)):
                results.append(played.result)
                bar.update()
        bar.close()
        return results

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Do stage 1, or go on with it."""
        vla = load_frozen(checkpoint)
        if self._config['classifier']:
            judge = load_classifier(Path(self._config['classifier']), vla.backbone_hash)
            judge.to(vla.device)
            player = VectorPlayer(self._judged_copies, vla, task, judge)
        else:
            player = VectorPlayer(self._copies, vla, task)
        bar = progress_bar(desc=f'{folder.name} on {task}', unit='decision')
        log: MetricsLog | None = None

        def note(played: Played, progress: Progress) -> None:
            nonlocal log
            if played.result.success and self._config['new_share']:
                keep(folder / 'successes', progress.episodes, played, self._config['successes'])
            # The first episode tells where a learning that goes on was.
            log = log or MetricsLog(folder, progress.decisions - played.result.steps,
                                    settings.tensorboard)
            log.add(progress.decisions, **progress.metrics(), truth=played.truth)
            bar.total = settings.decisions
            bar.update(progress.decisions - bar.n)
            bar.set_postfix_str(str(progress), refresh=False)

        if self._config['algorithm'] == 'sacfd':
            settings = SACfDConfig.load(Path(self._config['settings']))
            last = sacfd_stage(vla, player, settings, folder, self._seed, self._first, note)
        else:
            settings = PPOConfig.load(Path(self._config['settings']))
            last = ppo_stage(vla, player, settings, folder, self._seed, self._first, note,
                             whole=self._config['stage1_trains'] == 'all')
        bar.close()
        if log:
            log.close()
        save_checkpoint(folder / 'checkpoint', vla, {'stage1': asdict(settings)})
        write_outcome(folder, last.decisions, last.updates, last.episodes)

    def successes(self, folder: Path, policy: PolicyConfig) -> FrameStore | None:
        """Return the newest successes of a stage 1; None without any."""
        store, kept = folder / 'frames', folder / 'successes'
        if store.exists():
            return FrameStore.open(store)
        if not kept.exists():
            return None
        return write_store(store, newest(kept), policy.cameras, policy.image_size)
