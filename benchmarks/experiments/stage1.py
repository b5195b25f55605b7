# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 with SACfD, one setting changed at a time, from the same policies of stage 0.

For each seed: demonstrations over ROS, stage 0, then stage 1 of each variant on each new task, in
process. The new task and the expert tasks are evaluated before and after, on layouts for tuning.
With --final the shipped settings run, with stage 2 and the shipped number of environment steps,
and are evaluated on layouts never used before.
Results are in docs/results/stage1.json; what it has is not run again: the same command continues
after a kill.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from itertools import product
import json
from pathlib import Path
import sys
from typing import Any

from paired import difference
import results
from results_file import ResultsFile

from irevla_bringup.demo import DemoConfig, demonstrate_and_train, load_demo_config
from irevla_bringup.ros_backend import RosBackend, worker_folders
from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.config import Algorithm1Config, Stage1Config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.algorithm1.stage1_demonstrations import encode_for_stage1
from irevla_learner.json_file import write_json
from irevla_learner.runs.environment import environment_facts
from irevla_learner.runs.evaluation import EpisodeResult, load_results
from irevla_learner.runs.outcome import read_outcome
from irevla_learner.runs.run_folder import RunFolder, git_revision
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.checkpoints.files import read_description
from irevla_policy.settings import plain

FILE = ResultsFile(results.ROOT / 'docs/results/stage1.json', ('variants', 'final'))
# Settings of stage 1 before the changes that are measured.
BEFORE: dict[str, Any] = {'anchor_weight': 0.0, 'pca_floor': 1e-3, 'online_rows': 'rest'}
VARIANTS: dict[str, dict[str, Any]] = {
    'before': BEFORE,
    'floor': {**BEFORE, 'pca_floor': 0.1},
    'online': {**BEFORE, 'online_rows': 'all'},
    'anchor': {**BEFORE, 'anchor_weight': 1.0},
    'anchor and floor': {**BEFORE, 'anchor_weight': 1.0, 'pca_floor': 0.1},
    'shipped': {},
    'shipped, SAC': {'temperature': 'auto'},
}
TASKS = ('door-open-new', 'drawer-close-new', 'button-press-new')
# Tasks on which the policy of stage 0 never succeeds: 20 demonstrations are in the replay.
DEMONSTRATED = {'button-press-new': 20, 'drawer-open-new': 20}
# First layouts of the evaluation: for tuning, and for the final choice.
TUNING, FINAL = 5_000_000, 8_000_000
EPISODES, EXPERT_EPISODES = 30, 10
ENV_STEPS = 2500
WORKERS = 2
SHOWN = ('before', 'rl', 'rl_stage2', 'expert_before', 'expert', 'expert_stage2')


def count(episodes: list[EpisodeResult], tasks: tuple[str, ...]) -> list[int]:
    """Return the successes and the number of episodes of these tasks."""
    chosen = [episode.success for episode in episodes if episode.task in tasks]
    return [sum(chosen), len(chosen)]


def each(episodes: list[EpisodeResult], tasks: tuple[str, ...]) -> list[int]:
    """Return the outcome of each episode of these tasks in order of task and layout.

    Two evaluations are compared in pairs, and episodes in parallel do not end in order.
    """
    chosen = [episode for episode in episodes if episode.task in tasks]
    chosen.sort(key=lambda episode: (tasks.index(episode.task), episode.seed))
    return [int(episode.success) for episode in chosen]


def prepare(output: Path, config: DemoConfig, seed: int) -> tuple[list[Path], Path, Path]:
    """Return folders of expert demonstrations, policy, and demonstrations of new tasks."""
    asked = {'stage0': config.stage0_contents(), 'demonstrated': DEMONSTRATED}
    backend = RosBackend(config.algorithm1, seed, WORKERS, output)
    with RunFolder(output, asked, seed) as run:
        roots, checkpoint = demonstrate_and_train(run, config, seed, backend)
        with run.step('demonstrate', outputs=['new'], makes=['new']) as step:
            if step.needed:
                options = {
                    'cameras': ','.join(config.preset.cameras),
                    'image_size': config.preset.image_size,
                    'noise_std': config.noise_std,
                }
                backend.collect(DEMONSTRATED, run.path / 'new', options)
    return roots, checkpoint, output / 'new'


