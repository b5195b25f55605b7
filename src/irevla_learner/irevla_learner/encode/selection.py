# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which of the recorded demonstrations are encoded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from irevla_control.errors import ConfigError
from irevla_policy.frames.bag_frames import Recorded, usable_episodes


@dataclass(frozen=True)
class Selection:
    """What of the usable recordings is wanted; by default all successes.

    Where there are more than wanted, the tasks take turns, each with its newest first.

    Attributes:
        tasks: names of tasks, or of instructions where a data set names no tasks; None: all.
        max_episodes: number of recordings, of all tasks together.
        max_frames: number of commands, of all tasks together; recordings are not cut.
        include_failures: failed episodes too, never aborted ones.
        max_skew_s: how much older than an observation its images and state may be, in place of
            what the bags tell.

    """

    tasks: tuple[str, ...] | None = None
    max_episodes: int | None = None
    max_frames: int | None = None
    include_failures: bool = False
    max_skew_s: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError if nothing could fit."""
        if self.tasks is not None and not self.tasks:
            raise ConfigError('tasks is empty; name some, or leave it out for all')
        for name in ('max_episodes', 'max_frames'):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f'{name} is {value}; 1 or more is needed')


def select(
    recorded: Sequence[Recorded], selection: Selection
) -> tuple[list[Recorded], dict[str, str]]:
    """Return the recordings to encode, in their order, and by name why others are not.

    Raises:
        ConfigError: a task without a recording, or no recording is short enough.

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
            f'no usable demonstration of task {", ".join(missing)}; the recordings hold '
            f'{", ".join(sorted(held))}'
        )
    return [each for each in recorded if set(each.tasks) & set(tasks)]


def _in_turns(recorded: Sequence[Recorded]) -> list[Recorded]:
    """Return the newest of each task, then the second newest of each, and so on."""
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
