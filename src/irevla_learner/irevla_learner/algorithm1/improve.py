# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 in process, without ROS: ``python -m irevla_learner.algorithm1 --help``."""

import argparse
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
import signal
import sys

from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1.algorithm1 import Algorithm1, Domain
from irevla_learner.algorithm1.config import Algorithm1Config, load_config
from irevla_learner.algorithm1.in_process import InProcess
from irevla_learner.report.report import write_report
from irevla_learner.runs.run_folder import RunFolder
from irevla_policy.checkpoints.files import read_description
from irevla_policy.frames.bag_frames import recordings_digest
from irevla_policy.model.config import PolicyConfig
from irevla_policy.training.stage0 import stage0_settings

MakeDomain = Callable[[Algorithm1Config, PolicyConfig, int, Path], AbstractContextManager[Domain]]


def in_process(config: Algorithm1Config, policy: PolicyConfig, seed: int,
               run: Path) -> InProcess:
    """Return copies of an environment beside this process."""
    return InProcess(config, policy, seed)


def improve(output: Path, config: Algorithm1Config, checkpoint: Path,
            demonstrations: list[Path], seed: int, make_domain: MakeDomain = in_process) -> None:
    """Run Algorithm 1, or go on with it; write the report.

    Args:
        output: run folder.
        config: what is asked.
        checkpoint: policy of stage 0.
        demonstrations: folders of the expert's recorded episodes.
        seed: of everything random.
        make_domain: gives where the policy acts, of configuration, policy, seed and run folder.

    Raises:
        IrevlaError: whatever does not fit, with the remedy.

    """
    manifest, policy, _ = read_description(checkpoint)
    begun_with = {'checkpoint': manifest['files'],
                  'demonstrations': recordings_digest(demonstrations)}
    # What cannot be done is refused before there is a folder of it.
    with make_domain(config, policy, seed, output) as domain, \
            RunFolder(output, config.contents() | begun_with, seed) as run:
        Algorithm1(run, config, domain, demonstrations, seed).run(checkpoint)
    write_report(output)


def main(arguments: list[str] | None = None, make_domain: MakeDomain = in_process,
         prog: str = 'python -m irevla_learner.algorithm1', where: str = 'without ROS') -> None:
    """Improve a policy as the command line says."""
    parser = argparse.ArgumentParser(
        prog, description=f'iRe-VLA {where}: online RL on new tasks, then supervised learning on '
        'all that succeeded. The same command goes on after a kill.')
    parser.add_argument('--config', type=Path, required=True, help='tasks and settings (YAML)')
    parser.add_argument('--init', type=Path, required=True, help='checkpoint of stage 0')
    parser.add_argument('--data', type=Path, nargs='+', required=True, metavar='DIR',
                        help='folders of expert demonstrations')
    parser.add_argument('--output', type=Path, required=True, help='run folder')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    config = load_config(options.config, stage0_settings(options.init))
    improve(options.output.absolute(), config, options.init.absolute(), options.data,
            options.seed, make_domain)
    print((options.output / 'report.md').read_text())
    print(f'report: {options.output / "report.html"}')


def run_command(command: Callable[[], None]) -> None:
    """Run a command that goes on where it stopped, however it is ended."""
    # Whatever ends it, what it started must end with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        command()
    except IrevlaError as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('stopped; the same command goes on from here')