def demonstrated(settings: Algorithm1Config, task: str, new: Path) -> Algorithm1Config:
    """Return the configuration with the demonstrations of a new task, if it has any."""
    if task not in DEMONSTRATED:
        return settings
    return replace(settings, demonstration_bags=tuple(worker_folders(new)))


def for_task(settings: Algorithm1Config, task: str) -> Algorithm1Config:
    """Return the configuration of one new task, with the episodes of an entry."""
    return replace(
        settings,
        tasks=replace(settings.tasks, rl=(task,), held_out=()),
        episodes=replace(settings.episodes, expert=EXPERT_EPISODES, rl=EPISODES),
    )


def run_variant(
    folder: Path,
    settings: Algorithm1Config,
    seed: int,
    checkpoint: Path,
    roots: Sequence[Path] = (),
) -> dict[str, Any]:
    """Run stage 1 on the new task and both evaluations; return the entry of the results.

    Args:
        folder: of this stage 1.
        settings: the configuration of one new task.
        seed: of stage 1.
        checkpoint: the policy of stage 0.
        roots: folders of the demonstrations of the expert tasks; PPO needs none.

    """
    (task,) = settings.tasks.rl
    episodes = settings.episodes.of(settings.tasks)
    policy = read_description(checkpoint)[1]
    folder.mkdir(parents=True, exist_ok=True)
    with InProcessBackend(settings, policy, seed) as backend:
        before = evaluated(backend, checkpoint, episodes, folder.parent / f'before-{task}')
        if read_outcome(folder) is None:
            encode_for_stage1(settings, task, checkpoint, roots, folder)
            backend.learn(task, checkpoint, folder)
        after = evaluated(backend, folder / 'checkpoint', episodes, folder / 'after')
    return entry(settings, before, after, folder)


def run_final(
    folder: Path,
    settings: Algorithm1Config,
    seed: int,
    checkpoint: Path,
    roots: Sequence[Path] = (),
) -> dict[str, Any]:
    """Run Algorithm 1 as `run_variant`; return the entry, with the results after stage 2."""
    policy = read_description(checkpoint)[1]
    with (
        RunFolder(folder, settings.contents(), seed) as run,
        InProcessBackend(settings, policy, seed) as backend,
    ):
        Algorithm1(run, settings, backend, roots, seed).run(checkpoint)
    before, after, taught = (
        load_results(folder / stage / 'evaluation/results.json')
        for stage in ('stage0', 'stage1', 'stage2')
    )
    expert = settings.tasks.expert
    return entry(settings, before, after, folder / 'stage1') | {
        'rl_stage2': count(taught, settings.tasks.rl),
        'expert_stage2': count(taught, expert),
        'expert_outcomes_stage2': each(taught, expert),
    }


def entry(
    settings: Algorithm1Config,
    before: list[EpisodeResult],
    after: list[EpisodeResult],
    folder: Path,
) -> dict[str, Any]:
    """Return the entry of a stage 1 in ``folder``, evaluated before and after."""
    outcome = read_outcome(folder)
    assert outcome is not None
    expert = settings.tasks.expert
    return {
        'before': count(before, settings.tasks.rl),
        'rl': count(after, settings.tasks.rl),
        'expert_before': count(before, expert),
        'expert': count(after, expert),
        'env_steps': outcome['env_steps'],
        'expert_outcomes_before': each(before, expert),
        'expert_outcomes': each(after, expert),
        'settings': plain(settings.settings),
        'environment': environment_facts(),
        'git_revision': git_revision(),
    }


