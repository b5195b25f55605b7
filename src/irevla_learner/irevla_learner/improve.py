# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 in process, without ROS: ``python -m irevla_learner.improve --help``."""

import argparse
from pathlib import Path
import sys
from typing import Any

from irevla_control.errors import IrevlaError
from irevla_learner.algorithm1 import Algorithm1, contents, load_config
from irevla_learner.in_process import InProcess
from irevla_learner.report import write_report
from irevla_learner.run_folder import RunFolder
from irevla_policy.checkpoint import load_checkpoint
from irevla_policy.checkpoint_files import read_manifest


def improve(output: Path, config: dict[str, Any], checkpoint: Path, demonstrations: list[Path],
            seed: int) -> None:
    """Run Algorithm 1, or go on with it; write the report.

    Args:
        output: run folder.
        config: what `algorithm1.load_config` gave.
        checkpoint: policy of stage 0.
        demonstrations: folders of the expert's recorded episodes.
        seed: of everything random.

    Raises:
        IrevlaError: whatever does not fit, with the remedy.

    """
    begun_with = {'checkpoint': read_manifest(checkpoint)['files'],
                  'demonstrations': [root.name for root in demonstrations]}
    with RunFolder(output, contents(config) | begun_with, seed) as run:
        domain = InProcess(config, load_checkpoint(checkpoint).config, seed)
        try:
            Algorithm1(run, config, domain, demonstrations, seed).run(checkpoint)
        finally:
            domain.close()
    write_report(output)


def main(arguments: list[str] | None = None) -> None:
    """Improve a policy as the command line says."""
    parser = argparse.ArgumentParser(
        'python -m irevla_learner.improve', description='iRe-VLA without ROS: online RL on new '
        'tasks, then supervised learning on all that succeeded. The same command goes on after '
        'a kill.')
    parser.add_argument('--config', type=Path, required=True, help='tasks and settings (YAML)')
    parser.add_argument('--init', type=Path, required=True, help='checkpoint of stage 0')
    parser.add_argument('--data', type=Path, nargs='+', required=True, metavar='DIR',
                        help='folders of expert demonstrations')
    parser.add_argument('--output', type=Path, required=True, help='run folder')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    improve(options.output, load_config(options.config), options.init, options.data,
            options.seed)
    print((options.output / 'report.md').read_text())
    print(f'report: {options.output / "report.html"}')


if __name__ == '__main__':
    try:
        main()
    except IrevlaError as error:
        sys.exit(f'improve: {error}')
    except KeyboardInterrupt:
        sys.exit('improve: stopped; the same command goes on from here')
