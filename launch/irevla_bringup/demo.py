# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The main job on one machine: demonstrations over ROS, stage 0, evaluation over ROS, report."""

import argparse
import json
import os
from pathlib import Path
import shutil
import signal
import sys
import time

from ament_index_python.packages import get_package_share_directory

from irevla_bringup.graphs import Graph, run_graphs
from irevla_control.errors import ConfigError, IrevlaError
from irevla_learner.json_file import write_json
from irevla_learner.report import write_report
from irevla_learner.run_folder import RunFolder, Step
from irevla_policy.config import load_preset
from irevla_policy.settings import read_mapping
from irevla_policy.train import train_from_bags

KEYS = {'tasks', 'demonstrations', 'noise_std', 'evaluation_episodes', 'evaluation_seed',
        'horizon', 'preset', 'training'}
CONFIG = Path(get_package_share_directory('irevla_bringup')) / 'config'


def load_config(path: Path) -> dict:
    """Read the demo's YAML file; `preset` and `training` in it are relative to its folder.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or missing, a file does not exist.
    """
    config = read_mapping(path, 'demo configuration')
    if config.keys() != KEYS:
        raise ConfigError(f'{path}: keys {sorted(config.keys() ^ KEYS)} are unknown or missing')
    for name in ('preset', 'training'):
        config[name] = str((path.parent / config[name]).resolve())
        if not Path(config[name]).is_file():
            raise ConfigError(f'{path}: {name} {config[name]} does not exist')
    return config


def share(tasks: list[str], workers: int) -> list[list[str]]:
    """Deal the tasks to the workers, one after another."""
    return [tasks[worker::workers] for worker in range(min(workers, len(tasks)))]


def read_results(files: list[Path]) -> list[dict]:
    """Return the results that the episode runners have written so far."""
    return [result for file in files if file.exists() for result in json.loads(file.read_text())]


def run_episodes(run: RunFolder, launch_file: str, folder: str, tasks: list[str], episodes: int,
                 workers: int, arguments: dict) -> list[dict]:
    """Run episodes of all tasks in ``workers`` graphs at once; return their results.

    Bags go to ``<folder>/worker<i>``, results to ``<folder>/worker<i>.json``.
    """
    graphs, files = [], []
    for index, part in enumerate(share(tasks, workers)):
        name = f'worker{index}'
        root = run.path / folder
        files.append(root / f'{name}.json')
        graphs.append(Graph(launch_file, {
            'namespace': name, 'tasks': ','.join(part), 'episodes': episodes,
            'bags': root / name, 'results': files[-1], **arguments},
            run.path / 'logs' / f'{folder}-{name}.log'))
    total = len(tasks) * episodes
    run_graphs(graphs, folder, total, lambda: len(read_results(files)))
    return read_results(files)


def run_demo(output: Path, config: dict, seed: int, workers: int, setup_s: float) -> Path:
    """Run or continue the demo in the folder ``output``; return the report's path."""
    tasks = config['tasks']
    policy = load_preset(Path(config['preset']))
    cameras = ','.join(policy.cameras)
    with RunFolder(output, {**config, 'workers': workers}, seed=seed) as run:
        run.add_time('setup', setup_s)
        with run.step('collect', outputs=['demonstrations']) as step:
            if step.needed:
                remove(step, run.path / 'demonstrations')
                results = run_episodes(
                    run, 'collect.launch.py', 'demonstrations', tasks, config['demonstrations'],
                    workers, {'horizon': config['horizon'], 'seed': seed, 'cameras': cameras,
                              'image_size': policy.image_size, 'noise_std': config['noise_std']})
                step.results['successes'] = sum(result['success'] for result in results)
        settings = {name: Path(config[name]).read_text() for name in ('preset', 'training')}
        with run.step('train', inputs=settings, outputs=['checkpoint']) as step:
            if step.needed:
                remove(step, run.path / 'train', run.path / 'checkpoint')
                roots = [path for path in (run.path / 'demonstrations').iterdir() if path.is_dir()]
                step.results.update(train_from_bags(
                    sorted(roots), preset=Path(config['preset']),
                    training=Path(config['training']), output=run.path / 'train',
                    checkpoint=run.path / 'checkpoint', seed=seed))
        with run.step('evaluate', outputs=['evaluation/results.json']) as step:
            if step.needed:
                # Results of another policy must not be taken for this one's.
                remove(step, run.path / 'evaluation')
                results = run_episodes(
                    run, 'sim.launch.py', 'evaluation', tasks, config['evaluation_episodes'],
                    workers, {'horizon': config['horizon'],
                              'seed': config['evaluation_seed'] + seed,
                              'checkpoint': run.path / 'checkpoint'})
                write_json(run.path / 'evaluation/results.json', results)
                step.results['successes'] = sum(result['success'] for result in results)
    write_report(output)
    return output / 'report.html'


def remove(step: Step, *folders: Path) -> None:
    """Remove what an execution with other inputs left; keep what this one goes on from."""
    for folder in folders:
        if step.fresh:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('runs/demo'), help='run folder')
    parser.add_argument('--config', type=Path, default=CONFIG / 'demo.yaml',
                        help='tasks, numbers of episodes, preset and training')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=min(2, os.cpu_count() or 1),
                        help='graphs that run side by side')
    parser.add_argument('--started', type=float, default=None,
                        help='Unix time at which the set-up began, for the report')
    args = parser.parse_args()
    # However the demo is ended, its graphs must end with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    setup_s = 0.0 if args.started is None else time.time() - args.started
    try:
        report = run_demo(args.output.absolute(), load_config(args.config), args.seed,
                          args.workers, setup_s)
    except IrevlaError as error:
        sys.exit(f'demo: {error}')
    except KeyboardInterrupt:
        sys.exit('demo: stopped; the same command goes on from here')
    print(f'report: {report}')
    print((args.output / 'report.md').read_text())


if __name__ == '__main__':
    main()