def evaluated(
    backend: InProcessBackend, checkpoint: Path, episodes: Mapping[str, int], file: Path
) -> list[EpisodeResult]:
    """Return the results of an evaluation, which are kept in a file."""
    file = file.with_suffix(f'.{backend.evaluation_seed}.json')
    if not file.exists():
        found = backend.evaluate(checkpoint, episodes, file.parent)
        write_json(file, [asdict(result) for result in found])
    return [EpisodeResult(**result) for result in json.loads(file.read_text())]


def add(part: str, variant: str, seed: int, task: str, entry: Mapping[str, Any]) -> None:
    """Add an entry to the file."""
    with FILE.changed() as content:
        by_seed = content[part].setdefault(variant, {})
        by_seed.setdefault(str(seed), {})[task] = entry
        sums = content.setdefault('pooled', {}).setdefault(part, {})
        sums[variant] = pooled(by_seed)


def run_name(name: str, settings: Stage1Config) -> str:
    """Return the name of a run's folder: other settings are another run."""
    digest = sha256(json.dumps(asdict(settings)).encode()).hexdigest()[:8]
    return f'{name.replace(" ", "-").replace(",", "")}-{digest}'


def shown(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of an entry is printed."""
    return {key: value for key, value in entry.items() if key in SHOWN}


def pooled(seeds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return sums over the seeds of a variant for each task, and for all tasks.

    `expert_change` is the paired difference of the expert tasks' success rate from before stage
    1 to after it, `expert_change_stage2` to after stage 2.
    """
    tasks = sorted({task for found in seeds.values() for task in found})
    groups = {task: [found[task] for found in seeds.values() if task in found] for task in tasks}
    if len(tasks) > 1:
        groups['all'] = [one for group in groups.values() for one in group]
    return {name: _pooled(group) for name, group in groups.items()}


def _pooled(entries: list[dict[str, Any]]) -> dict[str, Any]:
    def joined(key: str) -> list[int]:
        return [outcome for one in entries for outcome in one[key]]

    sums: dict[str, Any] = {'seeds': len(entries)}
    for key in SHOWN:
        if all(key in one for one in entries):
            sums[key] = [sum(one[key][place] for one in entries) for place in (0, 1)]
    before = joined('expert_outcomes_before')
    sums['expert_change'] = difference(before, joined('expert_outcomes'))
    if 'expert_stage2' in sums:
        sums['expert_change_stage2'] = difference(before, joined('expert_outcomes_stage2'))
    return sums


def configured(settings: Algorithm1Config, variant: str, final: bool) -> Algorithm1Config:
    """Return the configuration with the settings of a variant, and its evaluation layouts."""
    if final:
        return replace(settings, evaluation_seed=FINAL)
    return replace(
        settings,
        settings=SACfDConfig(**{'env_steps': ENV_STEPS, **VARIANTS[variant]}),
        evaluation_seed=TUNING,
    )


def main() -> None:
    """Run what is missing; print a line for each entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/stage1')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2, 3])
    parser.add_argument('--variants', nargs='+', default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument('--tasks', nargs='+', default=TASKS)
    parser.add_argument(
        '--final', action='store_true', help='the shipped settings, on new layouts'
    )
    options = parser.parse_args()
    part = 'final' if options.final else 'variants'
    variants = ['shipped'] if options.final else options.variants
    config = load_demo_config(results.ROOT / 'config/demo.yaml')
    for seed, task, variant in product(options.seeds, options.tasks, variants):
        if task in FILE.read()[part].get(variant, {}).get(str(seed), {}):
            continue
        output = options.output / f'seed{seed}'
        settings = for_task(configured(config.algorithm1, variant, options.final), task)
        name = run_name(part if options.final else variant, settings.settings)
        run = run_final if options.final else run_variant
        try:
            roots, checkpoint, new = prepare(output / 'stage0', config, seed)
            settings = demonstrated(settings, task, new)
            found = run(output / task / name, settings, seed, checkpoint, roots)
        except IrevlaError as error:
            print(f'{variant}, seed {seed}, {task}: {error}', file=sys.stderr)
            continue
        add(part, variant, seed, task, found)
        print(f'{variant}, seed {seed}, {task}: {shown(found)}', flush=True)


if __name__ == '__main__':
    main()
