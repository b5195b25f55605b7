# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A YAML file of "name: value" lines, with the line of each name."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from irevla_control.errors import ConfigError, one_line


@dataclass(frozen=True)
class YamlFile:
    """What a file holds.

    Attributes:
        values: by name; nested mappings as dictionaries.
        lines: of the file, from 1, by name; nested names joined by dots.

    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, name: str) -> str:
        """Return ':' and the line of a name, or of the section it would stand in; else ''."""
        while name and name not in self.lines:
            name = name.rpartition('.')[0]
        return f':{self.lines[name]}' if name else ''


def read_yaml(path: Path, what: str) -> YamlFile:
    """Read a YAML file; ``what`` it is begins an error's message.

    Raises:
        ConfigError: the file cannot be read, is no mapping, or has a name twice.

    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{what} {path} cannot be read: {one_line(error)}') from error
    try:
        values, tree = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, 'problem_mark', None)
        raise ConfigError(f'{what} {path}:{mark.line + 1 if mark else 1}: no YAML: '
                          f'{getattr(error, "problem", None) or one_line(error)}') from error
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f'{what} {path} must be "name: value" lines')
    lines: dict[str, int] = {}
    for name, line in _names(tree):
        if name in lines:
            raise ConfigError(f'{what} {path}:{line}: {name} is there twice, first in line '
                              f'{lines[name]}; remove one')
        lines[name] = line
    return YamlFile(values or {}, lines)


def _names(tree: yaml.Node | None, prefix: str = '') -> Iterator[tuple[str, int]]:
    """Yield the names below a node, nested ones joined by dots, and their lines."""
    if not isinstance(tree, yaml.MappingNode):
        return
    for key, value in tree.value:
        name = f'{prefix}{key.value}'
        yield name, key.start_mark.line + 1
        yield from _names(value, f'{name}.')
