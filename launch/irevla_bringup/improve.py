# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 over ROS, from a policy of stage 0: ``python -m irevla_bringup.improve --help``."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

from irevla_bringup.over_graph import OverGraph
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.algorithm1.improve import main, run_command
from irevla_policy.model.config import PolicyConfig

# Graphs that evaluate side by side.
WORKERS = 2


def over_graph(config: Algorithm1Config, policy: PolicyConfig, seed: int,
               run: Path) -> nullcontext[OverGraph]:
    """Return graphs that this process launches."""
    return nullcontext(OverGraph(config, seed, WORKERS, run))


if __name__ == '__main__':
    run_command(partial(main, make_domain=over_graph, prog='python -m irevla_bringup.improve',
                        where='over ROS'))
