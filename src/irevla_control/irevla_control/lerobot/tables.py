# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads a dataset's Parquet files as checked plain values: tasks, episodes, columns of frames."""

from collections.abc import Iterable
import json
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from irevla_control.errors import BagError
from irevla_control.lerobot.damage import get, reading, refuse
from irevla_control.lerobot.layout import OWN, TASKS


def read_tasks(root: Path) -> dict[int, str]:
    """Return the texts of the tasks by index.

    Raises:
        BagError: the file is damaged, or not in the form of pandas with the text as index.

    """
    with reading(root / TASKS) as file:
        table = pq.read_table(file, page_checksum_verification=True)
        about = json.loads((table.schema.metadata or {}).get(b'pandas', b'{}'))
        named = next(iter(about.get('index_columns', [])), 'task')
        names = table.column_names
        text = 'task' if 'task' in names else named
        for column in (text, 'task_index'):
            if column not in names:
                raise BagError(
                    f'{file}: column {column} is missing, it has {names}; export or '
                    'download the dataset again'
                )
        indices, texts = table['task_index'].to_pylist(), table[text].to_pylist()
    tasks: dict[int, str] = {}
    for index, task in zip(indices, texts):
        if type(index) is not int or index < 0:
            refuse(file, f'task_index of the task {task!r}', index, 'a whole number of 0 or above')
        if not isinstance(task, str) or not task.strip():
            refuse(file, f'the text of task_index {index}', task, 'an instruction')
        if tasks.setdefault(index, task) != task:
            refuse(file, f'the text of task_index {index}', [tasks[index], task], 'one text')
    return tasks


def read_episode_rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of meta/episodes without statistics.

    Null and NaN are left out: LeRobot writes them for values that some of several merged datasets
    lack.

    Raises:
        BagError: the file is damaged, or index or length of an episode is missing.

    """
    with reading(file):
        columns = [name for name in pq.read_schema(file).names if not name.startswith('stats/')]
        rows = pq.read_table(file, columns=columns, page_checksum_verification=True).to_pylist()
    rows = [
        {key: value for key, value in row.items() if value is not None and value == value}
        for row in rows
    ]
    for row in rows:
        for key in ('episode_index', 'length'):
            row[key] = whole(row, key, file)
        if not row['length']:
            refuse(file, f'length of episode {row["episode_index"]}', row['length'], 'at least 1')
    return rows


def whole(row: dict[str, Any], key: str, file: Path, least: int = 0) -> int:
    """Return a whole number, at least `least`, from a row of meta/episodes, or raise BagError."""
    of = '' if key == 'episode_index' else f' of episode {row["episode_index"]}'
    value = get(row, key, file, of)
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not (least <= value < 2**63 and value == int(value))
    ):
        refuse(file, f'{key}{of}', value, f'a whole number of {least} or above')
    return int(value)


def own_number(row: dict[str, Any], name: str, unknown: int) -> int:
    """Return a number of this suite, `unknown` or above, or raise BagError."""
    key = OWN + name
    return whole(row, key, row['file'], unknown) if key in row else unknown


def own_flag(row: dict[str, Any], name: str, unknown: bool) -> bool:
    """Return a flag of this suite, or raise BagError; `unknown`: the value if it is missing."""
    value = row.get(OWN + name, unknown)
    # A merge of datasets may convert booleans to numbers.
    if not isinstance(value, (bool, int, float)) or value not in (0, 1):
        _refuse_own(row, name, 'true or false')
    return bool(value)


def own_text(row: dict[str, Any], name: str, unknown: str) -> str:
    """Return a text of this suite, or raise BagError; `unknown`: the value if it is missing."""
    value = row.get(OWN + name, unknown)
    if not isinstance(value, str):
        _refuse_own(row, name, 'a text')
    return value


def _refuse_own(row: dict[str, Any], name: str, needed: str) -> NoReturn:
    refuse(row['file'], f'{OWN}{name} of episode {row["episode_index"]}', row[OWN + name], needed)


def vector_size(column: pa.DataType) -> int | None:
    """Return the number of values in each row of a column; 0: varies; None: no vectors."""
    if pa.types.is_fixed_size_list(column):
        size = column.list_size
    elif pa.types.is_list(column) or pa.types.is_large_list(column):
        size = 0
    else:
        return None
    kind = column.value_type
    return size if pa.types.is_floating(kind) or pa.types.is_integer(kind) else None


def is_number(column: pa.DataType) -> bool:
    """Return whether each row of a column has a single number."""
    return (
        pa.types.is_floating(column) or pa.types.is_integer(column) or pa.types.is_boolean(column)
    )


def frame_columns(file: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the columns of a file with these names, if present; each has single numbers.

    Raises:
        BagError: the file is damaged, or a column is of another kind.

    """
    with reading(file):
        schema = pq.read_schema(file)
        held = [name for name in names if name in schema.names]
        table = pq.read_table(file, columns=held, page_checksum_verification=True)
        return {name: numbers(table[name].combine_chunks(), name) for name in held}


def numbers(column: pa.Array, name: str, size: int | None = None) -> np.ndarray:
    """Return a column as (T,), or with a size as float64 (T, size).

    Raises:
        ValueError: values have another type, are missing, or in a vector are not finite.

    """
    if column.null_count and not pa.types.is_floating(column.type):
        raise ValueError(f'{column.null_count} of {len(column)} rows of {name} are empty')
    if size is None:
        if not is_number(column.type):
            raise ValueError(f'{name} contains {column.type}, not one number in each row')
        return column.to_numpy(zero_copy_only=False)
    if vector_size(column.type) not in (size, 0) or len(column.flatten()) != len(column) * size:
        raise ValueError(f'{name} contains {column.type}, not {size} numbers in each row')
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f'{name} contains values that are not finite')
    return values.reshape(len(column), -1)
