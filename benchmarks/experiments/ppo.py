# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 with PPO as config/paper.yaml has it, from the policies of stage 0 of stage1.py.

The new task and the expert tasks are evaluated before and after, on the layouts for tuning of
stage1.py. Results are in docs/results/ppo.json; what it has is not run again: the same command
continues after a kill.
"""

import argparse
from dataclasses import asdict, replace
from hashlib import sha256
import json
from pathlib import Path
import sys
from typing import Any

import results
from stage1 import EPISODES, EXPERT_EPISODES, TUNING, count, each, evaluated

from irevla_control.errors import IrevlaError
from irevla_control.files import Lock
from irevla_learner.algorithm1.config import Algorithm1Config, load_config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.json_file import write_json
from irevla_learner.runs.environment import environment_facts
from irevla_learner.runs.evaluation import TaskScore
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.runs.run_folder import git_revision
from irevla_policy.checkpoints.files import read_description
from irevla_policy.metrics_log import read_metrics
from irevla_policy.settings import plain

OUTPUT = results.ROOT / 'docs/results/ppo.json'
TASK = 'door-open-new'
# Changes to config/learning/ppo.yaml.
VARIANTS: dict[str, dict[str, Any]] = {
    'before': {'anneal': False, 'std': 0.15},
    'shipped': {},
}


def run(folder: Path, config: Algorithm1Config, seed: int, checkpoint: Path) -> dict[str, Any]:
    """Run stage 1 and both evaluations; return the entry of the results."""
    expert = config.tasks.expert
    episodes = {TASK: EPISODES} | dict.fromkeys(expert, EXPERT_EPISODES)
    folder.mkdir(parents=True, exist_ok=True)
    with InProcessBackend(config, read_description(checkpoint)[1], seed) as backend:
        before = evaluated(backend, checkpoint, episodes, folder.parent / 'before')
        if read_outcome(folder) is None:
            backend.learn(TASK, checkpoint, folder)
        after = evaluated(backend, folder / 'checkpoint', episodes, folder / 'after')
    outcome = read_outcome(folder)
    assert outcome is not None
    return {
        'before': count(before, (TASK,)),
        'rl': count(after, (TASK,)),
        'rl_interval': list(TaskScore(*count(after, (TASK,))).interval),
        'expert_before': count(before, expert),
        'expert': count(after, expert),
        'env_steps': outcome['env_steps'],
        'expert_outcomes_before': each(before, expert),
        'expert_outcomes': each(after, expert),
        'step, window_success': [
            [row['step'], round(row['window_success'], 3)] for row in read_metrics(folder)[::20]
        ],
        'settings': plain(config.settings),
        'environment': environment_facts(),
        'git_revision': git_revision(),
    }


def load() -> dict[str, Any]:
    """Return the content of the file of results."""
    return json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {'variants': {}}


def add(variant: str, seed: int, entry: dict[str, Any]) -> None:
    """Add an entry to the file."""
    with Lock(OUTPUT.parent, is_folder=True, wait=True):
        content = load()
        content['variants'].setdefault(variant, {}).setdefault(str(seed), {})[TASK] = entry
        write_json(OUTPUT, content)


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
    for seed in options.seeds:
        checkpoint = options.policies / f'seed{seed}/stage0/stage0/checkpoint'
        for variant in options.variants:
            if str(seed) in load()['variants'].get(variant, {}):
                continue
            settings = replace(config.settings, **VARIANTS[variant])
            changed = replace(config, settings=settings, evaluation_seed=TUNING)
            # Named after the settings, so that other defaults are another run.
            digest = sha256(json.dumps(asdict(settings)).encode()).hexdigest()[:8]
            folder = options.output / f'seed{seed}' / f'{variant.replace(" ", "-")}-{digest}'
            try:
                entry = run(folder, changed, seed, checkpoint)
            except IrevlaError as error:
                print(f'{variant}, seed {seed}: {error}', file=sys.stderr)
                continue
            add(variant, seed, entry)
            shown = {key: entry[key] for key in ('before', 'rl', 'expert_before', 'expert')}
            print(f'{variant}, seed {seed}: {shown}', flush=True)


if __name__ == '__main__':
    main()
