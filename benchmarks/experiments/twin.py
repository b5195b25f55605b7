# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's Figure 6 on the simulated Panda, through the robot's own launch files, in real time.

Demonstrations by teleop.launch.py, stage 0, then Algorithm 1 over robot.launch.py: eggplant, then
carrot. Variants of stage 1 on the carrot begin with the same policy of stage 0.
Results are in docs/results/twin.json; what it has is not run again: the same command continues
after a kill.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
import json
from pathlib import Path
import sys
from typing import Any

from graph_health import watched_graph
from matplotlib import rc_context
from matplotlib.figure import Figure
import numpy as np
from persons_faults import persons_faults
import results
from results_file import ResultsFile

from irevla_bringup.demo import DemoConfig, demonstrate_and_train, load_demo_config
from irevla_bringup.launched_graphs import GraphError
from irevla_bringup.ros_backend import RosBackend
from irevla_control.bags.index import list_episodes
from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.stage1_demonstrations import encode_for_stage1
from irevla_learner.json_file import write_json
from irevla_learner.report.plots import STYLE, groups_chart, save_png
from irevla_learner.report.report import evaluated_stages, write_report
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.metrics_log import read_metrics

# The object of the variants, and the number of its recorded demonstrations.
CARROT, DEMONSTRATIONS, IMAGE_SIZE = 'pick-carrot', 20, 84
ALL = 'all'
FAULTS = 'faults'
PARTS = (ALL, 'plain', 'demonstrations', 'interventions', FAULTS)
# With a person's faults the graph ends and is started again; more often than this is a defect.
MOST_STARTS = 8
DEMONSTRATED, WITH_PERSON = ('demonstrations', FAULTS), ('interventions', FAULTS)
# A scripted person watches stage 1, and takes over with the mouse when the policy is late.
PERSON = {'operator': 'scripted_person'}
HEALTH = 'health.json'
# Columns of a learning curve; interventions are steps with a person's command.
CURVE = ('step', 'successes', 'episodes', 'interventions')
# Number of episodes that a point of a learning curve is averaged over.
WINDOW = 20
IMAGES = results.ROOT / 'docs/images'
# Longest time from one episode to the next; a longer one is a pause of the run [s].
LONGEST_S = 60.0


def draw(content: Mapping[str, Any]) -> None:
    """Draw success before and after by object, and the learning curves over robot time."""
    found = content['objects']
    if found:
        names = {task: task.replace('-', '\n', 1).replace('-', ' ') for task in found}
        bars = {
            when: {names[task]: results.figures(*one[when]) for task, one in found.items()}
            for when in ('before', 'after')
        }
        figure = groups_chart(bars)
        figure.set_size_inches(13, 4.2)
        figure.axes[0].tick_params(axis='x', labelsize=8)
        save_png(figure, IMAGES / 'twin_objects.png')
    curves = {task: one for task, one in found.items() if 'robot_minutes' in one}
    curves |= {f'{CARROT}, {name}': one for name, one in content['variants'].items()}
    if not curves:
        return
    with rc_context(STYLE):
        figure = Figure(figsize=(8, 4), layout='constrained')
        axes = figure.subplots()
        for name, one in curves.items():
            rows = np.array(one[', '.join(CURVE)])
            minutes = np.linspace(0, one['robot_minutes'], len(rows) + 1)[1:]
            newest = np.diff(rows[:, CURVE.index('successes')], prepend=0)
            shown = np.convolve(newest, np.ones(WINDOW) / WINDOW, 'valid')
            axes.plot(minutes[WINDOW - 1 :], shown, label=name)
        axes.set(
            ylim=(-0.02, 1.02),
            xlabel='robot time, resets included [min]',
            ylabel=f'success of the newest {WINDOW} episodes, exploring',
        )
        axes.legend()
    save_png(figure, IMAGES / 'twin_curves.png')


FILE = ResultsFile(results.ROOT / 'docs/results/twin.json', ('objects', 'variants'), draw)


class WatchedBackend(RosBackend):
    """Keeps the rates and times of all nodes of stage 1 in `HEALTH` of its folder."""

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run or continue stage 1."""
        with watched_graph() as health:
            try:
                super().learn(task, checkpoint, folder)
            finally:
                write_json(folder / HEALTH, health.summary())

    def learn_with_faults(self, task: str, checkpoint: Path, folder: Path) -> dict[str, Any]:
        """Run stage 1 with a person's faults, started again as often as its graph ends by one.

        Returns the faults, the number of starts, and the recorded episodes and replayed ones that
        a start lost, which must be none.
        """
        starts, lost = 0, 0
        before = (0, 0)
        with persons_faults('learning') as faults:
            while read_outcome(folder) is None:
                starts += 1
                try:
                    self.learn(task, checkpoint, folder)
                except GraphError as error:
                    print(f'start {starts}: {str(error).splitlines()[0]}', flush=True)
                    if starts == MOST_STARTS:
                        raise
                rows = read_metrics(folder)
                now = (
                    len(list_episodes(folder / 'episodes')),
                    int(rows[-1]['episodes']) if rows else 0,
                )
                lost += sum(max(0, old - new) for old, new in zip(before, now))
                before = now
        return {'faults': list(faults), 'starts': starts, 'lost': lost}


def robot_minutes(folder: Path) -> float:
    """Return the time on the robot of a stage 1, resets included, pauses of the run not [min].

    The identifier of an episode ends with the time of its reset [ns].
    """
    begun = sorted(
        int(one.episode_id.rsplit('-', 1)[1]) * 1e-9 for one in list_episodes(folder / 'episodes')
    )
    between = [later - earlier for earlier, later in zip(begun, begun[1:])]
    return round(sum(gap for gap in between if gap < LONGEST_S) / 60, 1)


def learning_curve(folder: Path) -> list[list[int]]:
    """Return the sums of `CURVE` after each episode of a stage 1."""
    return [[row[key] for key in CURVE] for row in read_metrics(folder)]


def of_stage1(folder: Path) -> dict[str, Any]:
    """Return the robot's time and the outcome of a stage 1."""
    outcome = read_outcome(folder)
    # Written at the end of a stage 1.
    assert outcome is not None
    return {
        'robot_minutes': robot_minutes(folder),
        'env_steps': outcome['env_steps'],
        'episodes': outcome['episodes'],
        ', '.join(CURVE): learning_curve(folder),
        'nodes': json.loads((folder / HEALTH).read_text()),
    }


