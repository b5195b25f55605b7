# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What an episode runner plays and has played: entries of its parameters, file of its results."""

from collections.abc import Sequence
import json
import os
from pathlib import Path

from irevla_control.errors import ConfigError
from irevla_control.task_name import check_task_name


def prefer(plan: list[tuple[str, int]], task: str) -> bool:
    """Move the episodes of a task to the front of a plan; return whether there are any."""
    if not any(task == planned for planned, _ in plan):
        return False
    plan.sort(key=lambda episode: episode[0] != task)
    return True


def read_tasks(
    entries: Sequence[str], episodes: int, parameter: str = 'tasks', least: int = 1
) -> dict[str, int]:
    """Return the number of episodes of each task; an entry is `name` or `name:count`.

    Args:
        entries: entries; empty ones are skipped.
        episodes: number where an entry gives none.
        parameter: name of the parameter, for the text of an error.
        least: least number of entries.

    Raises:
        ConfigError: there are fewer entries, a count is not a number of 1 or more, or a name
            cannot name a recording.

    """
    counts = {}
    for entry in filter(None, entries):
        task, colon, count = entry.partition(':')
        if colon and not (count.isdecimal() and int(count)):
            raise ConfigError(
                f'parameter {parameter} has {entry!r}; write name or name:count, with a '
                'count of 1 or more'
            )
        check_task_name(task, f'parameter {parameter} has {entry!r}')
        counts[task] = int(count) if colon else episodes
    if len(counts) < least:
        raise ConfigError(f'parameter {parameter} is empty; name at least one task')
    return counts


def read_results(file: Path) -> list[dict]:
    """Return the results in a file; none if it does not exist. Creates its folder.

    Raises:
        ConfigError: the file has no results, or its folder cannot be written to.

    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        results = json.loads(file.read_text()) if file.exists() else []
        if not all({'task', 'seed', 'success'} <= set(result) for result in results):
            raise ValueError('an episode without task, seed or success')
        if not os.access(file.parent, os.W_OK):
            raise PermissionError(f'{file.parent} cannot be written to')
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            f'parameter output {file}: {error}; give a file of results, or one '
            'that does not exist yet'
        ) from error
    return results
