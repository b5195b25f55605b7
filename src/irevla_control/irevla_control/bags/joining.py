# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which message of a topic belongs to an observation: one rule for who records and who reads."""

from bisect import bisect_right
from collections.abc import Sequence


def joined(known: Sequence[int], stamps: Sequence[int], max_skew_ns: int) -> list[int | None]:
    """Return for each stamp the newest of the known ones up to it, or None when that is too old.

    Args:
        known: stamps of a topic's messages, ascending [ns].
        stamps: of observations [ns].
        max_skew_ns: how much older the message may be.

    """
    found: list[int | None] = []
    for stamp in stamps:
        place = bisect_right(known, stamp)
        fits = place and stamp - known[place - 1] <= max_skew_ns
        found.append(known[place - 1] if fits else None)
    return found
