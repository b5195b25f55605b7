# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Seeds of the episodes' layouts: two runs share none, nor does one with its evaluation."""

from irevla_control.errors import ConfigError

# Of them belong to each run; what is labelled for a classifier begins in the middle.
PER_RUN = 100_000
LABELLED = PER_RUN // 2


def first_layout(seed: int, evaluation_seed: int) -> int:
    """Return the first layout that a run of this seed collects and learns on.

    Raises:
        ConfigError: the run's layouts would be those of its evaluation.

    """
    first = seed * PER_RUN
    if not 0 <= first <= evaluation_seed - PER_RUN:
        raise ConfigError(f'seed {seed}: its layouts from {first} on would meet those of the '
                          f'evaluation, from {evaluation_seed} on; use a seed from 0 to '
                          f'{evaluation_seed // PER_RUN - 1}')
    return first
