# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a stage 1 stands: what a person follows, and a row of its metrics."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Progress:
    """What every algorithm of stage 1 tells; theirs add losses.

    Attributes:
        decisions: commands executed so far.
        episodes: played so far.
        successes: of these.
        updates: steps of gradient descent so far.
        window_success: rate among the newest learning episodes; NaN before the first.
        updates_per_s: since learning began.

    """

    decisions: int
    episodes: int
    successes: int
    updates: int
    window_success: float
    updates_per_s: float

    def __str__(self) -> str:
        """Return what a person follows."""
        return (f'{self.successes} of {self.episodes} episodes solved, lately '
                f'{self.window_success:.2f}; {self.updates} updates, {self.updates_per_s:.0f}/s')

    def metrics(self) -> dict[str, float]:
        """Return all but the decisions, by name."""
        return {name: value for name, value in asdict(self).items() if name != 'decisions'}


def stage_done(window: Sequence[bool], length: int, wanted: float, decisions: int,
               most: int) -> bool:
    """Return whether a full window of episodes reached the rate, or the decisions are spent."""
    full = len(window) == length
    return decisions >= most or (full and sum(window) / length >= wanted)
