# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The task catalogue: Franka Kitchen's tasks and variants of them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from irevla_control.errors import ConfigError
from irevla_sim.simulator.tasks import EntryForm, Task, read_catalogue

CATALOGUE = Path(__file__).parent / 'catalogue'
AXES = ('x', 'y', 'z')
# Success, unless a task has its own: share of the joint's way, and number of decisions.
DEFAULT_SHARE, DEFAULT_STAY = 0.9, 5
# Joints that a task may be about, each with the group of bodies that moves with the task's place.
GROUP_OF_JOINT = {
    'microwave': 'microwave',
    'slide_cabinet': 'cabinets',
    'left_hinge_cabinet': 'cabinets',
    'right_hinge_cabinet': 'cabinets',
    'light_switch': 'hood',
    **{f'knob_Joint_{number}': 'hood' for number in (1, 2, 3, 4)},
}


def load_catalogue(extra_files: Iterable[str | Path] = ()) -> dict[str, Task]:
    """Return all shipped tasks and those of extra files, by name.

    Raises:
        ConfigError: a file that cannot be read, or an entry that does not fit.

    """
    shipped = (CATALOGUE / 'kitchen.yaml', CATALOGUE / 'variants.yaml')
    return read_catalogue((*shipped, *extra_files), FORM)


def _joint(value: Any) -> Any:
    if not isinstance(value, str) or value not in GROUP_OF_JOINT:
        raise ConfigError(f'joint {value!r}; use one of {", ".join(GROUP_OF_JOINT)}')
    return value


def _number(key: str, low: float, high: float) -> Callable[[Any], float]:
    def check(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f'{key} {value!r}; expected a number')
        if not low <= value <= high or value == 0:
            raise ConfigError(f'{key} {value!r}; use a number from {low:g} to {high:g}, not 0')
        return float(value)

    return check


def _stay(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise ConfigError(f'stay {value!r}; use a whole number of decisions from 1 to 100')
    return value


def _handle(value: Any) -> tuple[str, tuple[float, ...]]:
    fits = (
        isinstance(value, Mapping)
        and set(value) == {'body', 'point'}
        and isinstance(value['body'], str)
        and isinstance(value['point'], list)
        and len(value['point']) == len(AXES)
        and all(isinstance(number, int | float) and abs(number) <= 2 for number in value['point'])
    )
    if not fits:
        raise ConfigError(
            f'handle {value!r}; expected {{body: name, point: [x, y, z]}}, within 2 m'
        )
    return value['body'], tuple(float(number) for number in value['point'])


FORM = EntryForm(
    required=('instruction', 'joint', 'opened', 'handle'),
    axes=AXES,
    options={
        'joint': _joint,
        'opened': _number('opened', -3.0, 3.0),
        'handle': _handle,
        'success_share': _number('success_share', 0.1, 1.0),
        'stay': _stay,
    },
)
