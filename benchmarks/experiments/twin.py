# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The paper's Figure 6 on the simulated Panda, through the robot's own launch files, in real time.

Demonstrations by teleop.launch.py, of a script and of a script with a SpaceMouse; stage 0; then
Algorithm 1 over robot.launch.py: eggplant, then carrot. Variants of stage 1 on the carrot begin
with the same policy of stage 0.
Results are in docs/results/twin.json; what it has is not run again: the same command continues
after a kill. On another machine, --policy FOLDER begins with a copy of the policy of
these results; without it stage 0 is trained. For variants from that policy, demonstrations serve
the anchor only, whose 3000 frames are in 10 of each task: --demonstrations 10.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from panda.backend import WatchedBackend
from panda.carrot import PERSON, VARIANTS, Carrot
from panda.outcome import FILE, of_stage1
import results

from irevla_bringup.demo import (
    TRAINED,
    DemoConfig,
    demonstrate,
    load_demo_config,
    train_stage0,
)
from irevla_bringup.ros_backend import RosBackend, worker_folders
from irevla_control.errors import ConfigError
from irevla_control.processes import run_command
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.report.report import evaluated_stages, write_report
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.layouts import first_layout
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_manifest

ALL = 'all'
PARTS = (ALL, *VARIANTS)
# Scripted demonstrations of a task for one by a scripted person's SpaceMouse.
PER_MOUSE = 5


def objects(
    folder: Path, config: Algorithm1Config, stages: Mapping[str, list[EpisodeResult]]
) -> dict[str, Any]:
    """Return group, successes before and after of each task, and the stage 1 of new ones."""
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
        content |= {'seed': seed, 'stage0': read_manifest(checkpoint)['files']}
        content |= results.provenance()


def prepare(
    output: Path, config: DemoConfig, seed: int, policy: Path | None
) -> tuple[list[Path], Path]:
    """Return the folders of the demonstrations, and the policy of stage 0; None: train it."""
    settings = config.algorithm1
    asked = {'stage0': config.stage0_contents(), 'robot': settings.robot}
    with RunFolder(output, asked, seed) as run:
        roots = demonstrate(run, config, RosBackend(settings, seed, 1, output))
        mouse, count = output / 'by_mouse', config.demonstrations // PER_MOUSE
        with run.step('collect by mouse', count, ['by_mouse'], ['by_mouse']) as step:
            if step.needed:
                person = replace(settings, robot=settings.robot | PERSON)
                RosBackend(person, seed, 1, output).collect(
                    dict.fromkeys(settings.tasks.expert, count),
                    mouse,
                    {
                        'image_size': config.preset.image_size,
                        'noise_std': config.noise_std,
                        # Other layouts than the script's.
                        'seed': first_layout(seed, settings.evaluation_seed)
                        + config.demonstrations,
                    },
                )
        roots += worker_folders(mouse)
        return roots, policy or train_stage0(run, config, seed, roots)


def check_same_policy(checkpoint: Path) -> None:
    """Raise ConfigError if the results began with another policy of stage 0 than this, if any."""
    begun = FILE.read().get('stage0')
    if begun and not (checkpoint.exists() and read_manifest(checkpoint)['files'] == begun):
        raise ConfigError(
            f'docs/results/twin.json began with another policy than {checkpoint}; give that '
            'one by --policy, or move the file away'
        )


def run(
    output: Path, config: DemoConfig, seed: int, policy: Path | None, parts: Sequence[str]
) -> None:
    """Run the parts that the results do not have; ``policy`` is that of stage 0, see `prepare`."""
    settings = config.algorithm1
    # Before hours of demonstrations and training.
    check_same_policy(policy or output / 'stage0' / TRAINED)
    roots, checkpoint = prepare(output / 'stage0', config, seed, policy)
    carrot = Carrot(output, settings, seed, roots, checkpoint)
    for part in parts:
        done = FILE.read()
        if part == ALL and not done['objects']:
            run_all(output / ALL, settings, seed, roots, checkpoint)
        elif part != ALL and part not in done['variants']:
            carrot.run(part)


def main() -> None:
    """Run what is missing."""
    config = load_demo_config(results.ROOT / 'config/twin/demo.yaml')
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/twin')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--policy', type=Path, help='policy of stage 0; default: it is trained')
    parser.add_argument(
        '--demonstrations',
        type=int,
        default=config.demonstrations,
        help='scripted demonstrations of each expert task (default: %(default)s)',
    )
    parser.add_argument('--parts', nargs='+', default=PARTS, choices=PARTS)
    options = parser.parse_args()
    if options.demonstrations < PER_MOUSE:
        parser.error(
            f'--demonstrations {options.demonstrations}: at least {PER_MOUSE} are needed, because '
            f'for every {PER_MOUSE} of them one is made with the mouse'
        )
    policy = options.policy and options.policy.absolute()
    config = replace(config, demonstrations=options.demonstrations)
    run(options.output.absolute(), config, options.seed, policy, options.parts)


if __name__ == '__main__':
    run_command(main, 'twin')
