# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Easier tasks before a task that is too hard to begin with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from irevla_control.errors import ConfigError


@dataclass
class Curriculum:
    """Which task the next episode is of.

    Attributes:
        goal: the task that is learned.
        easier: name of an easier task to the number of its successes after which the next one
            begins, the easiest first; the goal follows the last one.
        successes: number of successful episodes of easier tasks so far, also of those that ran
            beside the last one needed.

    """

    goal: str
    easier: Mapping[str, int] = field(default_factory=dict)
    successes: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError if the goal is among the easier tasks."""
        if self.goal in self.easier:
            raise ConfigError(
                f'curriculum has {self.goal}, the task that is learned; name easier tasks only'
            )

    @property
    def task(self) -> str:
        """Task of the next episode."""
        needed = 0
        for task, successes in self.easier.items():
            needed += successes
            if self.successes < needed:
                return task
        return self.goal

    def add(self, task: str, success: bool) -> None:
        """Count an episode."""
        self.successes += success and task in self.easier
