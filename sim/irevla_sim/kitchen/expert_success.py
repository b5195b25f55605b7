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
from irevla_sim.simulator.rollout import collect_demonstrations
from irevla_sim.simulator.simulator_env import SimulatorEnv
from irevla_sim.simulator.tasks import find_task

# Seeds of these layouts begin here, apart from those of demonstrations.
FIRST_SEED = 100_000


def measure(env: SimulatorEnv, task: str, layouts: int, noise_std: float) -> dict[str, float]:
    """Return successes and episodes, and mean and most decisions of a success."""
    played = collect_demonstrations([task], layouts, FIRST_SEED, noise_std, env=env)
    decisions = [len(one.actions) for one in played if one.success]
    return {
        'successes': len(decisions),
        'episodes': layouts,
        'mean_decisions': round(float(np.mean(decisions)), 1) if decisions else 0.0,
        'most_decisions': max(decisions, default=0),
        'horizon': env.horizon,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure tasks, all by default; print a line of each, and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, help='JSON file to write')
    parser.add_argument('--tasks', nargs='*', default=(), help='default: all')
    parser.add_argument('--layouts', type=int, default=100)
    parser.add_argument('--noise-std', type=float, default=NOISE_STD.default)
    parser.add_argument('--tasks-file', default='', help='YAML file with own tasks')
    options = parser.parse_args(arguments)
    try:
        _run(options)
    except (ConfigError, OSError) as error:
        sys.exit(f'error: {error}')


def _run(options: argparse.Namespace) -> None:
    env = SimulatorEnv('kitchen', cameras=(), tasks_file=options.tasks_file)
    tasks = [find_task(name, env.catalogue).name for name in options.tasks] or list(env.catalogue)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
    results = {}
    for task in tasks:
        results[task] = measure(env, task, options.layouts, options.noise_std)
        print(f'{task}: {results[task]}', flush=True)
    if options.output:
        content = {'noise_std': options.noise_std, 'tasks': results}
        options.output.write_text(json.dumps(content, indent=2) + '\n')


if __name__ == '__main__':
    main()
