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
    """What a file contains.

    Attributes:
        values: by name; nested mappings as dictionaries.
        lines: of the file, from 1, by the names that lead there.

    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)

    def line(self, name: str) -> str:
        """Return ':' and the line of a name, as 'a.b', or of the section around it; or ''."""
        joined = {'.'.join(path): line for path, line in self.lines.items()}
        while name and name not in joined:
            name = name.rpartition('.')[0]
        return f':{joined[name]}' if name else ''


def read_yaml(path: Path, what: str) -> YamlFile:
    """Read a YAML file; ``what`` it is begins an error's message.

    Raises:
        ConfigError: the file cannot be read, is no mapping, has a name twice, or a part that
            contains itself.

    """
    path = Path(path)
    try:
        text = path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{what} {path} cannot be read: {one_line(error)}') from error
    try:
        values, tree = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError as error:
        raise ConfigError(f'{what} {path}: nested too deeply; write it flat') from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, 'problem_mark', None)
        raise ConfigError(
            f'{what} {path}:{mark.line + 1 if mark else 1}: no YAML: '
            f'{getattr(error, "problem", None) or one_line(error)}'
        ) from error
    if values is not None and not isinstance(values, dict):
        raise ConfigError(f'{what} {path} must be "name: value" lines')
    lines: dict[tuple[str, ...], int] = {}
    for names, line in _names(tree, f'{what} {path}'):
        if names in lines:
            raise ConfigError(
                f'{what} {path}:{line}: {".".join(names)} is there twice, first in '
                f'line {lines[names]}; remove one'
            )
        lines[names] = line
    return YamlFile(values or {}, lines)


def _names(
    node: yaml.Node | None,
    file: str,
    above: tuple[str, ...] = (),
    around: tuple[yaml.Node, ...] = (),
) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the names below a node, each after those that lead to it, and their lines.

    Args:
        node: whose names.
        file: begins an error's message.
        above: names that lead to the node.
        around: nodes that hold the node.

    Raises:
        ConfigError: an alias of a part within that part.

    """
    if not isinstance(node, yaml.CollectionNode):
        return
    if any(node is outer for outer in around):
        raise ConfigError(
            f'{file}:{node.start_mark.line + 1}: {".".join(above)} contains '
            'itself through an alias (*); write it out'
        )
    around += (node,)
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            # Names in a list may come in each of its items.
            for _ in _names(item, file, above, around):
                pass
        return
    for key, value in node.value:
        names = (*above, str(key.value))
        yield names, key.start_mark.line + 1
        yield from _names(value, file, names, around)
