# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's comparisons at a small scale: Table I and Figure 4 on Meta-World. Takes hours.

For each seed: demonstrations over ROS, stage 0, then every method from the same policy, in
process; then stage 1 with a success classifier's reward against the true reward. Results are
written to docs/results/experiments.json, plots to docs/images. Existing results are not measured
again, so the same command continues after a kill.
"""

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
import sys
from typing import Any

from judged_reward import TASK as JUDGED_TASK
from judged_reward import judged_figures, run_judged
import results
import torch

from irevla_bringup.demo import DemoConfig, demonstrate_and_train, load_demo_config
from irevla_bringup.ros_backend import RosBackend
from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.report.report import evaluated_stages
from irevla_learner.runs.run_folder import RunFolder
from irevla_learner.runs.task_groups import GROUPS, EpisodeCounts
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import read_description
from irevla_policy.metrics_log import read_metrics
from irevla_policy.model.vla import VLA

PPO = {'algorithm': 'ppo', 'settings': PPOConfig.load(results.ROOT / 'config/learning/ppo.yaml')}
# Differences from config/algorithm1.yaml.
TASKS = {
    'rl': ('door-open-new', 'drawer-close-new', 'window-open-new'),
    'held_out': ('door-open-unseen', 'window-close-unseen'),
}
EPISODES = EpisodeCounts(*[20] * len(GROUPS))
METHODS: dict[str, dict[str, Any]] = {
    'iRe-VLA': {},
    'iRe-VLA-freeze': {'stage2_trains': 'head'},
    'PPO-Replay': {
        'algorithm': 'ppo',
        'settings': PPOConfig.load(results.ROOT / 'benchmarks/experiments/ppo_replay.yaml'),
        'stage1_trains': 'all',
        'new_share': 0.0,
    },
    'iRe-VLA (PPO)': PPO,
}
# The methods of the paper's table; the last one runs only if named.
USUAL = [method for method in METHODS if method != 'iRe-VLA (PPO)']
# Figure 4: how PPO learns one new task.
CURVE_TASK = 'door-open-new'
CURVES: dict[str, dict[str, Any]] = {
    'SFT, VLM frozen': PPO,
    'SFT, all fine-tuned': {**PPO, 'stage1_trains': 'all'},
    'from scratch, all': {**PPO, 'stage1_trains': 'all'},
}
PARTS = ('methods', 'curves', 'judged')
# Number of graphs that collect demonstrations in parallel.
WORKERS = 2


def file_name(method: str) -> str:
    """Return a method's name as a folder."""
    return ''.join(letter if letter.isalnum() else '-' for letter in method.lower()).strip('-')


def _changed(config: DemoConfig, changes: Mapping[str, Any]) -> DemoConfig:
    return replace(config, algorithm1=replace(config.algorithm1, **changes))


def run_method(
    output: Path, config: DemoConfig, method: str, seed: int, roots: list[Path], checkpoint: Path
) -> None:
    """Run a method of the table from the policy of stage 0."""
    changed = _changed(config, METHODS[method])
    folder = output / file_name(method)
    policy = read_description(checkpoint)[1]
    with (
        RunFolder(folder, changed.contents(), seed) as run,
        InProcessBackend(changed.algorithm1, policy, seed) as backend,
    ):
        Algorithm1(run, changed.algorithm1, backend, roots, seed).run(checkpoint)
    results.add_method(method, seed, evaluated_stages(folder), asdict(config.algorithm1.tasks))


def run_curve(output: Path, config: DemoConfig, curve: str, seed: int, checkpoint: Path) -> None:
    """Run stage 1 alone, from the policy of stage 0 or from an untrained one."""
    changed = _changed(config, CURVES[curve])
    folder = output / f'curve-{file_name(curve)}'
    with (
        RunFolder(folder, changed.contents(), seed) as run,
        run.step('stage1', outputs=['stage1/checkpoint'], makes=['stage1', 'untrained']) as step,
    ):
        if step.needed:
            if 'scratch' in curve:
                trained = load_checkpoint(checkpoint)
                torch.manual_seed(seed)
                checkpoint = folder / 'untrained'
                save_checkpoint(
                    checkpoint,
                    VLA(
                        trained.config,
                        trained.statistics,
                        tokenizer_json=trained.backbone.tokenizer_json,
                    ),
                )
            (folder / 'stage1').mkdir(exist_ok=True)
            with InProcessBackend(
                changed.algorithm1, read_description(checkpoint)[1], seed
            ) as backend:
                backend.learn(CURVE_TASK, checkpoint, folder / 'stage1')
    results.add_curve(curve, seed, read_metrics(folder / 'stage1'))


def run_missing(
    output: Path, config: DemoConfig, seed: int, parts: Iterable[str], methods: Iterable[str]
) -> None:
    """Run the parts that the results lack for this seed."""

    def missing(part: str, names: Iterable[str]) -> list[str]:
        return [name for name in names if part in parts and not results.has(part, name, seed)]

    methods = missing('methods', methods)
    curves, judged = missing('curves', CURVES), missing('judged', [JUDGED_TASK])
    if not (methods or curves or judged):
        return
    asked = {
        'stage0': config.stage0_contents(),
        'expert': config.algorithm1.tasks.expert,
        'horizon': config.algorithm1.horizon,
    }
    backend = RosBackend(config.algorithm1, seed, WORKERS, output / 'demonstrations')
    with RunFolder(output / 'demonstrations', asked, seed) as run:
        roots, checkpoint = demonstrate_and_train(run, config, seed, backend)
    for method in methods:
        run_method(output, config, method, seed, roots, checkpoint)
    for curve in curves:
        run_curve(output, config, curve, seed, checkpoint)
    if judged:
        run_judged(output / 'judged', config, seed, checkpoint)
        results.add_judged(JUDGED_TASK, seed, judged_figures(output / 'judged'))


def main() -> None:
    """Run missing results of the chosen parts; print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/experiments')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--parts', nargs='+', default=PARTS, choices=PARTS)
    parser.add_argument('--methods', nargs='+', default=USUAL, choices=list(METHODS))
    options = parser.parse_args()
    config = load_demo_config(results.ROOT / 'config/demo.yaml')
    config = _changed(
        config, {'tasks': replace(config.algorithm1.tasks, **TASKS), 'episodes': EPISODES}
    )
    failed = []
    for seed in options.seeds:
        try:
            run_missing(
                options.output / f'seed{seed}', config, seed, options.parts, options.methods
            )
        except IrevlaError as error:
            # An error with one seed, such as too few successes, must not stop the next.
            failed.append(f'seed {seed}: {error}')
        except KeyboardInterrupt:
            sys.exit('experiments: stopped; the same command continues from here')
    for row, groups in results.load()['table'].items():
        print(
            row,
            *(f'{group} {cell["successes"]}/{cell["episodes"]}' for group, cell in groups.items()),
            sep='  ',
        )
    if failed:
        sys.exit('\n'.join(f'experiments: {line}' for line in failed))


if __name__ == '__main__':
    main()
