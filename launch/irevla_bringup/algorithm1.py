# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 over ROS: ``python -m irevla_bringup.algorithm1 --help``."""

from contextlib import nullcontext
from pathlib import Path

from irevla_bringup.ros_backend import RosBackend
from irevla_control.processes import run_command
from irevla_learner.algorithm1 import program
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_policy.model.config import PolicyConfig

# Number of graphs that evaluate in parallel.
WORKERS = 2


def make_ros_backend(
    config: Algorithm1Config, policy: PolicyConfig, seed: int, run: Path
) -> nullcontext[RosBackend]:
    """Return the backend that launches ROS graphs."""
    return nullcontext(RosBackend(config, seed, WORKERS, run))


def main(
    arguments: list[str] | None = None, prog: str = 'python -m irevla_bringup.algorithm1'
) -> None:
    """Run Algorithm 1 over ROS with the arguments of a command line."""
    program.main(arguments, make_ros_backend, prog, 'over ROS')


if __name__ == '__main__':
    run_command(main)
