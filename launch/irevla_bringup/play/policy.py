# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Make the policy that the repository ships, from a seed: the demo's run, then its card."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
import json
import os
from pathlib import Path
import shutil
from typing import Any

from irevla_bringup.demo import CONFIG, load_demo_config, run_demo
from irevla_bringup.play.shipped import CARD, CHECKPOINT, SCORES
from irevla_control.errors import ConfigError
from irevla_control.files import replacement
from irevla_control.processes import run_command
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.json_file import write_json
from irevla_learner.runs.evaluation import EpisodeResult, summarise
from irevla_learner.runs.outcome import read_outcome
from irevla_policy.checkpoints.files import read_description

# First layout of the card: no run trains on it, and none is evaluated on it.
FIRST_LAYOUT = 4_000_000
EPISODES = 20
MAX_BYTES = 2_000_000
HEADER = """# The shipped policy

`irevla play` lets it act. `make policy` makes it again, with this card, from the same seed (about
ten minutes on two idle cores).

"""


def evaluate(
    checkpoint: Path, config: Algorithm1Config, episodes: Mapping[str, int]
) -> list[EpisodeResult]:
    """Play this number of episodes of each task in process, on the layouts of the card."""
    _, policy, _ = read_description(checkpoint)
    config = replace(config, evaluation_seed=FIRST_LAYOUT)
    with InProcessBackend(config, policy, seed=0) as backend:
        return backend.evaluate(checkpoint, episodes, Path('shipped/policy'))


def ship(run: Path, config: Algorithm1Config, output: Path, episodes: int) -> None:
    """Copy the policy of a finished run to a folder, with its scores and its card.

    Args:
        run: run folder of the demo.
        config: its tasks.
        output: folder of the policy, which is replaced.
        episodes: number of episodes of each task.

    Raises:
        ConfigError: the policy is too large for the repository.

    """
    source = run / 'stage2/checkpoint'
    report = json.loads((run / 'report.json').read_text())
    tasks = (*config.tasks.expert, *config.tasks.rl, *config.tasks.held_out)
    scores = {
        **summarise(evaluate(source, config, dict.fromkeys(tasks, episodes))),
        'first_layout': FIRST_LAYOUT,
        'env_steps': (read_outcome(run / 'stage1') or {})['env_steps'],
        **{name: report[name] for name in ('seed', 'created', 'git_revision', 'environment')},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with replacement(output) as new:
        shutil.copytree(source, new / CHECKPOINT)
        write_json(new / SCORES, scores)
        (new / CARD).write_text(card(scores, config))
        size = sum(file.stat().st_size for file in new.rglob('*') if file.is_file())
        if size > MAX_BYTES:
            raise ConfigError(
                f'the policy has {size} bytes, the repository takes {MAX_BYTES}; use a smaller '
                'preset in config/demo.yaml'
            )


def card(scores: Mapping[str, Any], config: Algorithm1Config) -> str:
    """Return the card of a policy as Markdown."""
    groups = {
        'with demonstrations': config.tasks.expert,
        'learned online': config.tasks.rl,
        'never trained on': config.tasks.held_out,
    }
    rows = [
        f'| {task} | {group} | {_score(scores["tasks"][task])} |'
        for group, tasks in groups.items()
        for task in tasks
    ]
    made = {
        'Model': 'config/presets/tiny.yaml: a small BLIP-2 trained from scratch; cameras front '
        'and wrist, 84 x 84 pixels',
        'Made by': 'the demo (config/demo.yaml): stage 0 on scripted demonstrations, stage 1 '
        f'({scores["env_steps"]} environment steps on {", ".join(config.tasks.rl)}), stage 2',
        'Seed': scores['seed'],
        'Date': scores['created'][:10],
        'Revision': scores['git_revision'],
        'Software': ', '.join(
            f'{name} {scores["environment"][name]}'
            for name in ('python', 'torch', 'transformers', 'metaworld', 'mujoco')
        ),
        'Use': 'simulated Meta-World only; on a robot it is untested and of no use',
    }
    return (
        HEADER
        + '\n'.join(f'- {name}: {what}.' for name, what in made.items())
        + '\n\nSuccesses in '
        f'{config.horizon} commands, with 95 % Wilson intervals, in process, on layouts '
        f'from {scores["first_layout"]} on, which no run trains on:\n\n'
        + '\n'.join(['| task | group | successes |', '|---|---|---|', *rows])
        + f'\n| all | | {_score(scores)} |\n'
    )


def _score(figures: Mapping[str, Any]) -> str:
    low, high = figures['interval']
    rate = figures['success_rate']
    return f'{figures["successes"]}/{figures["episodes"]} = {rate:.2f} [{low:.2f}, {high:.2f}]'


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> None:
    """Make the policy with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, prog=prog)
    parser.add_argument('--run', type=Path, default=Path('runs/policy'), help='run folder')
    parser.add_argument(
        '--output', type=Path, default=Path('launch/policy'), help='folder of the policy'
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--episodes', type=int, default=EPISODES, help='episodes of each task')
    args = parser.parse_args(arguments)
    config = load_demo_config(CONFIG / 'demo.yaml')
    workers = min(2, os.cpu_count() or 1)
    run_demo(args.run.absolute(), config, args.seed, workers, setup_s=0.0)
    ship(args.run, config.algorithm1, args.output.absolute(), args.episodes)
    print((args.output / CARD).read_text())


if __name__ == '__main__':
    run_command(main)
