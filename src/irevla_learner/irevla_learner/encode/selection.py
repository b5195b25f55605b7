# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Selects the recorded demonstrations to encode."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from irevla_control.errors import ConfigError
from irevla_policy.frames.bag_frames import Recorded, usable_episodes


@dataclass(frozen=True)
class Selection:
    """Which usable recordings are encoded; by default all successes.

    If a maximum is exceeded, the newest recordings of each task are selected in turn.

    Attributes:
        tasks: names of tasks, or instructions of a data set without tasks; None: all.
        max_episodes: largest number of recordings of all tasks together.
        max_frames: largest number of commands of all tasks together; only whole recordings.
        include_failures: whether failed episodes are encoded too; aborted ones never are.
        max_skew_s: largest age of images and state at an observation [s]; None: the bags' value.

    """

    tasks: tuple[str, ...] | None = None
    max_episodes: int | None = None
    max_frames: int | None = None
    include_failures: bool = False
    max_skew_s: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError if no recording could be selected."""
        if self.tasks is not None and not self.tasks:
            raise ConfigError('tasks is empty; name some, or leave it out for all')
        for name in ('max_episodes', 'max_frames'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f'{name} is {value}; 1 or more is needed')


def select(
    recorded: Sequence[Recorded], selection: Selection
) -> tuple[list[Recorded], dict[str, str]]:
    """Return the recordings to encode, in order, and a reason for each other recording, by name.

    Raises:
        ConfigError: a task has no recording, or every recording exceeds ``max_frames``.

    """
    chosen: set[str] = set()
    frames = 0
    wanted = _of_tasks(recorded, selection.tasks)
    places = {each.place for each in wanted}
    left_out = {each.place: 'of another task' for each in recorded if each.place not in places}
    for each in _in_turns(wanted):
        if selection.max_episodes is not None and len(chosen) >= selection.max_episodes:
            left_out[each.place] = f'beyond max_episodes {selection.max_episodes}'
        elif selection.max_frames is not None and frames + each.steps > selection.max_frames:
            left_out[each.place] = f'beyond max_frames {selection.max_frames}'
        else:
            chosen.add(each.place)
            frames += each.steps
    if not chosen:
        raise ConfigError(
            f'max_frames is {selection.max_frames}, but the shortest demonstration has '
            f'{min(each.steps for each in wanted)}; raise it'
        )
    return [each for each in wanted if each.place in chosen], left_out


def _of_tasks(recorded: Sequence[Recorded], tasks: Sequence[str] | None) -> list[Recorded]:
    if tasks is None:
        return list(recorded)
    held = {task for each in recorded for task in each.tasks}
    missing = sorted(set(tasks) - held)
    if missing:
        raise ConfigError(
            f'no usable demonstration of task {", ".join(missing)}; the recordings are of '
            f'{", ".join(sorted(held))}'
        )
    return [each for each in recorded if set(each.tasks) & set(tasks)]


def _in_turns(recorded: Sequence[Recorded]) -> list[Recorded]:
    """Return the newest recording of each task, then the second newest of each, and so on."""
    turns: Counter[tuple[str, ...]] = Counter()
    placed = []
    for each in sorted(recorded, key=lambda each: -each.recorded_ns):
        placed.append((turns[each.tasks], each))
        turns[each.tasks] += 1
    return [each for _, each in sorted(placed, key=lambda pair: pair[0])]


def tasks_of(roots: Sequence[Path]) -> set[str]:
    """Return the tasks of the usable recordings in folders; none for no folders.

    Raises:
        IrevlaError: as `usable_episodes`.

    """
    if not roots:
        return set()
    return {task for each in usable_episodes(roots).episodes for task in each.tasks}
