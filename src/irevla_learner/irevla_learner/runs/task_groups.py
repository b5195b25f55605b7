# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Groups of tasks: with demonstrations, learned online, only evaluated."""

from dataclasses import dataclass, fields

from irevla_control.errors import ConfigError
from irevla_control.task_name import check_task_name
from irevla_policy.settings import SettingError, Settings, setting


@dataclass(frozen=True)
class Tasks(Settings):
    """Names of the tasks of each group; those of `rl` in the order of learning."""

    expert: tuple[str, ...]
    rl: tuple[str, ...]
    held_out: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that each name can name a recording and is not used twice."""
        super().__post_init__()
        seen: dict[str, str] = {}
        for group in GROUPS:
            for task in getattr(self, group):
                try:
                    check_task_name(task, group)
                except ConfigError as error:
                    raise SettingError(group, str(error)) from error
                if task in seen:
                    raise SettingError(
                        group,
                        f'{group} has task {task}, named twice: also in {seen[task]}; remove one',
                    )
                seen[task] = group


GROUPS = tuple(entry.name for entry in fields(Tasks))


@dataclass(frozen=True)
class EpisodeCounts(Settings):
    """Number of episodes of each task, by its group."""

    expert: int = setting(least=1)
    rl: int = setting(least=1)
    held_out: int = setting(least=1)

    def of(self, tasks: Tasks) -> dict[str, int]:
        """Return the number for each task, by name."""
        return {task: getattr(self, group) for group in GROUPS for task in getattr(tasks, group)}
