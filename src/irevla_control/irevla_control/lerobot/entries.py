# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the episodes and the columns of a dataset, from its rows of frames."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from irevla_control.errors import BagError
from irevla_control.lerobot.damage import reading, refuse
from irevla_control.lerobot.info import VECTORS, Info
from irevla_control.lerobot.tables import (
    frame_columns,
    is_number,
    own_flag,
    own_number,
    own_text,
    vector_size,
)
from irevla_control.observation import ACTION_SIZE

_NEEDED = ('episode_index', 'task_index', 'timestamp')
_ENDS = ('next.success', 'next.truncated')


@dataclass(frozen=True)
class LeRobotEntry:
    """Consecutive frames of an episode with one task: usually all frames.

    Attributes:
        number: index of the episode.
        part, parts: index of this part, and number of parts of the episode.
        first, steps: index of the first frame in the episode, and number of frames.
        instruction: text of the task.
        success, truncated: outcome of the whole episode.
        recorded_ns: time of the recording [ns since 1970]; 0: unknown.
        row: row of the episode in meta/episodes, without statistics.

    """

    number: int
    part: int
    parts: int
    first: int
    steps: int
    instruction: str
    success: bool
    truncated: bool
    recorded_ns: int
    row: dict[str, Any]

    @property
    def task(self) -> str:
        """Name of the task; the instruction if there is no name, or for a part of an episode."""
        return (
            own_text(self.row, 'task', self.instruction) if self.parts == 1 else self.instruction
        )


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read from frames; None: the dataset has no such column.

    Attributes:
        label: `label` in datasets that this suite exported, else `action`.
        source, stamp, reward, success: names of columns.

    """

    label: str
    source: str | None
    stamp: str | None
    reward: str | None
    success: str | None

    @property
    def names(self) -> list[str]:
        """Return the names of the columns that are read for each episode."""
        return list(
            dict.fromkeys(
                filter(None, (*VECTORS, self.label, self.source, self.stamp, self.reward))
            )
        )

    def described(self, features: Mapping[str, Any]) -> str:
        """Return a text with the column of each value, and the values that are assumed."""
        why = (
            'there is no label'
            if 'label' not in features
            else 'its label is not what this suite exports'
        )
        return ', '.join(
            (
                'states from observation.state',
                f'labels from {self.label}' + (f' ({why})' if self.label == 'action' else ''),
                'instructions from task_index',
                f'sources from {self.source}' if self.source else 'sources unknown',
                f'rewards from {self.reward}' if self.reward else 'rewards unknown',
                f'stamps from {self.stamp}' if self.stamp else 'stamps from fps',
                f'success from {self.success}' if self.success else 'success assumed',
            )
        )


def find_columns(info: Info, files: Iterable[Path]) -> Columns:
    """Return the columns to read, from the features and the files' schemas.

    Raises:
        BagError: the column of a feature is missing in a file, or state or action has another
            size in a file than in its feature.

    """
    schemas = {}
    for file in files:
        with reading(file):
            schemas[file] = schema = pq.read_schema(file)
        for name, feature in info.features.items():
            if feature['dtype'] != 'video' and name not in schema.names:
                raise BagError(
                    f'{file}: column {name} is missing, which {info.file} names; '
                    'export or download the dataset again'
                )
        for name, size in VECTORS.items():
            kind = schema.field(name).type
            if vector_size(kind) not in (size, 0):
                raise BagError(
                    f'{file}: column {name} is {kind}; {size} numbers in each row, as '
                    f'{info.file} says, are needed: export the dataset again'
                )

    def all_hold(name: str, fits: Any) -> bool:
        return name in info.features and all(
            fits(schema.field(name).type) for schema in schemas.values()
        )

    # After LeRobot's tools, only the features show that this suite exported a dataset; `label` or
    # `source` of another program can have another meaning.
    own = info.is_own('label') and all_hold(
        'label', lambda kind: vector_size(kind) in (ACTION_SIZE, 0)
    )

    def whole_numbers(name: str) -> str | None:
        return name if info.is_own(name) and all_hold(name, pa.types.is_integer) else None

    return Columns(
        label='label' if own else 'action',
        source=whole_numbers('source') if own else None,
        stamp=whole_numbers('ros_stamp_ns'),
        reward='next.reward' if all_hold('next.reward', is_number) else None,
        success='next.success' if all_hold('next.success', is_number) else None,
    )


def find_entries(
    info: Info, rows: Mapping[Path, list[dict[str, Any]]], tasks: dict[int, str], hashed: Any
) -> list[LeRobotEntry]:
    """Return the entries of all episodes, in order; a frame's task is that in its row.

    Args:
        info: content of meta/info.json.
        rows: for each file of frames, the rows of meta/episodes of its episodes.
        tasks: texts of the tasks by index.
        hashed: hash to update with the values that determine the entries.

    Raises:
        BagError: rows are missing or not evenly spaced, or a task has no text.

    """
    entries = []
    for file, episodes in rows.items():
        values = frame_columns(file, (*_NEEDED, *_ENDS))
        for name in _NEEDED:
            if name not in values:
                raise BagError(
                    f'{file}: column {name} is missing; export or download the dataset again'
                )
        for array in values.values():
            hashed.update(array.tobytes())
        order = np.argsort(values['episode_index'], kind='stable')
        numbers = values['episode_index'][order]
        for row in episodes:
            begin, end = np.searchsorted(numbers, row['episode_index'] + np.arange(2))
            of_episode = {name: array[order[begin:end]] for name, array in values.items()}
            _check_frames(info, file, row, of_episode['timestamp'])
            entries += _parts(file, row, of_episode, tasks)
    return sorted(entries, key=lambda entry: (entry.number, entry.first))


def _check_frames(info: Info, file: Path, row: dict[str, Any], times: np.ndarray) -> None:
    number, length = row['episode_index'], row['length']
    if len(times) != length:
        raise BagError(
            f'{file}: not complete, or damaged: {len(times)} of {length} rows of '
            f'episode {number}; export or download the dataset again'
        )
    uneven = np.flatnonzero(~(np.abs(times * info.fps - np.arange(length)) < 0.5))
    if len(uneven):
        refuse(
            file,
            f'timestamp of frame {uneven[0]} of episode {number}',
            float(times[uneven[0]]),
            f'{uneven[0] / info.fps:g} s, at {info.fps} Hz,',
        )


def _parts(
    file: Path, row: dict[str, Any], values: dict[str, np.ndarray], tasks: dict[int, str]
) -> list[LeRobotEntry]:
    """Return the parts of an episode: consecutive frames with the same task."""

    def ended(name: str, default: bool) -> bool:
        if f'next.{name}' in values:
            flags = values[f'next.{name}']
            for frame in np.flatnonzero(~np.isfinite(flags)):
                refuse(
                    file,
                    f'next.{name} of frame {frame} of episode {number}',
                    float(flags[frame]),
                    'true or false',
                )
            return bool(flags.any())
        return own_flag(row, name, default)

    number, task = row['episode_index'], values['task_index']
    starts = [0, *(np.flatnonzero(np.diff(task)) + 1).tolist()]
    entries = []
    for part, (first, stop) in enumerate(zip(starts, [*starts[1:], len(task)])):
        if task[first] not in tasks:
            raise BagError(
                f'{file}: task_index is {task[first]} in episode {number}, but '
                f'meta/tasks.parquet has {sorted(tasks)}; export or download the '
                'dataset again'
            )
        entries.append(
            LeRobotEntry(
                number,
                part,
                len(starts),
                first,
                stop - first,
                tasks[int(task[first])],
                ended('success', True),
                ended('truncated', False),
                own_number(row, 'recorded_ns', 0),
                row,
            )
        )
    return entries
