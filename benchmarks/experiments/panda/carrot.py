# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Variants of stage 1 on the carrot, each from the same policy of stage 0.

plain: as in Algorithm 1. demonstrations: 20 recorded by teleop.launch.py are in the replay.
interventions: a scripted person takes over with the mouse when the policy is late. faults: with
both, and a person's faults in the middle of learning. classifier: a success classifier judges from
the images, in rounds, each with a classifier that has also seen what the last policy did; the
curve of its last round has its verdicts, the cells have the truth.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import results

from irevla_bringup.launched_graphs import Graph, run_graphs
from irevla_bringup.ros_backend import RosBackend, read_results, worker_folders
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.stage1_demonstrations import encode_for_stage1
from irevla_learner.classifier.train import train_from_bags
from irevla_learner.classifier.training import ClassifierConfig
from irevla_learner.runs.layouts import LABELLED, first_layout
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_description, read_manifest
from irevla_policy.metrics_log import read_metrics
from panda.backend import WatchedBackend
from panda.outcome import FILE, of_stage1

CARROT, DEMONSTRATIONS = 'pick-carrot', 20
FAULTS, CLASSIFIER = 'faults', 'classifier'
VARIANTS = ('plain', 'demonstrations', 'interventions', FAULTS, CLASSIFIER)
DEMONSTRATED, WITH_PERSON = ('demonstrations', FAULTS), ('interventions', FAULTS)
PERSON = {'operator': 'scripted_person'}
# Rounds with a classifier; labelled episodes of each, and observations after success.
ROUNDS, LABELLED_EPISODES, LINGER = (1, 2, 3), 60, 5
# Labelled successes that a classifier needs, and how often a round labels at most to have them.
LEAST_SUCCESSES, MOST_LABELLINGS = 10, 3


class Carrot:
    """The variants in a folder, from one policy of stage 0."""

    def __init__(
        self,
        output: Path,
        config: Algorithm1Config,
        seed: int,
        roots: list[Path],
        checkpoint: Path,
    ) -> None:
        """Prepare; ``roots`` are the folders of the expert's demonstrations."""
        self._output, self._config, self._seed = output, config, seed
        self._roots, self._checkpoint = roots, checkpoint
        self._first_labelled = first_layout(seed, config.evaluation_seed) + LABELLED

    def run(self, variant: str) -> None:
        """Run a variant, evaluated before and after; add its results to the file."""
        contents = self._config.contents()
        # The same policy and layouts for all variants.
        with RunFolder(self._output / 'before', contents, self._seed) as run:
            before = self._evaluated(run, 'before', self._checkpoint)
        with RunFolder(self._output / variant, contents, self._seed) as run:
            if variant == CLASSIFIER:
                found = self._judged(run)
            else:
                found = self._learned(run, 'stage1', self._for(run, variant), variant == FAULTS)
        with FILE.changed() as content:
            content['stage0'] = read_manifest(self._checkpoint)['files']
            content['variants'][variant] = {'before': before, **found, **results.provenance()}

    def _for(self, run: RunFolder, variant: str) -> Algorithm1Config:
        config = self._config
        if variant in WITH_PERSON:
            config = replace(config, robot=config.robot | PERSON)
        if variant not in DEMONSTRATED:
            return config
        bags = run.path / 'demonstrations'
        with run.step('demonstrate', outputs=['demonstrations'], makes=['demonstrations']) as step:
            if step.needed:
                backend = RosBackend(self._config, self._seed, 1, run.path)
                size = read_description(self._checkpoint)[1].image_size
                # Other layouts than those of learning.
                seed = self._first_labelled - DEMONSTRATIONS
                backend.collect({CARROT: DEMONSTRATIONS}, bags, {'image_size': size, 'seed': seed})
        return replace(config, demonstration_bags=tuple(worker_folders(bags)))

    def _learned(
        self, run: RunFolder, name: str, config: Algorithm1Config, with_faults: bool = False
    ) -> dict[str, Any]:
        """Run stage 1 in a folder of this name; return its entry, evaluated by the truth."""
        folder = run.path / name
        start = read_manifest(self._checkpoint)['files']
        with run.step(name, start, [f'{name}/checkpoint'], [name]) as step:
            if step.needed:
                folder.mkdir(parents=True, exist_ok=True)
                encode_for_stage1(config, CARROT, self._checkpoint, self._roots, folder)
                backend = WatchedBackend(config, self._seed, 1, run.path)
                learn = backend.learn_with_faults if with_faults else backend.learn
                learn(CARROT, self._checkpoint, folder)
        after = self._evaluated(run, f'after {name}', folder / 'checkpoint')
        return {'after': after, **of_stage1(folder)}

    def _evaluated(self, run: RunFolder, name: str, policy: Path) -> list[int]:
        """Return the successes and episodes of a policy by the true state of the scene."""
        folder = name.replace(' ', '-')
        with run.step(name, read_manifest(policy)['files'], [folder], [folder]) as step:
            if step.needed:
                backend = RosBackend(self._config, self._seed, 1, run.path)
                episodes = {CARROT: self._config.episodes.rl}
                found = backend.evaluate(policy, episodes, run.path / folder)
                step.results['cell'] = results.cells_of(found)[CARROT]
        return step.results['cell']

    def _judged(self, run: RunFolder) -> dict[str, Any]:
        """Run stage 1 with a classifier's reward in rounds; return the entry of the last."""
        policy, bags, rounds, successes = self._checkpoint, [], [], 0
        for number in ROUNDS:
            for _ in range(MOST_LABELLINGS):
                bags.append(run.path / f'labelled{len(bags) + 1}')
                successes += self._labelled(run, policy, bags[-1], len(bags))
                if successes >= LEAST_SUCCESSES:
                    break
            judge = run.path / f'judge{number}'
            with run.step(f'classify {number}', outputs=[judge.name], makes=[judge.name]) as step:
                if step.needed:
                    train_from_bags(bags, self._checkpoint, judge, ClassifierConfig(), self._seed)
            config = replace(
                self._config,
                classifier=judge,
                # The VLM, whose latents the classifier reads, stays the same in stage 1.
                stage2_trains='head',
            )
            found = self._learned(run, f'stage1-{number}', config)
            policy = run.path / f'stage1-{number}/checkpoint'
            judged = read_metrics(policy.parent)[-1]
            rounds.append(
                {'after': found['after'], 'judged': [judged['successes'], judged['episodes']]}
            )
        return {**found, 'rounds': rounds, 'labelled': [successes, len(bags) * LABELLED_EPISODES]}

    def _labelled(self, run: RunFolder, policy: Path, bags: Path, number: int) -> int:
        """Record episodes with the truth as label; return the number of successes."""
        file = bags.with_suffix('.json')
        made = [bags.name, file.name]
        start = read_manifest(policy)['files']
        with run.step(f'label {number}', start, made, made) as step:
            if step.needed:
                arguments = {
                    'namespace': 'labelling',
                    'tasks': f'{CARROT}:{LABELLED_EPISODES}',
                    'linger': LINGER,
                    'checkpoint': policy,
                    'bags': bags,
                    'results': file,
                    'seed': self._first_labelled + (number - 1) * LABELLED_EPISODES,
                    **RosBackend(self._config, self._seed, 1, run.path).common,
                }
                graph = Graph('robot.launch.py', arguments, bags.with_suffix('.log'))
                run_graphs(
                    [graph],
                    'labelling',
                    LABELLED_EPISODES,
                    lambda: (len(read_results([file])), ''),
                )
                step.results['successes'] = sum(one['success'] for one in read_results([file]))
        return int(step.results['successes'])
