# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line of Algorithm 1: ``python -m irevla_learner.algorithm1 --help``."""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.algorithm1 import Algorithm1, Backend
from irevla_learner.algorithm1.config import Algorithm1Config, load_config
from irevla_learner.algorithm1.in_process_backend import InProcessBackend
from irevla_learner.report.report import write_report
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_description
from irevla_policy.frames.bag_frames import recordings_digest
from irevla_policy.model.config import PolicyConfig
from irevla_policy.training.stage0 import stage0_settings

MakeBackend = Callable[
    [Algorithm1Config, PolicyConfig, int, Path], AbstractContextManager[Backend]
]


def make_in_process_backend(
    config: Algorithm1Config, policy: PolicyConfig, seed: int, run: Path
) -> InProcessBackend:
    """Return the backend that runs environments in subprocesses, without ROS."""
    return InProcessBackend(config, policy, seed)


def run_algorithm1(
    output: Path,
    config: Algorithm1Config,
    checkpoint: Path,
    demonstrations: list[Path],
    seed: int,
    make_backend: MakeBackend = make_in_process_backend,
) -> None:
    """Run Algorithm 1, or continue a run; write the report.

    Args:
        output: run folder.
        config: tasks and settings.
        checkpoint: policy of stage 0.
        demonstrations: folders of the expert's recorded episodes.
        seed: seed of all random numbers.
        make_backend: makes the backend from configuration, policy, seed and run folder.

    Raises:
        IrevlaError: an input or setting is invalid; says the remedy.

    """
    manifest, policy, _ = read_description(checkpoint)
    _check_trainable(checkpoint, policy, config)
    inputs = {'checkpoint': manifest['files'], 'demonstrations': recordings_digest(demonstrations)}
    # The backend comes first: an unsupported configuration must not leave a run folder.
    with (
        make_backend(config, policy, seed, output) as backend,
        RunFolder(output, config.contents() | inputs, seed) as run,
    ):
        Algorithm1(run, config, backend, demonstrations, seed).run(checkpoint)
    write_report(output)


def _check_trainable(checkpoint: Path, policy: PolicyConfig, config: Algorithm1Config) -> None:
    """Raise ConfigError if a stage trains a VLM whose precision would lose what it learns."""
    whole = [key for key in ('stage1_trains', 'stage2_trains') if getattr(config, key) == 'all']
    if whole:
        try:
            policy.check_trainable()
        except ConfigError as error:
            remedy = ' and '.join(f'{key}: head' for key in whole)
            raise ConfigError(
                f'checkpoint {checkpoint}: {error}, in stage 0; or set {remedy}'
            ) from error


def main(
    arguments: list[str] | None = None,
    make_backend: MakeBackend = make_in_process_backend,
    prog: str = 'python -m irevla_learner.algorithm1',
    where: str = 'without ROS',
) -> None:
    """Run Algorithm 1 with the arguments of a command line."""
    parser = argparse.ArgumentParser(
        prog,
        description=f'iRe-VLA {where}: online RL on new tasks, then supervised learning on '
        'all successes. The same command continues a run that was killed.',
    )
    parser.add_argument('--config', type=Path, required=True, help='tasks and settings (YAML)')
    parser.add_argument('--init', type=Path, required=True, help='checkpoint of stage 0')
    parser.add_argument(
        '--data',
        type=Path,
        nargs='+',
        required=True,
        metavar='DIR',
        help='folders of expert demonstrations',
    )
    parser.add_argument('--output', type=Path, required=True, help='run folder')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    config = load_config(options.config, stage0_settings(options.init))
    run_algorithm1(
        options.output.absolute(),
        config,
        options.init.absolute(),
        options.data,
        options.seed,
        make_backend,
    )
    print((options.output / 'report.md').read_text())
    print(f'report: {options.output / "report.html"}')
