# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The demo over ROS on one machine: demonstrations, stage 0, Algorithm 1, report."""

import argparse
from dataclasses import dataclass, replace
import os
from pathlib import Path
import time
from typing import Any, ClassVar

from ament_index_python.packages import get_package_share_directory

from irevla_bringup.ros_backend import RosBackend, worker_folders
from irevla_control.processes import run_command
from irevla_learner.algorithm1.algorithm1 import Algorithm1
from irevla_learner.algorithm1.config import Algorithm1Config, load_config
from irevla_learner.report.report import write_report
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.model.config import PolicyConfig, load_preset
from irevla_policy.settings import Settings, plain, setting
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.train import train_from_bags
from irevla_sim.expert_noise import NOISE_STD

CONFIG = Path(get_package_share_directory('irevla_bringup')) / 'config'
# The checkpoint of stage 0 in the folder of a run.
TRAINED = 'stage0/checkpoint'


@dataclass(frozen=True, kw_only=True)
class _File(Settings):
    """The demo's file."""

    what: ClassVar[str] = 'demo configuration'

    demonstrations: int = setting(least=1)
    noise_std: float = setting(least=NOISE_STD.low, most=NOISE_STD.high)
    preset: Path
    training: Path
    algorithm1: Path


@dataclass(frozen=True)
class DemoConfig:
    """The complete configuration of a demo; no settings file is read again.

    Attributes:
        demonstrations: number of demonstrations of each expert task.
        noise_std: standard deviation of the noise on the expert's commands, as a share of the
            largest command.
        preset: model of stage 0.
        training: training settings of stage 0.
        algorithm1: configuration of Algorithm 1.

    """

    demonstrations: int
    noise_std: float
    preset: PolicyConfig
    training: TrainConfig
    algorithm1: Algorithm1Config

    def stage0_contents(self) -> dict[str, Any]:
        """Return the configuration of stage 0 as JSON values."""
        return {
            'demonstrations': self.demonstrations,
            'noise_std': self.noise_std,
            'preset': self.preset.to_dict(),
            'training': plain(self.training),
        }

    def contents(self) -> dict[str, Any]:
        """Return the configuration as JSON values, as `Algorithm1Config.contents`."""
        return {**self.algorithm1.contents(), 'stage0': self.stage0_contents()}


def load_demo_config(path: Path) -> DemoConfig:
    """Read the demo's YAML file; the files it names are relative to its folder.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or missing, a file does not exist.
    """
    file = _File.load(path)
    training = TrainConfig.load(file.training)
    return DemoConfig(
        file.demonstrations,
        file.noise_std,
        load_preset(file.preset),
        training,
        load_config(file.algorithm1, training),
    )


def demonstrate_and_train(
    run: RunFolder, config: DemoConfig, seed: int, backend: RosBackend
) -> tuple[list[Path], Path]:
    """Run stage 0 in a run folder; return the folders of demonstrations and the checkpoint."""
    roots = demonstrate(run, config, backend)
    return roots, train_stage0(run, config, seed, roots)


def demonstrate(run: RunFolder, config: DemoConfig, backend: RosBackend) -> list[Path]:
    """Record the demonstrations of a run; return their folders."""
    policy, demonstrations = config.preset, run.path / 'demonstrations'
    with run.step('collect', outputs=['demonstrations'], makes=['demonstrations']) as step:
        if step.needed:
            results = backend.collect(
                dict.fromkeys(config.algorithm1.tasks.expert, config.demonstrations),
                demonstrations,
                {
                    'cameras': ','.join(policy.cameras),
                    'image_size': policy.image_size,
                    'noise_std': config.noise_std,
                },
            )
            step.results['successes'] = sum(result.success for result in results)
            step.results['dropped'] = sum(result.dropped for result in results)
    return worker_folders(demonstrations)


def train_stage0(run: RunFolder, config: DemoConfig, seed: int, roots: list[Path]) -> Path:
    """Train the policy of stage 0 of a run on demonstrations; return its checkpoint."""
    checkpoint = run.path / TRAINED
    with run.step('train', outputs=[TRAINED], makes=['stage0']) as step:
        if step.needed:
            result = train_from_bags(
                roots,
                run.path / 'stage0/training',
                replace(config.training, seed=seed),
                preset=config.preset,
                checkpoint=checkpoint,
            )
            step.results['updates'] = result['steps']
    return checkpoint


def run_demo(output: Path, config: DemoConfig, seed: int, workers: int, setup_s: float) -> Path:
    """Run or continue the demo in the folder ``output``; return the report's path."""
    backend = RosBackend(config.algorithm1, seed, workers, output)
    with RunFolder(output, {**config.contents(), 'workers': workers}, seed=seed) as run:
        run.add_time('setup', setup_s)
        roots, checkpoint = demonstrate_and_train(run, config, seed, backend)
        Algorithm1(run, config.algorithm1, backend, roots, seed).run(checkpoint)
    write_report(output)
    return output / 'report.html'


def main() -> None:
    """Run the demo with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('runs/demo'), help='run folder')
    parser.add_argument(
        '--config',
        type=Path,
        default=CONFIG / 'demo.yaml',
        help='YAML file of the demonstrations, stage 0 and Algorithm 1',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--workers',
        type=int,
        default=min(2, os.cpu_count() or 1),
        help='number of graphs that run in parallel',
    )
    parser.add_argument(
        '--started',
        type=float,
        default=None,
        help='Unix time of the start of the set-up [s], for the report',
    )
    args = parser.parse_args()
    setup_s = 0.0 if args.started is None else time.time() - args.started
    report = run_demo(
        args.output.absolute(), load_demo_config(args.config), args.seed, args.workers, setup_s
    )
    print((args.output / 'report.md').read_text())
    print(f'report: {report}')


if __name__ == '__main__':
    run_command(main)