def objects(
    folder: Path, config: Algorithm1Config, stages: Mapping[str, list[EpisodeResult]]
) -> dict[str, Any]:
    """Return group, successes before and after of each task, and the robot's time of new ones."""
    tasks = config.tasks
    before, after = (results.cells_of(list(stages.values())[place]) for place in (0, -1))
    groups = {'expert': tasks.expert, 'rl': tasks.rl, 'unseen': tasks.held_out}
    found = {
        task: {'group': group, 'before': before[task], 'after': after[task]}
        for group, of_group in groups.items()
        for task in of_group
    }
    for number, task in enumerate(tasks.rl, 1):
        found[task] |= of_stage1(folder / (f'stage1-{number}' if number > 1 else 'stage1'))
    return found


def run_all(
    folder: Path, config: Algorithm1Config, seed: int, roots: list[Path], checkpoint: Path
) -> None:
    """Run Algorithm 1 on all new objects; add the results to the file."""
    with RunFolder(folder, config.contents(), seed) as run:
        backend = WatchedBackend(config, seed, 1, folder)
        Algorithm1(run, config, backend, roots, seed).run(checkpoint)
    write_report(folder)
    with FILE.changed() as content:
        content['objects'] = objects(folder, config, evaluated_stages(folder))
        content |= {'seed': seed, **results.provenance()}


def run_variant(
    folder: Path,
    variant: str,
    config: Algorithm1Config,
    seed: int,
    roots: list[Path],
    checkpoint: Path,
) -> None:
    """Run stage 1 on the carrot, evaluated before and after; add the results to the file."""
    stage1 = folder / 'stage1'
    with RunFolder(folder, config.contents(), seed) as run:
        backend = WatchedBackend(config, seed, 1, folder)
        before = evaluated(run, 'before', backend, checkpoint, config.episodes.rl)
        if variant in DEMONSTRATED:
            config = with_demonstrations(run, backend, config)
        if variant in WITH_PERSON:
            config = replace(config, robot=config.robot | PERSON)
        with run.step('stage1', outputs=['stage1/checkpoint'], makes=['stage1']) as step:
            if step.needed:
                stage1.mkdir(parents=True, exist_ok=True)
                encode_for_stage1(config, CARROT, checkpoint, roots, stage1)
                learning = WatchedBackend(config, seed, 1, folder)
                if variant == FAULTS:
                    step.results.update(learning.learn_with_faults(CARROT, checkpoint, stage1))
                else:
                    learning.learn(CARROT, checkpoint, stage1)
        happened = step.results
        after = evaluated(run, 'after', backend, stage1 / 'checkpoint', config.episodes.rl)
    with FILE.changed() as content:
        content['variants'][variant] = {
            'before': before,
            'after': after,
            **happened,
            **of_stage1(stage1),
            **results.provenance(),
        }


def evaluated(
    run: RunFolder, name: str, backend: RosBackend, policy: Path, episodes: int
) -> list[int]:
    """Return the successes and episodes of a policy on the carrot; a step of the run."""
    with run.step(name, outputs=[name], makes=[name]) as step:
        if step.needed:
            found = backend.evaluate(policy, {CARROT: episodes}, run.path / name)
            step.results['cell'] = results.cells_of(found)[CARROT]
    return step.results['cell']


def with_demonstrations(
    run: RunFolder, backend: RosBackend, config: Algorithm1Config
) -> Algorithm1Config:
    """Return the configuration with recorded demonstrations of the carrot; a step of the run."""
    bags = run.path / 'demonstrations'
    with run.step('demonstrate', outputs=['demonstrations'], makes=['demonstrations']) as step:
        if step.needed:
            backend.collect({CARROT: DEMONSTRATIONS}, bags, {'image_size': IMAGE_SIZE})
    folders = tuple(sorted(path for path in bags.iterdir() if path.is_dir()))
    return replace(config, demonstration_bags=folders)


def prepare(output: Path, config: DemoConfig, seed: int) -> tuple[list[Path], Path]:
    """Return the folders of the demonstrations, and the policy of stage 0."""
    backend = RosBackend(config.algorithm1, seed, 1, output)
    asked = {'stage0': config.stage0_contents(), 'robot': config.algorithm1.robot}
    with RunFolder(output, asked, seed) as run:
        return demonstrate_and_train(run, config, seed, backend)


def main() -> None:
    """Run what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/twin')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--parts', nargs='+', default=PARTS, choices=PARTS)
    options = parser.parse_args()
    output = options.output.absolute()
    config = load_demo_config(results.ROOT / 'config/twin/demo.yaml')
    settings = config.algorithm1
    try:
        start = prepare(output / 'stage0', config, options.seed)
        for part in options.parts:
            done = FILE.read()
            if part == ALL and not done['objects']:
                run_all(output / ALL, settings, options.seed, *start)
            elif part != ALL and part not in done['variants']:
                run_variant(output / part, part, settings, options.seed, *start)
    except IrevlaError as error:
        sys.exit(f'twin: {error}')


if __name__ == '__main__':
    main()
