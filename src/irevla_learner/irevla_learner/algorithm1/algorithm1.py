# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1: task after task, stage 1 improves the head, stage 2 teaches the whole model.

Layout of its run folder, `-2`, `-3` at the end of the later tasks' stages:

    stage0/evaluation/results.json    of the policy it begins with
    stage1/                           the learning on a new task: state, metrics, what succeeded
    stage1/stage1.json                how it ended
    stage1/checkpoint/                the policy with the improved head
    stage2/training/, checkpoint/     the whole model, taught on all that succeeded
    stage1/evaluation/, stage2/evaluation/
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
import shutil
from typing import Any, Protocol

from irevla_control.errors import ConfigError
from irevla_control.task_name import check_task_name
from irevla_learner.classifier.success_classifier import classifier_digest
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.runs.evaluation import EpisodeResult, save_results
from irevla_learner.runs.layouts import PER_RUN
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.runs.run_folder import RunFolder
from irevla_learner.runs.task_groups import GROUPS
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.files import read_manifest
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frames.frame_store import FrameStore
from irevla_policy.model.config import PolicyConfig
from irevla_policy.settings import read_mapping
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.relabelling import relabelled
from irevla_policy.training.trainer import train

_KEYS = {'environment', 'tasks_file', 'horizon', 'copies', 'tasks', 'episodes', 'evaluation_seed',
         'successes', 'new_share', 'labels', 'algorithm', 'settings', 'classifier',
         'stage1_trains', 'training', 'stage2_trains'}
SETTINGS = {'sacfd': SACfDConfig, 'ppo': PPOConfig}
CHOICES = {'algorithm': tuple(SETTINGS), 'labels': ('improved', 'executed'),
           'stage1_trains': ('head', 'all'), 'stage2_trains': ('head', 'all')}


class Domain(Protocol):
    """Where the policy acts: copies of an environment in this process, or ROS graphs."""

    def evaluate(self, checkpoint: Path, episodes: Mapping[str, int],
                 folder: Path) -> list[EpisodeResult]:
        """Play so many episodes of each task greedily; ``folder`` is for recordings."""

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Do stage 1, or go on with it; leave `stage1.json` and ``checkpoint`` in ``folder``."""

    def successes(self, folder: Path, policy: PolicyConfig) -> FrameStore | None:
        """Return the newest successes of the stage 1 that ``folder`` holds; None without any."""


def load_config(path: Path) -> dict[str, Any]:
    """Read a configuration; `config/improve.yaml` has and explains each setting.

    Paths in it are relative to its folder. Raises ConfigError when something is missing or odd.
    """
    config = read_mapping(path, 'configuration')
    if set(config) != _KEYS:
        odd = sorted(set(config) ^ _KEYS)
        raise ConfigError(f'configuration {path}: missing or unknown {", ".join(odd)}')
    for name in ('tasks', 'episodes'):
        if not isinstance(config[name], dict) or set(config[name]) != set(GROUPS):
            raise ConfigError(f'configuration {path}: {name} needs exactly {", ".join(GROUPS)}')
    for group, names in config['tasks'].items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigError(f'configuration {path}: tasks.{group} is {names!r}; a list of names '
                              'is needed, [] for none')
    tasks = [task for group in GROUPS for task in config['tasks'][group]]
    for task in tasks:
        check_task_name(task, f'configuration {path}')
    if len(set(tasks)) < len(tasks):
        raise ConfigError(f'configuration {path}: a task is named twice in tasks')
    counts = {name: config[name] for name in ('horizon', 'copies', 'successes')}
    counts |= {f'episodes.{group}': count for group, count in config['episodes'].items()}
    for name, count in counts.items():
        if type(count) is not int or count < 1:
            raise ConfigError(f'configuration {path}: {name} is {count!r}; a whole number of 1 or '
                              'more is needed')
    if type(config['evaluation_seed']) is not int or config['evaluation_seed'] < PER_RUN:
        raise ConfigError(f'configuration {path}: evaluation_seed is '
                          f'{config["evaluation_seed"]!r}; a whole number from {PER_RUN} on is '
                          'needed, which leaves room for what runs learn on')
    share = config['new_share']
    if type(share) is not float or not 0 <= share < 1:
        raise ConfigError(f'configuration {path}: new_share is {share!r}; a number from 0.0 to '
                          'below 1 is needed')
    for name, choices in CHOICES.items():
        if config[name] not in choices:
            raise ConfigError(f'configuration {path}: {name} is {config[name]!r}; use '
                              f'{" or ".join(choices)}')
    if config['algorithm'] == 'sacfd' and config['stage1_trains'] != 'head':
        raise ConfigError(f'configuration {path}: stage1_trains is all; SACfD works on cached '
                          'latents and trains the head, use ppo or head')
    if config['classifier'] and (config['stage1_trains'] == 'all' or (
            config['stage2_trains'] == 'all' and len(config['tasks']['rl']) > 1)):
        raise ConfigError(f'configuration {path}: the classifier reads the latents of one VLM, '
                          'which stage1_trains: all, and stage2_trains: all before a second task, '
                          'would change; let the heads learn, or leave the classifier out')
    files = ['settings', 'training',
             *(name for name in ('classifier', 'tasks_file') if config[name])]
    for name in files:
        if not isinstance(config[name], str):
            raise ConfigError(f'configuration {path}: {name} is {config[name]!r}; a path '
                              'is needed')
        config[name] = str((path.parent / config[name]).resolve())
        if not Path(config[name]).exists():
            raise ConfigError(f'configuration {path}: {name} {config[name]} does not exist')
    # Wrong settings are refused now, not when their stage begins.
    SETTINGS[config['algorithm']].load(Path(config['settings']))
    TrainConfig.load(Path(config['training']))
    return config


def contents(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with what its files hold in the place of their paths.

    It is the same wherever the files lie, so a run folder may travel; and a run folder that began
    with other settings is refused.
    """
    settings = SETTINGS[config['algorithm']].load(Path(config['settings']))
    classifier = config['classifier'] and classifier_digest(Path(config['classifier']))
    return {**config, 'settings': asdict(settings), 'classifier': classifier,
            'training': asdict(TrainConfig.load(Path(config['training']))),
            'tasks_file': config['tasks_file'] and read_mapping(
                Path(config['tasks_file']), 'tasks file')}


