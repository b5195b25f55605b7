# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The task catalogue: Meta-World's tasks and variants of them, read from YAML."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import difflib
from pathlib import Path
from typing import Any

import yaml

from irevla_control.errors import ConfigError, one_line
from irevla_control.task_name import check_task_name

CATALOGUE = Path(__file__).parent / 'catalogue'
SPLITS = ('expert', 'rl', 'held_out')
AXES = ('x', 'y')


@dataclass(frozen=True)
class Variant:
    """Differences of a task from Meta-World's task.

    Attributes:
        colours: material name to (r, g, b, a), each 0 to 1.
        sizes: mesh or geom name to a scale along its (x, y, z).
        position: axis ('x', 'y') to the (low, high) in m where the task's object starts.
        cameras: camera name to its offset (x, y, z) in m.

    """

    colours: dict[str, tuple[float, ...]] = field(default_factory=dict)
    sizes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    position: dict[str, tuple[float, ...]] = field(default_factory=dict)
    cameras: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """One task of a policy.

    Attributes:
        name: unique in the catalogue.
        base: Meta-World's name of the environment, such as 'drawer-open-v3'.
        instruction: the policy's input in words.
        split: 'expert' (demonstrated), 'rl' (learned online) or 'held_out' (only evaluated).
        variant: what differs from the base.
        expert_share: share of the scripted expert's demonstration of the same seed that is done
            when the episode begins; 0: none, the base's own start.

    """

    name: str
    base: str
    instruction: str
    split: str = 'expert'
    variant: Variant = field(default_factory=Variant)
    expert_share: float = 0.0


def load_catalogue(extra_files: Iterable[str | Path] = ()) -> dict[str, Task]:
    """Return all shipped tasks and those of extra files, by name.

    A later entry replaces an earlier one of the same name, and may build on any before it.

    Raises:
        ConfigError: a file that cannot be read, or an entry that does not fit.

    """
    tasks: dict[str, Task] = {}
    for path in (CATALOGUE / 'metaworld.yaml', CATALOGUE / 'variants.yaml', *extra_files):
        try:
            entries = yaml.safe_load(Path(path).read_text())
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f'task file {path}: {one_line(error)}') from error
        if not isinstance(entries, Mapping):
            raise ConfigError(f'task file {path}: expected a mapping of task names to entries')
        for name, entry in entries.items():
            check_task_name(str(name), f'task file {path}')
            try:
                tasks[str(name)] = _task(str(name), entry, tasks)
            except ConfigError as error:
                raise ConfigError(f'task file {path}, {name}: {error}') from error
    return tasks


def find_task(name: str, catalogue: Mapping[str, Task]) -> Task:
    """Return a task by name.

    Raises:
        ConfigError: an unknown name; the text offers close matches.

    """
    if name in catalogue:
        return catalogue[name]
    close = difflib.get_close_matches(name, catalogue, n=3)
    hint = f'did you mean {" or ".join(close)}?' if close else f'known: {", ".join(catalogue)}'
    raise ConfigError(f'unknown task {name!r}; {hint}')


def tasks_of_split(split: str, catalogue: Mapping[str, Task]) -> list[str]:
    """Return the names of a split's tasks, in catalogue order."""
    return [task.name for task in catalogue.values() if task.split == split]


def _task(name: str, entry: Any, known: Mapping[str, Task]) -> Task:
    if isinstance(entry, str):
        return Task(name, f'{name}-v3', entry)
    if not isinstance(entry, Mapping):
        raise ConfigError('expected an instruction, or a mapping with "base"')
    fields = {
        *('base', 'instruction', 'split', 'colours', 'sizes', 'position', 'cameras'),
        'expert_share',
    }
    unknown = set(entry) - fields
    if unknown or 'base' not in entry:
        problem = f'unknown field {min(unknown)!r}' if unknown else 'no "base"'
        raise ConfigError(f'{problem}; fields are {", ".join(sorted(fields))}')
    base = find_task(entry['base'], known)
    split = entry.get('split', base.split)
    if split not in SPLITS:
        raise ConfigError(f'split {split!r} is not one of {", ".join(SPLITS)}')
    variant = Variant(
        colours=base.variant.colours | _vectors(entry, 'colours', 4, 0.0, 1.0),
        sizes=base.variant.sizes | _vectors(entry, 'sizes', 3, 0.1, 10.0),
        position=base.variant.position | _vectors(entry, 'position', 2, -1.0, 1.0),
        cameras=base.variant.cameras | _vectors(entry, 'cameras', 3, -2.0, 2.0),
    )
    for axis, (low, high) in variant.position.items():
        if axis not in AXES or low > high:
            raise ConfigError(f'position {axis}: [{low}, {high}]; use x or y with [low, high]')
    share = entry.get('expert_share', base.expert_share)
    if not isinstance(share, int | float) or not 0 <= share < 1:
        raise ConfigError(f'expert_share {share!r}; use a number from 0 to below 1')
    instruction = entry.get('instruction', base.instruction)
    return Task(name, base.base, instruction, split, variant, float(share))


def _vectors(
    entry: Mapping[str, Any], key: str, length: int, low: float, high: float
) -> dict[str, tuple[float, ...]]:
    vectors = {}
    for name, value in (entry.get(key) or {}).items():
        fits = (
            isinstance(value, list)
            and len(value) == length
            and all(isinstance(number, int | float) and low <= number <= high for number in value)
        )
        if not fits:
            raise ConfigError(
                f'{key} {name}: {value!r}; expected {length} numbers from {low:g} to {high:g}'
            )
        vectors[name] = tuple(float(number) for number in value)
    return vectors
