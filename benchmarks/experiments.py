# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's comparisons, small: Table I and Figure 4 on Meta-World. Hours; goes on after a kill.

For each seed: demonstrations over ROS, stage 0, then every method from the same policy, in
process; then stage 1 on a success classifier's word beside the truth. Results go to
docs/results/experiments.json, their pictures to docs/images.
"""

import argparse
from collections.abc import Iterable, Mapping
import json
from pathlib import Path
import sys
from typing import Any

from judged_reward import judged_figures, run_judged
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
import numpy as np
import torch

from irevla_bringup.demo import demonstrate_and_train, load_demo_config
from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1 import GROUPS, Algorithm1
from irevla_learner.environment import environment_facts
from irevla_learner.evaluation import TaskScore, load_results
from irevla_learner.in_process import InProcess
from irevla_learner.json_file import write_json
from irevla_learner.plots import BLUE, NEUTRAL, ORANGE, STYLE, groups_chart, save_png
from irevla_learner.run_folder import RunFolder, git_revision
from irevla_policy.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.metrics_log import read_metrics
from irevla_policy.vla import VLA

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / 'docs/results/experiments.json'
PPO = {'algorithm': 'ppo', 'settings': str(ROOT / 'config/learning/ppo.yaml')}
# What differs from config/improve.yaml.
TASKS = {'rl': ['door-open-new', 'drawer-close-new', 'window-open-new'],
         'held_out': ['door-open-unseen', 'window-close-unseen']}
EPISODES = dict.fromkeys(GROUPS, 20)
METHODS: dict[str, dict[str, Any]] = {
    'iRe-VLA': {},
    'iRe-VLA-freeze': {'stage2_trains': 'head'},
    'PPO-Replay': {**PPO, 'stage1_trains': 'all', 'new_share': 0.0},
    'iRe-VLA (PPO)': PPO,
}
# Those of the paper's table; the last only when asked for by name.
USUAL = [method for method in METHODS if method != 'iRe-VLA (PPO)']
# Figure 4: how PPO learns one new task.
CURVE_TASK = 'door-open-new'
CURVES: dict[str, dict[str, Any]] = {
    'SFT, VLM frozen': PPO,
    'SFT, all fine-tuned': {**PPO, 'stage1_trains': 'all'},
    'from scratch, all': {**PPO, 'stage1_trains': 'all'},
}
COLOURS = (BLUE, ORANGE, NEUTRAL)


def file_name(method: str) -> str:
    """Return a method's name as a folder."""
    return ''.join(letter if letter.isalnum() else '-' for letter in method.lower()).strip('-')


def run_table(output: Path, config: Mapping[str, Any], methods: Iterable[str], seed: int,
              roots: list[Path], checkpoint: Path) -> None:
    """Run the methods of the table from one policy of stage 0."""
    for method in methods:
        changed = {**config, **METHODS[method]}
        with RunFolder(output / file_name(method), changed, seed) as run:
            domain = InProcess(changed, load_checkpoint(checkpoint).config.cameras, seed)
            try:
                Algorithm1(run, changed, domain, roots, seed).run(checkpoint)
            finally:
                domain.close()
        write_results(output.parent)


def run_curves(output: Path, config: Mapping[str, Any], seed: int, checkpoint: Path) -> None:
    """Run stage 1 alone, from the policy of stage 0 and from an untrained one."""
    trained = load_checkpoint(checkpoint)
    torch.manual_seed(seed)
    untrained = output / 'untrained'
    save_checkpoint(untrained, VLA(trained.config, trained.statistics,
                                   tokenizer_json=trained.backbone.tokenizer_json))
    for curve, changes in CURVES.items():
        changed = {**config, **changes}
        folder = output / f'curve-{file_name(curve)}'
        with RunFolder(folder, changed, seed) as run, run.step('stage1', outputs=[
                'stage1/checkpoint']) as step:
            if step.needed:
                domain = InProcess(changed, trained.config.cameras, seed)
                (folder / 'stage1').mkdir(exist_ok=True)
                try:
                    domain.learn(CURVE_TASK, untrained if 'scratch' in curve else checkpoint,
                                 folder / 'stage1')
                finally:
                    domain.close()
        write_results(output.parent)


