# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 with a classifier's reward against the true reward, from the same policy."""

from dataclasses import replace
import json
from pathlib import Path
from typing import Any

from irevla_bringup.demo import DemoConfig
from irevla_bringup.launched_graphs import Graph, run_graphs
from irevla_bringup.ros_backend import read_results
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.classifier.train import train_from_bags
from irevla_learner.classifier.training import ClassifierConfig
from irevla_learner.runs.evaluation import load_results, save_results, summarise
from irevla_learner.runs.layouts import LABELLED, first_layout
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_description
from irevla_policy.metrics_log import read_metrics

TASK = 'door-open-new'
# Number of labelled episodes of a round, and of steps after success.
LABELLED_EPISODES, LINGER = 60, 5
# The first round labels episodes of the policy of stage 0, later rounds of the previous policy.
ROUNDS = (1, 2, 3)
EPISODES = 50


def run_judged(output: Path, config: DemoConfig, seed: int, checkpoint: Path) -> None:
    """Run stage 1 with the true reward, then in rounds with classifiers.

    A round labels episodes of the policy, trains a classifier on all labelled episodes, and runs
    stage 1 with it. So each classifier is trained on the errors of the earlier ones.
    """
    with RunFolder(output, {**config.contents(), 'task': TASK}, seed) as run:
        _learn(run, 'truth', config.algorithm1, seed, checkpoint)
        labelled_policy, bags = checkpoint, []
        for number in ROUNDS:
            bags.append(output / f'labelled{number}')
            judge = output / f'judge{number}'
            with run.step(
                f'label {number}',
                outputs=[bags[-1].name],
                makes=[bags[-1].name, f'labelled{number}.json'],
            ) as step:
                if step.needed:
                    _label(labelled_policy, bags[-1], config.algorithm1, seed, number)
            with run.step(f'classify {number}', outputs=[judge.name]) as step:
                if step.needed:
                    train_from_bags(bags, checkpoint, judge, ClassifierConfig(), seed)
            labelled_policy = _learn(
                run,
                f'classifier{number}',
                replace(config.algorithm1, classifier=judge),
                seed,
                checkpoint,
            )


def _label(checkpoint: Path, bags: Path, config: Algorithm1Config, seed: int, number: int) -> None:
    """Record labelled episodes of a policy over ROS."""
    results = bags.with_suffix('.json')
    first = first_layout(seed, config.evaluation_seed) + LABELLED
    graph = Graph(
        'sim.launch.py',
        {
            'namespace': 'labelling',
            'tasks': f'{TASK}:{LABELLED_EPISODES}',
            'linger': LINGER,
            'horizon': config.horizon,
            'checkpoint': checkpoint,
            'bags': bags,
            'results': results,
            'seed': first + (number - 1) * LABELLED_EPISODES,
        },
        bags.with_suffix('.log'),
    )
    run_graphs(
        [graph], 'labelled episodes', LABELLED_EPISODES, lambda: (len(read_results([results])), '')
    )


def _learn(
    run: RunFolder, reward: str, config: Algorithm1Config, seed: int, checkpoint: Path
) -> Path:
    """Run stage 1 with a reward, evaluate true success; return the trained policy."""
    folder = run.path / reward
    with InProcessBackend(config, read_description(checkpoint)[1], seed) as backend:
        with run.step(f'learn {reward}', outputs=[f'{reward}/checkpoint'], makes=[reward]) as step:
            if step.needed:
                folder.mkdir(exist_ok=True)
                backend.learn(TASK, checkpoint, folder)
        with run.step(f'evaluate {reward}', outputs=[f'{reward}/results.json']) as step:
            if step.needed:
                save_results(
                    folder / 'results.json',
                    backend.evaluate(folder / 'checkpoint', {TASK: EPISODES}, folder),
                )
    return folder / 'checkpoint'


def judged_figures(output: Path) -> dict[str, Any]:
    """Return the quality of each classifier, and the true success after stage 1 with it."""
    found = {}
    for number in ROUNDS:
        report = json.loads((output / f'judge{number}/report.json').read_text())
        found[f'classifier{number}'] = {
            name: report[name]
            for name in ('auc', 'threshold', 'consecutive', 'frames', 'episodes')
        }
    for reward in ('truth', *(f'classifier{number}' for number in ROUNDS)):
        whole = summarise(load_results(output / reward / 'results.json'))
        told, truth = (
            [row[name] for row in read_metrics(output / reward)] for name in ('successes', 'truth')
        )
        found[f'on {reward}'] = {
            **{name: whole[name] for name in ('successes', 'episodes', 'interval')},
            'rl_episodes': len(truth),
            'told_successes': told[-1],
            'true_successes': sum(truth),
        }
    return found
