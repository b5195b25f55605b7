# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS params file as data: blocks of parameters for the nodes that match a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any

import yaml

from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter import shown

PARAMETERS_KEY = 'ros__parameters'
_NAME = re.compile(r'(/(\w+|\*{1,2}))+', re.ASCII)


@dataclass(frozen=True)
class Entry:
    """A parameter in a block: name (nested names joined by dots), value and line."""

    name: str
    value: Any
    line: int


@dataclass(frozen=True)
class Block:
    """Parameters for the nodes that match a name.

    Attributes:
        name: as /ns/node, where `*` matches one part and `**` any number of parts.
        line: line in the file.
        entries: the parameters, in order.

    """

    name: str
    line: int
    entries: tuple[Entry, ...]

    def matches(self, node: str) -> bool:
        """Return whether the block applies to a node, given by its full name."""
        pattern = self.name.replace('/**', r'(/\w+)@').replace('/*', r'/\w+').replace('@', '*')
        return re.fullmatch(pattern, node, re.ASCII) is not None

    @property
    def node(self) -> str:
        """The node's name without namespace; '' if any name matches."""
        last = self.name.rpartition('/')[2]
        return '' if '*' in last else last


class _Loader(yaml.SafeLoader):
    """Reads numbers as ROS does: 1e-3 is a number."""


_Loader.add_implicit_resolver(
    'tag:yaml.org,2002:float', re.compile(r'[-+]?\d+(\.\d*)?[eE][-+]?\d+$'), list('-+0123456789')
)
# launch_ros writes lists with this tag.
_Loader.add_constructor(
    'tag:yaml.org,2002:python/tuple',
    lambda loader, tree: loader.construct_sequence(tree, deep=True),
)


def read_blocks(path: Path) -> list[Block]:
    """Read a params file.

    Raises:
        ConfigError: parts that ROS could not read or would silently ignore, one line for each.

    """
    reader = _Reader(path)
    try:
        text = path.read_text()
        alias = next(
            (event for event in yaml.parse(text) if isinstance(event, yaml.AliasEvent)), None
        )
        root = None if alias else yaml.compose(text, Loader=_Loader)
        blocks = list(reader.blocks(root, '', 1)) if root is not None else []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: {error}') from error
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, 'problem_mark', None)
        raise ConfigError(
            f'{path}:{mark.line + 1 if mark else 1}: not YAML: '
            f'{getattr(error, "problem", None) or error}'
        ) from error
    if alias is not None:
        raise ConfigError(
            f'{path}:{alias.start_mark.line + 1}: ROS allows no aliases; write the '
            f'value instead of *{alias.anchor}'
        )
    if reader.problems:
        raise ConfigError('\n'.join(reader.problems))
    return blocks


def read_value(text: str) -> Any:
    """Read a value from the command line.

    Raises:
        ConfigError: ROS could not read the value.

    """
    try:
        value = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        reason = getattr(error, 'problem', None) or error
        raise ConfigError(f'{text}: not YAML: {reason}') from error
    problem = _value_problem(value)
    if problem:
        raise ConfigError(f'{shown(value)}: {problem}')
    return value


class _Reader:
    """Reads the tree of a file and collects its problems."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loader = _Loader('')
        self.problems: list[str] = []

    def blocks(self, tree: yaml.Node, name: str, line: int) -> Iterator[Block]:
        """Yield the blocks under the name of a node or namespace, whose line is given."""
        if not isinstance(tree, yaml.MappingNode) or not tree.value:
            self._note(
                tree,
                f'{name or "the file"} has {self._shown(tree)}; expected '
                f'names of nodes, under each `{PARAMETERS_KEY}:`',
            )
            return
        for key, value, its_line in self._items(tree, name):
            if key == PARAMETERS_KEY and name:
                yield Block(name, line, tuple(self._entries(value, name, '')))
                continue
            path = f'{name}/{key.removeprefix("/") if not name else key}'
            if not isinstance(value, yaml.MappingNode) and name:
                self._note(
                    value,
                    f'{name} {key}: {self._shown(value)}: is outside '
                    f'`{PARAMETERS_KEY}:`; write it under that',
                )
            elif not _NAME.fullmatch(path):
                self._note(
                    value, f'{key!r} cannot name a node; expected a name such as /**/franka'
                )
            else:
                yield from self.blocks(value, path, its_line)

    def _entries(self, tree: yaml.Node, name: str, prefix: str) -> Iterator[Entry]:
        if not isinstance(tree, yaml.MappingNode):
            self._note(
                tree,
                f'{name} {prefix or PARAMETERS_KEY}: {self._shown(tree)}: expected '
                'parameters, each as `name: value`',
            )
            return
        for key, value, line in self._items(tree, f'{name} {prefix}'.rstrip()):
            key = f'{prefix}.{key}' if prefix else key
            if isinstance(value, yaml.MappingNode):
                yield from self._entries(value, name, key)
                continue
            found = self._loader.construct_object(value, deep=True)
            problem = _value_problem(found)
            if problem:
                self._note(value, f'{name} {key}: {shown(found)}: {problem}')
            else:
                yield Entry(key, found, line)

    def _items(self, tree: yaml.MappingNode, where: str) -> Iterator[tuple[str, yaml.Node, int]]:
        """Yield keys, values and lines; a key given twice is a problem."""
        seen: dict[str, int] = {}
        for key, value in tree.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                self._note(
                    key,
                    f'{where} {name}: given twice, first in line {seen[name]}; '
                    'only one would count',
                )
                continue
            seen[name] = line
            yield name, value, line

    def _shown(self, tree: yaml.Node) -> str:
        return shown(self._loader.construct_object(tree, deep=True))

    def _note(self, tree: yaml.Node, problem: str) -> None:
        self.problems.append(f'{self._path}:{tree.start_mark.line + 1}: {problem}')


def _value_problem(value: Any) -> str:
    """Return why ROS could not read a parameter from a value, or ''."""
    if value is None:
        return 'has no value'
    if not isinstance(value, list):
        return ''
    kinds = {type(item) for item in value}
    if kinds == {int, float}:
        return (
            'whole numbers are mixed with others; expected '
            f'{shown([float(item) for item in value])}'
        )
    if len(kinds) > 1 or list in kinds:
        return 'a list of mixed types; expected one type for all, text in quotes'
    return '' if value else 'an empty list; expected at least one value ("" for no text)'
