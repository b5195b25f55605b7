# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The Franka Kitchen rows of the paper's Table I: SFT, iRe-VLA and PPO-Replay. Takes an hour.

For each seed, over ROS: demonstrations, stage 0, and the choice of the weakest expert task; then
iRe-VLA (over ROS) and PPO-Replay (in process) learn the red sliding door and that task, both from
the policy of stage 0. Results are in docs/results/kitchen.json with the paper's beside them; what
it has is not run again: the same command continues after a kill.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
import sys
from typing import Any

from matplotlib import rc_context
import results
from results_file import ResultsFile

from irevla_bringup.demo import DemoConfig, demonstrate_and_train, load_demo_config
from irevla_bringup.ros_backend import RosBackend
from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.report.plots import NEUTRAL, STYLE, groups_chart, save_png
from irevla_learner.report.report import evaluated_stages
from irevla_learner.runs.evaluation import EpisodeResult, summarise
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_description

# Success rates of the paper's Table I.
PAPER_TASKS = (
    'knob-on',
    'light-on',
    'microwave-open',
    'slide-door-open',
    'left-door-open',
    'slide-door-open-red',
    'slide-door-open-yellow',
)
PAPER = {
    'SFT': dict(zip(PAPER_TASKS, (0.84, 0.96, 0.70, 0.86, 0.43, 0.46, 0.98))),
    'PPO-Replay': dict(zip(PAPER_TASKS, (0.48, 0.64, 0.35, 0.96, 0.12, 0.30, 0.64))),
    'iRe-VLA': dict(zip(PAPER_TASKS, (0.90, 0.98, 0.82, 0.99, 0.83, 0.99, 1.00))),
}
# As many environment steps as SACfD has at most, with its 60 zero-shot episodes of 80 steps.
ENV_STEPS = 20_800
# Differences of PPO-Replay from config/kitchen/algorithm1.yaml.
PPO_REPLAY: dict[str, Any] = {
    'algorithm': 'ppo',
    'settings': replace(
        PPOConfig.load(results.ROOT / 'benchmarks/experiments/ppo_replay.yaml'),
        env_steps=ENV_STEPS,
    ),
    'stage1_trains': 'all',
    'new_share': 0.0,
}
# First layout on which the weakest task is chosen: the evaluation's are other ones, since a task
# that was unlucky there would improve by itself.
CHOICE_LAYOUT = 5_000_000
WORKERS = 2
IMAGE = results.ROOT / 'docs/images/kitchen_table.png'


def prepare(output: Path, config: DemoConfig, seed: int) -> tuple[list[Path], Path, str]:
    """Return folders of demonstrations, the policy of stage 0, and its weakest expert task."""
    settings = replace(config.algorithm1, evaluation_seed=CHOICE_LAYOUT)
    backend = RosBackend(settings, seed, WORKERS, output)
    expert = settings.tasks.expert
    asked = {
        'stage0': config.stage0_contents(),
        'expert': expert,
        'episodes': settings.episodes.expert,
    }
    with RunFolder(output, asked, seed) as run:
        roots, checkpoint = demonstrate_and_train(run, config, seed, backend)
        with run.step('evaluate stage0', makes=['evaluation']) as step:
            if step.needed:
                found = backend.evaluate(
                    checkpoint,
                    dict.fromkeys(expert, settings.episodes.expert),
                    output / 'evaluation',
                )
                step.results['successes'] = {
                    task: cell[0] for task, cell in results.cells_of(found).items()
                }
        successes = step.results['successes']
    return roots, checkpoint, min(expert, key=lambda task: successes[task])


def with_weakest(config: Algorithm1Config, weakest: str) -> Algorithm1Config:
    """Return the configuration that learns this expert task online too, after the new ones."""
    tasks = config.tasks
    expert = tuple(task for task in tasks.expert if task != weakest)
    return replace(config, tasks=replace(tasks, expert=expert, rl=(*tasks.rl, weakest)))


def run_method(
    folder: Path, config: Algorithm1Config, seed: int, roots: list[Path], checkpoint: Path
) -> None:
    """Run Algorithm 1 from the policy of stage 0: over ROS, with PPO in process."""
    with RunFolder(folder, config.contents(), seed) as run:
        if config.algorithm == 'ppo':
            with InProcessBackend(config, read_description(checkpoint)[1], seed) as backend:
                Algorithm1(run, config, backend, roots, seed).run(checkpoint)
        else:
            ros = RosBackend(config, seed, WORKERS, folder)
            Algorithm1(run, config, ros, roots, seed).run(checkpoint)