class Algorithm1:
    """One run of it in its folder; what a killed one finished is not done again."""

    def __init__(self, run: RunFolder, config: Mapping[str, Any], domain: Domain,
                 demonstrations: Sequence[Path], seed: int) -> None:
        """Go through the tasks of ``config`` in ``domain``.

        Args:
            run: its folder.
            config: what `load_config` gave.
            domain: where the policy acts.
            demonstrations: folders of the expert's recorded episodes.
            seed: of stage 2.

        """
        self._run, self._config, self._domain = run, config, domain
        self._demonstrations = demonstrations
        self._training = TrainConfig.load(Path(config['training']), {'seed': seed})

    def run(self, policy: Path) -> Path:
        """Improve the policy of stage 0 on all new tasks; return the last checkpoint."""
        self._evaluate('stage0', policy)
        learned: list[Path] = []
        for number, task in enumerate(self._config['tasks']['rl'], 1):
            end = f'-{number}' if number > 1 else ''
            policy = self._stage1(f'stage1{end}', task, policy)
            learned.append(policy.parent)
            self._evaluate(f'stage1{end}', policy)
            policy = self._stage2(f'stage2{end}', policy, learned)
            self._evaluate(f'stage2{end}', policy)
        return policy

    def _evaluate(self, stage: str, checkpoint: Path) -> None:
        folder = self._run.path / stage / 'evaluation'
        # Another policy under the same path is another input.
        with self._run.step(f'evaluate {stage}', read_manifest(checkpoint)['files'],
                            [f'{stage}/evaluation/results.json'],
                            [f'{stage}/evaluation']) as step:
            if step.needed:
                episodes = {task: self._config['episodes'][group] for group in GROUPS
                            for task in self._config['tasks'][group]}
                results = self._domain.evaluate(checkpoint, episodes, folder)
                save_results(folder / 'results.json', results)

    def _stage1(self, stage: str, task: str, policy: Path) -> Path:
        folder = self._run.path / stage
        with self._run.step(stage, task, [f'{stage}/checkpoint'], [stage]) as step:
            if step.needed:
                folder.mkdir(parents=True, exist_ok=True)
                self._domain.learn(task, policy, folder)
                step.results.update(task=task, **read_outcome(folder))
        return folder / 'checkpoint'

    def _stage2(self, stage: str, policy: Path, learned: Sequence[Path]) -> Path:
        folder = self._run.path / stage
        with self._run.step(stage, outputs=[f'{stage}/checkpoint'], makes=[stage]) as step:
            if step.needed:
                vla = load_checkpoint(policy)
                expert = load_frames(self._demonstrations, vla.config.cameras,
                                     vla.config.image_size)
                training, validation = split_by_episode(
                    expert, self._training.validation_share, self._training.seed)
                if self._config['stage2_trains'] == 'head':
                    vla.backbone.freeze()
                share = self._config['new_share']
                new = [Dataset(self._labelled(store, one)) for one in learned if share
                       and (store := self._domain.successes(one, vla.config)) is not None]
                source = Mixture([(training, 1 - share),
                                  *((dataset, share / len(new)) for dataset in new)])
                train(vla, source, validation, self._training, folder / 'training',
                      folder / 'checkpoint')
                step.results.update(
                    updates=self._training.steps,
                    learned_episodes=sum(len(dataset.episodes) for dataset in new))
                self._drop_latents(policy, folder / 'checkpoint')
        return folder / 'checkpoint'

    def _drop_latents(self, before: Path, after: Path) -> None:
        """Remove the latents of a VLM that is no more; the next task fills a replay of its own."""
        hashes = [read_manifest(checkpoint)['backbone_hash'] for checkpoint in (before, after)]
        replay = before.parent / 'replay'
        if replay.exists() and hashes[0] != hashes[1]:
            shutil.rmtree(replay)
            print(f'{replay}: dropped; stage 2 has changed the VLM {hashes[0][:12]} that made '
                  'these latents')

    def _labelled(self, store: FrameStore, stage1: Path) -> FrameStore:
        if self._config['labels'] == 'executed':
            return store
        return relabelled(store, load_checkpoint(stage1 / 'checkpoint'))
