# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""How often the scripted experts of the kitchen succeed, with the demonstrations' noise.

`python -m irevla_sim.kitchen.expert_success --output docs/results/kitchen_experts.json`
"""

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
import sys

import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.kitchen.simulator import SIMULATOR
from irevla_sim.simulator.tasks import Task, find_task

# Seeds of these layouts begin here, apart from those of demonstrations.
FIRST_SEED = 100_000


def measure(task: Task, layouts: int, noise_std: float) -> dict[str, float]:
    """Return successes and episodes, and mean and most decisions of a success."""
    repeat, horizon = SIMULATOR.repeat_of(task), SIMULATOR.horizon_of(task)
    scene = SIMULATOR.scene(task, 84, repeat, horizon)
    decisions = []
    for seed in range(FIRST_SEED, FIRST_SEED + layouts):
        expert = SIMULATOR.expert(task, noise_std, seed, repeat)
        state, success = scene.reset(seed), False
        number = 0
        while not success and number < horizon:
            state, success = scene.execute(expert.act(state)[0])
            number += 1
        if success:
            decisions.append(number)
    scene.close()
    return {
        'successes': len(decisions),
        'episodes': layouts,
        'mean_decisions': round(float(np.mean(decisions)), 1) if decisions else 0.0,
        'most_decisions': max(decisions, default=0),
        'horizon': horizon,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure tasks, all by default; print a line of each, and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, help='JSON file to write')
    parser.add_argument('--tasks', nargs='*', default=(), help='default: all')
    parser.add_argument('--layouts', type=int, default=100)
    parser.add_argument('--noise-std', type=float, default=NOISE_STD.default)
    parser.add_argument('--tasks-file', type=Path, nargs='*', default=())
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except (ConfigError, OSError) as error:
        sys.exit(f'error: {error}')


def _run(options: argparse.Namespace) -> None:
    catalogue = SIMULATOR.load_catalogue(options.tasks_file)
    tasks = [find_task(name, catalogue) for name in options.tasks] or catalogue.values()
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
    results = {}
    for task in tasks:
        results[task.name] = measure(task, options.layouts, options.noise_std)
        print(f'{task.name}: {results[task.name]}', flush=True)
    if options.output:
        content = {'noise_std': options.noise_std, 'tasks': results}
        options.output.write_text(json.dumps(content, indent=2) + '\n')


if __name__ == '__main__':
    main()