def entry(
    folder: Path, config: Algorithm1Config, stages: Mapping[str, list[EpisodeResult]]
) -> dict[str, Any]:
    """Return the results of a method: successes and episodes of each task after each stage."""
    outcomes = {stage: read_outcome(folder / stage) for stage in stages}
    return {
        'stages': {stage: results.cells_of(found) for stage, found in stages.items()},
        'rl': list(config.tasks.rl),
        'env_steps': {stage: one['env_steps'] for stage, one in outcomes.items() if one},
        **results.provenance(),
    }


def table(methods: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return method to task to figures after its last stage, all seeds together."""
    rows = results.table(methods, {task: [task] for task in PAPER_TASKS})
    return {
        method: {task: cell | {'paper': PAPER[method][task]} for task, cell in cells.items()}
        for method, cells in rows.items()
    }


def draw(content: Mapping[str, Any]) -> None:
    """Draw a bar for each method and task with its interval, and the paper's result as a line."""
    if not content['table']:
        return
    rows = {method: content['table'][method] for method in PAPER if method in content['table']}
    with rc_context(STYLE):
        figure = groups_chart(rows)
        figure.set_size_inches(12, 4.2)
        (axes,) = figure.axes
        rates = [cell['paper'] for cells in rows.values() for cell in cells.values()]
        for bar, rate in zip(axes.patches, rates, strict=True):
            left, width = bar.get_x(), bar.get_width()
            axes.hlines(
                rate, left, left + width, colors=NEUTRAL, linestyles='dotted', label='paper'
            )
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        axes.legend(
            handles.values(), handles, ncols=4, loc='upper center', bbox_to_anchor=(0.5, -0.1)
        )
        axes.tick_params(axis='x', labelsize=8.5)
    save_png(figure, IMAGE)


FILE = ResultsFile(results.ROOT / 'docs/results/kitchen.json', ('methods', 'table'), draw)


def add(method: str, seed: int, found: Mapping[str, Any]) -> None:
    """Add a method's results to the file."""
    with FILE.changed() as content:
        content['methods'].setdefault(method, {})[str(seed)] = found
        content['table'] = table(content['methods'])


def run_seed(
    output: Path, config: DemoConfig, seed: int, methods: list[str]
) -> Iterator[IrevlaError]:
    """Run these methods for a seed and add their results; yield the error of one that fails."""
    try:
        roots, checkpoint, weakest = prepare(output / 'stage0', config, seed)
    except IrevlaError as error:
        yield error
        return
    own = with_weakest(config.algorithm1, weakest)
    for method in methods:
        settings = replace(own, **PPO_REPLAY) if method == 'PPO-Replay' else own
        folder = output / method.lower()
        try:
            run_method(folder, settings, seed, roots, checkpoint)
        except IrevlaError as error:
            yield error
            continue
        stages = evaluated_stages(folder)
        if not FILE.has('methods', 'SFT', seed):
            add('SFT', seed, entry(folder, settings, {'stage0': stages['stage0']}))
        add(method, seed, entry(folder, settings, stages))
        done = summarise(list(stages.values())[-1])
        print(f'{method}, seed {seed}: {done["successes"]} of {done["episodes"]}', flush=True)


def main() -> None:
    """Run what is missing; print a line for each method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/kitchen_table')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0])
    methods = ('iRe-VLA', 'PPO-Replay')
    parser.add_argument('--methods', nargs='+', default=methods, choices=methods)
    options = parser.parse_args()
    config = load_demo_config(results.ROOT / 'config/kitchen/demo.yaml')
    failed = False
    for seed in options.seeds:
        missing = [method for method in options.methods if not FILE.has('methods', method, seed)]
        output = options.output.absolute() / f'seed{seed}'
        for error in run_seed(output, config, seed, missing) if missing else ():
            print(f'seed {seed}: {error}', file=sys.stderr, flush=True)
            failed = True
    sys.exit(failed)


if __name__ == '__main__':
    main()
