# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0 on the demo's expert tasks, one setting changed at a time, from the same demonstrations.

For each seed: demonstrations over ROS and stage 0, then stage 0 of each other variant; every
policy plays each expert task on the same layouts, which nothing is trained on.
Results are in docs/results/stage0.json; what it has is not run again: the same command continues
after a kill.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
import sys
from typing import Any

import results
from results_file import ResultsFile

from irevla_bringup.demo import DemoConfig, demonstrate_and_train, load_demo_config
from irevla_bringup.ros_backend import RosBackend
from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.runs.evaluation import summarise
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_description
from irevla_policy.training.train import train_from_bags

FILE = ResultsFile(results.ROOT / 'docs/results/stage0.json', ('variants', 'pooled'))
# Changes to the head of the preset and to the training settings.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'shipped': ({}, {}),
    'one query': ({'queries': 1}, {}),
    'learning rate 0.001': ({}, {'learning_rate': 0.001}),
}
# First layout of the evaluation.
LAYOUT = 7_000_000
EPISODES = 30
WORKERS = 2


def prepare(output: Path, config: DemoConfig, seed: int) -> tuple[list[Path], Path]:
    """Return the folders of demonstrations and the policy with the shipped settings."""
    backend = RosBackend(config.algorithm1, seed, WORKERS, output)
    with RunFolder(output, config.stage0_contents(), seed) as run:
        return demonstrate_and_train(run, config, seed, backend)


def train_variant(
    folder: Path, config: DemoConfig, variant: str, seed: int, roots: list[Path]
) -> Path:
    """Return the policy of stage 0 with the changes of a variant."""
    head, training = VARIANTS[variant]
    preset = config.preset
    train_from_bags(
        roots,
        folder / 'training',
        replace(config.training, seed=seed, **training),
        preset=replace(preset, head=replace(preset.head, **head)),
        checkpoint=folder / 'checkpoint',
    )
    return folder / 'checkpoint'


def score(checkpoint: Path, config: Algorithm1Config, folder: Path) -> dict[str, Any]:
    """Return the entry of a policy: successes and episodes of each task, and of all."""
    config = replace(config, evaluation_seed=LAYOUT, num_envs=WORKERS)
    with InProcessBackend(config, read_description(checkpoint)[1], seed=0) as backend:
        found = summarise(
            backend.evaluate(checkpoint, dict.fromkeys(config.tasks.expert, EPISODES), folder)
        )
    tasks = {task: [one['successes'], one['episodes']] for task, one in found['tasks'].items()}
    return {
        'tasks': tasks,
        'all': [found['successes'], found['episodes']],
        **results.provenance(),
    }


def add(variant: str, seed: int, entry: Mapping[str, Any]) -> None:
    """Add an entry to the file, and the sums over the seeds of its variant."""
    with FILE.changed() as content:
        by_seed = content['variants'].setdefault(variant, {})
        by_seed[str(seed)] = entry
        cells = [one['all'] for one in by_seed.values()]
        content['pooled'][variant] = {
            'seeds': len(cells),
            **results.figures(*(sum(cell[place] for cell in cells) for place in (0, 1))),
        }


def main() -> None:
    """Run what is missing; print a line for each entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/stage0')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--variants', nargs='+', default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    config = load_demo_config(results.ROOT / 'config/demo.yaml')
    for seed, variant in product(options.seeds, options.variants):
        if FILE.has('variants', variant, seed):
            continue
        output = options.output.absolute() / f'seed{seed}'
        folder = output / variant.replace(' ', '-')
        try:
            roots, checkpoint = prepare(output / 'run', config, seed)
            if variant != 'shipped':
                checkpoint = train_variant(folder, config, variant, seed, roots)
            entry = score(checkpoint, config.algorithm1, folder)
        except IrevlaError as error:
            print(f'{variant}, seed {seed}: {error}', file=sys.stderr)
            continue
        add(variant, seed, entry)
        print(f'{variant}, seed {seed}: {entry["all"]} {entry["tasks"]}', flush=True)


if __name__ == '__main__':
    main()
