# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 over ROS: ``python -m irevla_bringup.algorithm1 --help``."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

from irevla_bringup.ros_backend import RosBackend
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.program import main, run_command
from irevla_policy.model.config import PolicyConfig

# Number of graphs that evaluate in parallel.
WORKERS = 2


def make_ros_backend(
    config: Algorithm1Config, policy: PolicyConfig, seed: int, run: Path
) -> nullcontext[RosBackend]:
    """Return the backend that launches ROS graphs."""
    return nullcontext(RosBackend(config, seed, WORKERS, run))


if __name__ == '__main__':
    run_command(
        partial(
            main,
            make_backend=make_ros_backend,
            prog='python -m irevla_bringup.algorithm1',
            where='over ROS',
        )
    )
