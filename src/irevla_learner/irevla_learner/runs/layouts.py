# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Seeds of layouts: no two runs share any, and none is an evaluation's."""

from irevla_control.errors import ConfigError

# Number of seeds of each run; labelled episodes for a classifier start in the middle.
PER_RUN = 100_000
LABELLED = PER_RUN // 2


def first_layout(seed: int, evaluation_seed: int) -> int:
    """Return the first layout on which a run of this seed collects and trains.

    Raises:
        ConfigError: the run's layouts would overlap those of its evaluation.

    """
    first = seed * PER_RUN
    if not 0 <= first <= evaluation_seed - PER_RUN:
        raise ConfigError(
            f'seed {seed}: its layouts from {first} on would overlap those of the '
            f'evaluation, from {evaluation_seed} on; use a seed from 0 to '
            f'{evaluation_seed // PER_RUN - 1}'
        )
    return first