def cells(output: Path, method: str, seeds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return a method's last evaluation: task to successes, episodes, rate and interval."""
    counted: dict[str, list[bool]] = {}
    for seed in seeds:
        folder = output / seed / file_name(method)
        last = sorted(folder.glob('stage2*/evaluation/results.json'),
                      key=lambda path: (len(path.parts[-3]), path.parts[-3]))
        if method == 'SFT':
            last = sorted((output / seed).glob('*/stage0/evaluation/results.json'))[:1]
        elif len(last) < len(TASKS['rl']):
            continue
        for result in load_results(last[-1]) if last else ():
            counted.setdefault(result.task, []).append(result.success)
    return {task: figures(sum(outcomes), len(outcomes)) for task, outcomes in counted.items()}


def figures(successes: int, episodes: int) -> dict[str, Any]:
    """Return a cell of the table."""
    score = TaskScore(successes, episodes)
    return {'successes': successes, 'episodes': episodes, 'success_rate': score.rate,
            'interval': list(score.interval)}


def write_results(output: Path) -> None:
    """Write the JSON file and the pictures from what the runs hold so far."""
    seeds = sorted(path.name for path in output.glob('seed*'))
    tasks = {'expert': load_demo_config(ROOT / 'config/demo.yaml')['tasks']['expert'], **TASKS}
    table, details = {}, {}
    for method in ('SFT', *METHODS):
        found = cells(output, method, seeds)
        if found:
            table[method] = {
                group: figures(*(sum(found[task][key] for task in names)
                                 for key in ('successes', 'episodes')))
                for group, names in tasks.items()}
            details[method] = found
    curves = {curve: {seed: [[row['step'], row['successes'], row['episodes']] for row in
                             read_metrics(output / seed / f'curve-{file_name(curve)}/stage1')]
                      for seed in seeds} for curve in CURVES}
    write_json(RESULTS, {
        'seeds': seeds, 'tasks': tasks, 'curve_task': CURVE_TASK, 'table': table,
        'tasks_of_table': details,
        'curves': curves,
        'judged': {seed: judged_figures(output / seed / 'judged') for seed in seeds},
        'environment': environment_facts(), 'git_revision': git_revision()})
    if table:
        save_png(groups_chart(table), ROOT / 'docs/images/experiments_table.png')
    if any(rows for by_seed in curves.values() for rows in by_seed.values()):
        save_png(curve_chart(curves), ROOT / 'docs/images/experiments_curves.png')


def curve_chart(curves: Mapping[str, Mapping[str, list]]) -> Figure:
    """Return the success of the newest 60 episodes over decisions, a line for each seed."""
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), layout='constrained')
        axes = figure.subplots()
        for colour, (curve, by_seed) in zip(COLOURS, curves.items()):
            for number, rows in enumerate(by_seed.values()):
                if len(rows) > 60:
                    steps, successes, _ = np.array(rows).T
                    axes.plot(steps[60:], (successes[60:] - successes[:-60]) / 60, color=colour,
                              label=curve if number == 0 else None)
        axes.set(ylim=(0, 1), xlabel='decisions of the policy',
                 ylabel='success of the newest 60 episodes, exploring')
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.legend()
    return figure


def main() -> None:
    """Run what is asked, or only write the results anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=ROOT / 'runs/experiments')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--methods', nargs='*', default=USUAL, choices=list(METHODS))
    parser.add_argument('--no-curves', action='store_true', help='leave Figure 4 out')
    options = parser.parse_args()
    config = load_demo_config(ROOT / 'config/demo.yaml')
    config = {**config, 'tasks': {**config['tasks'], **TASKS}, 'episodes': EPISODES}
    policies: dict[int, Path] = {}
    try:
        for seed in options.seeds:
            output = options.output / f'seed{seed}'
            with RunFolder(output / 'demonstrations', config['stage0'], seed) as run:
                roots, checkpoint = demonstrate_and_train(run, config, seed, workers=2)
            run_table(output, config, options.methods, seed, roots, checkpoint)
            if not options.no_curves:
                run_curves(output, config, seed, checkpoint)
            policies[seed] = checkpoint
        # Last: too few successes to label must not keep the methods from running.
        for seed, checkpoint in policies.items():
            run_judged(options.output / f'seed{seed}/judged', config, seed, checkpoint)
            write_results(options.output)
    except IrevlaError as error:
        sys.exit(f'experiments: {error}')
    except KeyboardInterrupt:
        sys.exit('experiments: stopped; the same command goes on from here')
    write_results(options.output)
    print(json.dumps(json.loads(RESULTS.read_text())['table'], indent=1))


if __name__ == '__main__':
    main()
