# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Values of launch arguments; a RuntimeError names the argument and its value."""

import math
from pathlib import Path

from launch import LaunchContext
from launch.substitutions import LaunchConfiguration

from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter import CAMERA, SERIAL, Parameter
from irevla_control.task_name import check_task_name

CAMERAS = Parameter([''], 'names of cameras', form=CAMERA)
SERIALS = Parameter([''], 'serial numbers of cameras', form=SERIAL)


def value(context: LaunchContext, name: str) -> str:
    """Return a launch argument's value."""
    return LaunchConfiguration(name).perform(context)


def names(context: LaunchContext, name: str) -> list[str]:
    """Return a launch argument's value as a list of names."""
    return [one.strip() for one in value(context, name).split(',') if one.strip()]


def some_names(context: LaunchContext, name: str) -> list[str]:
    """Return a launch argument's value as a list of at least one name."""
    found = names(context, name)
    if not found:
        raise RuntimeError(f'launch argument {name} is empty; give names separated by commas')
    return found


def camera_names(context: LaunchContext) -> list[str]:
    """Return the names of the cameras, which are parts of topic names."""
    return _fitted(context, 'cameras', CAMERAS, some_names(context, 'cameras'))


def serial_numbers(context: LaunchContext) -> list[str]:
    """Return the serial numbers of the cameras; empty if none are given."""
    return _fitted(context, 'serials', SERIALS, names(context, 'serials'))


def extra_cameras(context: LaunchContext) -> list[str]:
    """Return the names of the cameras that other nodes publish; empty if none are given."""
    return _fitted(context, 'extra_cameras', CAMERAS, names(context, 'extra_cameras'))


def _fitted(
    context: LaunchContext, name: str, parameter: Parameter, found: list[str]
) -> list[str]:
    try:
        return parameter.fitted(found) if found else []
    except ConfigError as error:
        raise RuntimeError(f'launch argument {name}:={value(context, name)}: {error}') from error


def task_names(context: LaunchContext, name: str = 'tasks') -> list[str]:
    """Return a launch argument as entries `task` or `task:count`."""
    entries = some_names(context, name)
    for entry in entries:
        try:
            check_task_name(
                entry.partition(':')[0], f'launch argument {name}:={value(context, name)}'
            )
        except ConfigError as error:
            raise RuntimeError(str(error)) from error
    return entries


def whole_number(context: LaunchContext, name: str, least: int) -> int:
    """Return a launch argument's value as a whole number."""
    text = value(context, name)
    if not text.lstrip('-').isdigit() or int(text) < least:
        raise RuntimeError(f'launch argument {name}:={text} is not a whole number >= {least}')
    return int(text)


def number(context: LaunchContext, name: str, low: float, high: float) -> float:
    """Return a launch argument's value as a number within a range."""
    text = value(context, name)
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not low <= found <= high:
        raise RuntimeError(f'launch argument {name}:={text} is not a number from {low} to {high}')
    return found


def existing_path(context: LaunchContext, name: str) -> str:
    """Return a launch argument's value as an absolute path that exists."""
    path = Path(value(context, name)).absolute()
    if not value(context, name) or not path.exists():
        raise RuntimeError(f'launch argument {name}:={value(context, name)} does not exist')
    return str(path)
