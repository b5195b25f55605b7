# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1: for each task, stage 1 trains the head, then stage 2 the whole model.

Layout of its run folder; stages of later tasks end in `-2`, `-3`:

    stage0/evaluation/results.json    evaluation of the initial policy
    stage1/                           stage 1 on a new task: state, metrics, successes
    stage1/stage1.json                its outcome
    stage1/checkpoint/                the policy with the trained head
    stage2/training/, checkpoint/     the whole model, trained on demonstrations and successes
    stage1/evaluation/, stage2/evaluation/
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
import shutil
from typing import Protocol

from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.stage1_demonstrations import (
    check_demonstrations,
    encode_for_stage1,
)
from irevla_learner.runs.evaluation import EpisodeResult, save_results
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.runs.run_folder import RunFolder
from irevla_learner.sacfd.config import ANCHOR, DEMONSTRATIONS
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.files import read_manifest
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frames.frame_store import FrameStore
from irevla_policy.model.config import PolicyConfig
from irevla_policy.training.relabelling import relabelled
from irevla_policy.training.stage0 import stage0_settings
from irevla_policy.training.trainer import train


class Backend(Protocol):
    """Runs episodes of a policy: in environments of this process, or over ROS."""

    def evaluate(
        self, checkpoint: Path, episodes: Mapping[str, int], folder: Path
    ) -> list[EpisodeResult]:
        """Play this number of episodes of each task without noise; record into ``folder``."""

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run or continue stage 1; write `stage1.json` and ``checkpoint`` into ``folder``."""

    def successes(self, folder: Path, policy: PolicyConfig) -> FrameStore | None:
        """Return the newest successes of the stage 1 in ``folder``; None if there are none."""


class Algorithm1:
    """One run in its folder; steps that a killed run finished are not repeated."""

    def __init__(
        self,
        run: RunFolder,
        config: Algorithm1Config,
        backend: Backend,
        demonstrations: Sequence[Path],
        seed: int,
    ) -> None:
        """Prepare a run.

        Args:
            run: run folder.
            config: tasks and settings.
            backend: runs the episodes.
            demonstrations: folders of the expert's recorded episodes.
            seed: seed of stage 2.

        """
        self._run, self._config, self._backend = run, config, backend
        self._demonstrations = demonstrations
        self._training = replace(config.training, seed=seed)

    def run(self, policy: Path) -> Path:
        """Train the policy of stage 0 on all new tasks; return the last checkpoint."""
        check_demonstrations(self._config)
        self._evaluate('stage0', policy)
        learned: list[Path] = []
        each = self._config.evaluations == 'each'
        for number, task in enumerate(self._config.tasks.rl, 1):
            end = f'-{number}' if number > 1 else ''
            policy = self._stage1(f'stage1{end}', task, policy)
            learned.append(policy.parent)
            if each:
                self._evaluate(f'stage1{end}', policy)
            policy = self._stage2(f'stage2{end}', policy, learned)
            if each or number == len(self._config.tasks.rl):
                self._evaluate(f'stage2{end}', policy)
        return policy

    def _evaluate(self, stage: str, checkpoint: Path) -> None:
        folder = self._run.path / stage / 'evaluation'
        # The input is the policy's contents, since another policy may have the same path.
        with self._run.step(
            f'evaluate {stage}',
            read_manifest(checkpoint)['files'],
            [f'{stage}/evaluation/results.json'],
            [f'{stage}/evaluation'],
        ) as step:
            if step.needed:
                episodes = self._config.episodes.of(self._config.tasks)
                results = self._backend.evaluate(checkpoint, episodes, folder)
                save_results(folder / 'results.json', results)

    def _stage1(self, stage: str, task: str, policy: Path) -> Path:
        folder = self._run.path / stage
        with self._run.step(stage, task, [f'{stage}/checkpoint'], [stage]) as step:
            if step.needed:
                folder.mkdir(parents=True, exist_ok=True)
                encode_for_stage1(self._config, task, policy, self._demonstrations, folder)
                self._backend.learn(task, policy, folder)
                outcome = read_outcome(folder)
                # Both backends write it last.
                assert outcome is not None
                step.results.update(task=task, **outcome)
        return folder / 'checkpoint'

    def _stage2(self, stage: str, policy: Path, learned: Sequence[Path]) -> Path:
        folder = self._run.path / stage
        with self._run.step(stage, outputs=[f'{stage}/checkpoint'], makes=[stage]) as step:
            if step.needed:
                vla = load_checkpoint(policy)
                expert = load_frames(
                    self._demonstrations, vla.config.cameras, vla.config.image_size
                )
                training, validation = split_by_episode(
                    expert,
                    self._training.validation_share,
                    self._training.seed,
                    self._training.task_weights,
                    vla.config.head.chunk_size,
                )
                if self._config.stage2_trains == 'head':
                    vla.backbone.freeze()
                share = self._config.new_share
                new = [
                    Dataset(self._labelled(store, one), chunk_size=vla.config.head.chunk_size)
                    for one in learned
                    if share and (store := self._backend.successes(one, vla.config)) is not None
                ]
                episodes = sum(len(dataset.store.recordings) for dataset in new)
                if share:
                    new += self._recorded(self._config.tasks.rl[: len(learned)], vla.config)
                source = Mixture(
                    [(training, 1 - share), *((dataset, share / len(new)) for dataset in new)]
                )
                train(
                    vla,
                    source,
                    validation,
                    self._training,
                    folder / 'training',
                    folder / 'checkpoint',
                    stage0_settings(policy),
                )
                step.results.update(updates=self._training.steps, learned_episodes=episodes)
                self._drop_latents(policy, folder / 'checkpoint')
        return folder / 'checkpoint'

    def _drop_latents(self, before: Path, after: Path) -> None:
        """Remove the latents of a stage 1 if stage 2 changed the VLM that computed them."""
        hashes = [read_manifest(checkpoint)['backbone_hash'] for checkpoint in (before, after)]
        if hashes[0] == hashes[1]:
            return
        for path in (before.parent / name for name in ('replay', ANCHOR, DEMONSTRATIONS)):
            if not path.exists():
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            print(
                f'{path}: removed; stage 2 changed the VLM {hashes[0][:12]} that computed '
                'these latents'
            )

    def _recorded(self, tasks: Sequence[str], policy: PolicyConfig) -> list[Dataset]:
        """Return the steps of these tasks in `demonstration_bags`, with the expert's labels."""
        if not self._config.demonstration_bags:
            return []
        store = load_frames(self._config.demonstration_bags, policy.cameras, policy.image_size)
        rows = [row for row, episode in enumerate(store.episodes) if episode.task in tasks]
        return [Dataset(store, rows, chunk_size=policy.head.chunk_size)] if rows else []

    def _labelled(self, store: FrameStore, stage1: Path) -> FrameStore:
        if self._config.labels == 'executed':
            return store
        return relabelled(store, load_checkpoint(stage1 / 'checkpoint'))
