# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings in YAML files, and the checks that all of them share."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml

from irevla_control.errors import ConfigError, one_line

Kind = TypeVar('Kind', bound='Settings')
# Low and high, inclusive, by the name of a setting.
Ranges = Mapping[str, tuple[float, float]]


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """Read a YAML file of "name: value" lines; ``what`` it is begins an error's message.

    Raises:
        ConfigError: the file cannot be read or is no mapping.

    """
    try:
        values = yaml.safe_load(Path(path).read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'{what} {path}: {one_line(error)}') from error
    if not isinstance(values, dict):
        raise ConfigError(f'{what} {path} must be "name: value" lines')
    return values


class Settings:
    """A dataclass of settings that a YAML file may give; ``what`` they are begins an error."""

    what: ClassVar[str]

    @classmethod
    def load(cls: type[Kind], path: Path | None,
             overrides: Mapping[str, Any] | None = None) -> Kind:
        """Read settings from YAML, or take the defaults; ``overrides`` win, unless None.

        Raises:
            ConfigError: as `read_mapping` and the dataclass, or an unknown setting.

        """
        values = read_mapping(path, cls.what) if path else {}
        values |= {name: value for name, value in (overrides or {}).items() if value is not None}
        known = {entry.name for entry in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(f'{cls.what} {path}: unknown {", ".join(unknown)}; known are '
                              f'{", ".join(sorted(known))}')
        return cls(**values)


def check_ranges(settings: Any, what: str, ranges: Ranges) -> None:
    """Check that these attributes are numbers in their ranges; ConfigError names what is not."""
    for name, (low, high) in ranges.items():
        value = getattr(settings, name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not low <= value <= high:
            raise ConfigError(f'{what} {name} is {value!r}; a number from {low} to {high} is '
                              'needed (YAML takes 1e-3 for text: write 0.001)')


def check_counts(settings: Any, what: str, least: Mapping[str, int]) -> None:
    """Check that these attributes are whole numbers, at least so large; ConfigError as above."""
    for name, low in least.items():
        value = getattr(settings, name)
        if type(value) is not int or value < low:
            raise ConfigError(f'{what} {name} is {value!r}; a whole number of {low} or more is '
                              'needed')


def check_sizes(value: Any, what: str) -> tuple[int, ...]:
    """Return sizes of layers as a tuple; ConfigError names what is none."""
    if not isinstance(value, (list, tuple)) or any(
            type(size) is not int or size < 1 for size in value):
        raise ConfigError(f'{what} is {value!r}; a list of whole numbers is needed, as [256, 256]')
    return tuple(value)
