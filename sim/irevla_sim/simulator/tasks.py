# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tasks of a simulator and variants of them, read from YAML."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
import difflib
from pathlib import Path
from typing import Any

import yaml

from irevla_control.errors import ConfigError, one_line
from irevla_control.task_name import check_task_name

SPLITS = ('expert', 'rl', 'held_out')


@dataclass(frozen=True)
class Variant:
    """Differences of a task from its base.

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
        base: the simulator's name of what is simulated, such as 'drawer-open-v3'.
        instruction: the policy's input in words.
        split: 'expert' (demonstrated), 'rl' (learned online) or 'held_out' (only evaluated).
        variant: what differs from the base.
        expert_share: share of the scripted expert's demonstration of the same seed that is done
            when the episode begins; 0: none, the base's own start.
        action_repeat: number of simulator steps of one decision; 0: the simulator's default.
        horizon: decisions after which an episode is truncated; 0: the simulator's default.
        text: what a variant holds out, in one sentence.
        options: what only this simulator knows, such as the threshold of success.

    """

    name: str
    base: str
    instruction: str
    split: str = 'expert'
    variant: Variant = field(default_factory=Variant)
    expert_share: float = 0.0
    action_repeat: int = 0
    horizon: int = 0
    text: str = ''
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EntryForm:
    """What the entries of a simulator's task files contain.

    An entry names the task that it builds on, and what differs. One without a base is a task of
    the simulator itself.

    Attributes:
        base: `Task.base` of an entry without a base, with the entry's name in place of {}.
        required: fields of an entry without a base; (): such an entry is its instruction.
        axes: names in `position`.
        options: the simulator's own fields; each with a function that returns the checked value,
            or raises ConfigError.

    """

    base: str = '{}'
    required: tuple[str, ...] = ()
    axes: tuple[str, ...] = ('x', 'y')
    options: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)


FIELDS = {
    *('base', 'instruction', 'split', 'colours', 'sizes', 'position', 'cameras'),
    *('expert_share', 'action_repeat', 'horizon', 'text'),
}


def read_catalogue(files: Iterable[str | Path], form: EntryForm) -> dict[str, Task]:
    """Return the tasks of YAML files, by name.

    A later entry replaces an earlier one of the same name, and may build on any before it.

    Raises:
        ConfigError: a file that cannot be read, or an entry that does not fit.

    """
    tasks: dict[str, Task] = {}
    for path in files:
        try:
            entries = yaml.safe_load(Path(path).read_text())
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigError(f'task file {path}: {one_line(error)}') from error
        if not isinstance(entries, Mapping):
            raise ConfigError(f'task file {path}: expected a mapping of task names to entries')
        for name, entry in entries.items():
            check_task_name(str(name), f'task file {path}')
            try:
                tasks[str(name)] = _task(str(name), entry, tasks, form)
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
    close = difflib.get_close_matches(str(name), catalogue, n=3)
    hint = f'did you mean {" or ".join(close)}?' if close else f'known: {", ".join(catalogue)}'
    raise ConfigError(f'unknown task {name!r}; {hint}')


def tasks_of_split(split: str, catalogue: Mapping[str, Task]) -> list[str]:
    """Return the names of a split's tasks, in catalogue order."""
    return [task.name for task in catalogue.values() if task.split == split]


def _task(name: str, entry: Any, known: Mapping[str, Task], form: EntryForm) -> Task:
    if isinstance(entry, str) and not form.required:
        return Task(name, form.base.format(name), entry)
    if not isinstance(entry, Mapping):
        raise ConfigError('expected an instruction, or a mapping with "base"')
    fields = FIELDS | set(form.options)
    unknown = sorted(set(map(str, entry)) - fields)
    if unknown:
        raise ConfigError(f'unknown field {unknown[0]!r}; fields are {", ".join(sorted(fields))}')
    if 'base' in entry:
        base = find_task(str(entry['base']), known)
    else:
        missing = [each for each in form.required or ('base',) if each not in entry]
        if missing:
            raise ConfigError(f'no "{missing[0]}"; fields are {", ".join(sorted(fields))}')
        base = Task(name, form.base.format(name), '')
    split = entry.get('split', base.split)
    if split not in SPLITS:
        raise ConfigError(f'split {split!r} is not one of {", ".join(SPLITS)}')
    share = entry.get('expert_share', base.expert_share)
    if not isinstance(share, int | float) or not 0 <= share < 1:
        raise ConfigError(f'expert_share {share!r}; use a number from 0 to below 1')
    return replace(
        base,
        name=name,
        instruction=_text(entry, 'instruction', base.instruction),
        split=split,
        variant=_variant(entry, base.variant, form.axes),
        expert_share=float(share),
        action_repeat=_count(entry, 'action_repeat', base.action_repeat),
        horizon=_count(entry, 'horizon', base.horizon),
        text=_text(entry, 'text', ''),
        options={**base.options, **_options(entry, form)},
    )


def _options(entry: Mapping[str, Any], form: EntryForm) -> dict[str, Any]:
    return {key: check(entry[key]) for key, check in form.options.items() if key in entry}


def _text(entry: Mapping[str, Any], key: str, default: str) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(f'{key} {value!r}; expected text')
    return value


def _count(entry: Mapping[str, Any], key: str, default: int) -> int:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigError(f"{key} {value!r}; use a whole number, 0 for the simulator's default")
    return value


def _variant(entry: Mapping[str, Any], base: Variant, axes: tuple[str, ...]) -> Variant:
    variant = Variant(
        colours=base.colours | _vectors(entry, 'colours', 4, 0.0, 1.0),
        sizes=base.sizes | _vectors(entry, 'sizes', 3, 0.1, 10.0),
        position=base.position | _vectors(entry, 'position', 2, -1.0, 1.0),
        cameras=base.cameras | _vectors(entry, 'cameras', 3, -2.0, 2.0),
    )
    for axis, (low, high) in variant.position.items():
        if axis not in axes or low > high:
            raise ConfigError(
                f'position {axis}: [{low}, {high}]; use {" or ".join(axes)} with [low, high]'
            )
    return variant


def _vectors(
    entry: Mapping[str, Any], key: str, length: int, low: float, high: float
) -> dict[str, tuple[float, ...]]:
    given = entry.get(key) or {}
    if not isinstance(given, Mapping):
        raise ConfigError(f'{key}: {given!r}; expected a mapping of names to {length} numbers')
    vectors = {}
    for name, value in given.items():
        fits = (
            isinstance(value, list)
            and len(value) == length
            and all(isinstance(number, int | float) and low <= number <= high for number in value)
        )
        if not fits:
            raise ConfigError(
                f'{key} {name}: {value!r}; expected {length} numbers from {low:g} to {high:g}'
            )
        vectors[str(name)] = tuple(float(number) for number in value)
    return vectors
