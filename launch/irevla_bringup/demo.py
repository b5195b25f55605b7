# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The main job on one machine, over ROS: demonstrations, stage 0, then Algorithm 1, report."""

import argparse
from collections.abc import Mapping
from dataclasses import asdict
import os
from pathlib import Path
import time
from typing import Any

from ament_index_python.packages import get_package_share_directory

from irevla_bringup.over_graph import OverGraph
from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.algorithm1 import Algorithm1, contents, load_config
from irevla_learner.algorithm1.improve import run_command
from irevla_learner.report.report import write_report
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.model.config import load_preset
from irevla_policy.settings import read_mapping
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.train import train_from_bags

KEYS = {'demonstrations', 'noise_std', 'preset', 'training', 'improvement'}
CONFIG = Path(get_package_share_directory('irevla_bringup')) / 'config'


def load_demo_config(path: Path) -> dict[str, Any]:
    """Read the demo's YAML file; the files it names are relative to its folder.

    Returns:
        The configuration of Algorithm 1, with that of stage 0 under `stage0`.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or missing, a file does not exist.
    """
    stage0 = read_mapping(path, 'demo configuration')
    if stage0.keys() != KEYS:
        raise ConfigError(f'{path}: keys {sorted(stage0.keys() ^ KEYS)} are unknown or missing')
    for name in ('preset', 'training', 'improvement'):
        stage0[name] = str((path.parent / str(stage0[name])).resolve())
        if not Path(stage0[name]).is_file():
            raise ConfigError(f'{path}: {name} {stage0[name]} does not exist')
    return {**load_config(Path(stage0.pop('improvement'))), 'stage0': stage0}


def demo_contents(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with what its files hold, as `algorithm1.contents` does."""
    stage0 = config['stage0']
    return {**contents(config), 'stage0': {
        **stage0, 'preset': asdict(load_preset(Path(stage0['preset']))),
        'training': asdict(TrainConfig.load(Path(stage0['training'])))}}


def demonstrate_and_train(run: RunFolder, config: dict[str, Any], seed: int,
                          domain: OverGraph) -> tuple[list[Path], Path]:
    """Do stage 0 in a run folder; return the folders of demonstrations, and the checkpoint."""
    stage0 = config['stage0']
    policy = load_preset(Path(stage0['preset']))
    demonstrations, checkpoint = run.path / 'demonstrations', run.path / 'stage0/checkpoint'
    with run.step('collect', outputs=['demonstrations'], makes=['demonstrations']) as step:
        if step.needed:
            results = domain.collect(
                dict.fromkeys(config['tasks']['expert'], stage0['demonstrations']),
                demonstrations, {
                    'cameras': ','.join(policy.cameras), 'image_size': policy.image_size,
                    'noise_std': stage0['noise_std']})
            step.results['successes'] = sum(result.success for result in results)
            step.results['dropped'] = sum(result.dropped for result in results)
    roots = sorted(path for path in demonstrations.iterdir() if path.is_dir())
    with run.step('train', outputs=['stage0/checkpoint'], makes=['stage0']) as step:
        if step.needed:
            result = train_from_bags(
                roots, preset=Path(stage0['preset']), training=Path(stage0['training']),
                output=run.path / 'stage0/training', checkpoint=checkpoint, seed=seed)
            step.results['updates'] = result['steps']
    return roots, checkpoint


def run_demo(output: Path, config: dict[str, Any], seed: int, workers: int,
             setup_s: float) -> Path:
    """Run or continue the demo in the folder ``output``; return the report's path."""
    domain = OverGraph(config, seed, workers, output)
    with RunFolder(output, {**demo_contents(config), 'workers': workers}, seed=seed) as run:
        run.add_time('setup', setup_s)
        roots, checkpoint = demonstrate_and_train(run, config, seed, domain)
        Algorithm1(run, config, domain, roots, seed).run(checkpoint)
    write_report(output)
    return output / 'report.html'


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('runs/demo'), help='run folder')
    parser.add_argument('--config', type=Path, default=CONFIG / 'demo.yaml',
                        help='demonstrations, stage 0, and the configuration of Algorithm 1')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=min(2, os.cpu_count() or 1),
                        help='graphs that run side by side')
    parser.add_argument('--started', type=float, default=None,
                        help='Unix time at which the set-up began, for the report')
    args = parser.parse_args()
    setup_s = 0.0 if args.started is None else time.time() - args.started
    report = run_demo(args.output.absolute(), load_demo_config(args.config), args.seed,
                      args.workers, setup_s)
    print((args.output / 'report.md').read_text())
    print(f'report: {report}')


if __name__ == '__main__':
    run_command(main)
