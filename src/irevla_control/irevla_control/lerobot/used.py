# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""How many of the episodes that there are were used, and why not the others."""

from collections.abc import Mapping


def used(total: int, left_out: Mapping[str, int]) -> str:
    """Return 'used N of M episodes, because ...'.

    Args:
        total: how many episodes there are.
        left_out: reason, as 'aborted' in '3 aborted', to how many were left out for it.

    """
    reasons = [f'{count} {reason}' for reason, count in left_out.items() if count]
    return (f'used {total - sum(left_out.values())} of {total} episodes, because '
            f'{", ".join(reasons) or "all are complete"}')
