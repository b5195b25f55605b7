# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Progress of stage 1, as text and as a row of metrics."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Progress:
    """Progress of any algorithm of stage 1; subclasses add losses.

    Attributes:
        env_steps: number of environment steps.
        episodes: number of episodes.
        successes: number of successful episodes.
        updates: number of gradient updates.
        window_success: success rate of the newest training episodes; NaN before the first. With
            SACfD an episode with a person's command counts as failed.
        updates_per_s: updates per second since training started [Hz].

    """

    env_steps: int
    episodes: int
    successes: int
    updates: int
    window_success: float
    updates_per_s: float

    def __str__(self) -> str:
        """Return one line for a progress bar."""
        return (
            f'{self.successes} of {self.episodes} episodes solved, lately '
            f'{self.window_success:.2f}; {self.updates} updates, {self.updates_per_s:.0f}/s'
        )

    def metrics(self) -> dict[str, float]:
        """Return all values but env_steps, by name."""
        return {name: value for name, value in asdict(self).items() if name != 'env_steps'}


def stage_done(
    window: Sequence[bool], length: int, rate: float, env_steps: int, most: int
) -> bool:
    """Return whether the newest ``length`` episodes reach a success rate, or ``most`` steps."""
    full = len(window) == length
    return env_steps >= most or (full and sum(window) / length >= rate)
