# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 with PPO as config/paper.yaml has it, from the policies of stage 0 of stage1.py.

The new task and the expert tasks are evaluated before and after, on the layouts for tuning of
stage1.py. Results are in docs/results/ppo.json; what it has is not run again: the same command
continues after a kill.
"""

import argparse
from dataclasses import replace
from itertools import product
from pathlib import Path
import sys
from typing import Any

import results
from results_file import ResultsFile
from stage1 import TUNING, for_task, run_name, run_variant, shown

from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.config import Algorithm1Config, load_config
from irevla_learner.runs.evaluation import TaskScore
from irevla_policy.metrics_log import read_metrics

FILE = ResultsFile(results.ROOT / 'docs/results/ppo.json', ('variants',))
TASK = 'door-open-new'
# Changes to config/learning/ppo.yaml.
VARIANTS: dict[str, dict[str, Any]] = {
    'before': {'anneal': False, 'std': 0.15},
    'shipped': {},
}


def run(folder: Path, config: Algorithm1Config, seed: int, checkpoint: Path) -> dict[str, Any]:
    """Run stage 1 and both evaluations; return the entry of the results."""
    found = run_variant(folder, config, seed, checkpoint)
    return found | {
        'rl_interval': list(TaskScore(*found['rl']).interval),
        'step, window_success': [
            [row['step'], round(row['window_success'], 3)] for row in read_metrics(folder)[::20]
        ],
    }


def main() -> None:
    """Run what is missing; print a line for each entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/ppo')
    parser.add_argument(
        '--policies',
        type=Path,
        default=results.ROOT / 'runs/stage1',
        help='output folder of stage1.py, which trains them',
    )
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--variants', nargs='+', default=list(VARIANTS), choices=list(VARIANTS))
    options = parser.parse_args()
    config = load_config(results.ROOT / 'config/paper.yaml')
    for seed, variant in product(options.seeds, options.variants):
        if FILE.has('variants', variant, seed):
            continue
        checkpoint = options.policies / f'seed{seed}/stage0/stage0/checkpoint'
        settings = replace(config.settings, **VARIANTS[variant])
        changed = for_task(replace(config, settings=settings, evaluation_seed=TUNING), TASK)
        folder = options.output / f'seed{seed}' / run_name(variant, settings)
        try:
            entry = run(folder, changed, seed, checkpoint)
        except IrevlaError as error:
            print(f'{variant}, seed {seed}: {error}', file=sys.stderr)
            continue
        with FILE.changed() as content:
            content['variants'].setdefault(variant, {}).setdefault(str(seed), {})[TASK] = entry
        print(f'{variant}, seed {seed}: {shown(entry)}', flush=True)


if __name__ == '__main__':
    main()
