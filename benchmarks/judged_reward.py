# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 on a success classifier's word beside stage 1 on the truth, from the same policy."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from irevla_bringup.demo import demo_contents
from irevla_bringup.graphs import Graph, run_graphs
from irevla_bringup.over_graph import read_results
from irevla_learner.classifier_training import ClassifierConfig
from irevla_learner.evaluation import load_results, save_results, summarise
from irevla_learner.in_process import InProcess
from irevla_learner.layouts import LABELLED, first_layout
from irevla_learner.run_folder import RunFolder
from irevla_learner.train_classifier import train_from_bags
from irevla_policy.checkpoint_files import read_description
from irevla_policy.metrics_log import read_metrics

TASK = 'door-open-new'
# Labelled episodes of the policy of stage 0, each going on this long after success.
LABELLED_EPISODES, LINGER = 60, 5
EPISODES = 50
REWARDS = ('truth', 'classifier')


def run_judged(output: Path, config: Mapping[str, Any], seed: int, checkpoint: Path) -> None:
    """Label episodes over ROS, train a classifier, then learn the task with both rewards."""
    with RunFolder(output, {**demo_contents(config), 'task': TASK}, seed) as run:
        bags, results = output / 'labelled', output / 'labelled.json'
        first = first_layout(seed, config['evaluation_seed']) + LABELLED
        with run.step('label', outputs=['labelled'], makes=['labelled', results.name]) as step:
            if step.needed:
                graph = Graph('sim.launch.py', {
                    'namespace': 'labelling', 'tasks': f'{TASK}:{LABELLED_EPISODES}',
                    'linger': LINGER, 'horizon': config['horizon'], 'checkpoint': checkpoint,
                    'bags': bags, 'results': results, 'seed': first}, output / 'labelling.log')
                run_graphs([graph], 'labelled episodes', LABELLED_EPISODES,
                           lambda: (len(read_results([results])), ''))
        with run.step('classify', outputs=['judge']) as step:
            if step.needed:
                train_from_bags([bags], checkpoint, output / 'judge', ClassifierConfig(),
                                seed)
        policy = read_description(checkpoint)[1]
        for reward in REWARDS:
            judge = str(output / 'judge') if reward == 'classifier' else None
            folder = output / reward
            with InProcess({**config, 'classifier': judge}, policy, seed) as domain:
                with run.step(f'learn {reward}', outputs=[f'{reward}/checkpoint'],
                              makes=[reward]) as step:
                    if step.needed:
                        folder.mkdir(exist_ok=True)
                        domain.learn(TASK, checkpoint, folder)
                with run.step(f'evaluate {reward}', outputs=[f'{reward}/results.json']) as step:
                    if step.needed:
                        save_results(folder / 'results.json', domain.evaluate(
                            folder / 'checkpoint', {TASK: EPISODES}, folder))


def judged_figures(output: Path) -> dict[str, Any]:
    """Return what the classifier is worth, and the true success after learning on each reward."""
    found = {}
    if (output / 'judge/report.json').exists():
        report = json.loads((output / 'judge/report.json').read_text())
        found['classifier'] = {name: report[name] for name in (
            'auc', 'threshold', 'consecutive', 'frames', 'episodes')}
    for reward in REWARDS:
        if (output / reward / 'results.json').exists():
            whole = summarise(load_results(output / reward / 'results.json'))
            told, truth = (
                [row[name] for row in read_metrics(output / reward)]
                for name in ('successes', 'truth'))
            found[f'on {reward}'] = {
                **{name: whole[name] for name in ('successes', 'episodes', 'interval')},
                'rl_episodes': len(truth), 'told_successes': told[-1],
                'true_successes': sum(truth)}
    return found
