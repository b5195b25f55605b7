# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks a params file against the started nodes: no key of it may be without effect."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from irevla_control.errors import ConfigError
from irevla_control.parameters.blocks import Block, Entry
from irevla_control.parameters.parameter import (
    RCLPY_PARAMETERS,
    Table,
    alternative,
    fitted,
    likeness,
    nearest,
    shown,
)

# The tables of nodes, by full name: /ns/node.
Nodes = Mapping[str, Table]
# Similarity from which a name may be a misspelling of another, such as franka_node of franka.
ALIKE = 0.7
# Former names of nodes.
RENAMED_NODES = {'metaworld': 'simulator'}


def file_problems(path: Path, blocks: Sequence[Block], nodes: Nodes) -> list[str]:
    """Return the problems of a file's blocks for the nodes to start, one line for each.

    A block must match a node, including its namespace. Each of its keys must be declared by a
    node that it matches.
    """
    problems = []
    for block in blocks:
        matched = {name: table for name, table in nodes.items() if block.matches(name)}
        if not matched:
            problems.append(
                f'{path}:{block.line}: block {block.name} matches no node that is '
                f'started: {", ".join(nodes)}; {_instead(block, nodes)}'
            )
            continue
        for entry in block.entries:
            problems += [
                f'{path}:{entry.line}: {block.name} {entry.name}: {problem}'
                for problem in _entry_problems(entry, matched, nodes)
            ]
    return problems


def given_to(node: str, table: Table, blocks: Sequence[Block]) -> dict[str, Any]:
    """Return the values of a node's declared parameters in a file; the last block counts.

    Raises:
        ConfigError: a value is invalid; `file_problems` gives its place.

    """
    return {
        entry.name: fitted(table, entry.name, entry.value)
        for block in blocks
        if block.matches(node)
        for entry in block.entries
        if entry.name in table or entry.name in RCLPY_PARAMETERS
    }


def missed(path: Path, blocks: Sequence[Block], node: str) -> str:
    """Return which block of a file does not match a node although its name is similar, or ''."""
    if any(block.node and block.matches(node) for block in blocks):
        return ''
    name = node.rpartition('/')[2]
    for block in blocks:
        if block.node and likeness(block.node, name) >= ALIKE:
            return (
                f'{path}:{block.line}: block {block.name} does not match this node, {node}; '
                f'name it {node} or /**/{name}'
            )
    return ''


def _entry_problems(entry: Entry, matched: Nodes, nodes: Nodes) -> list[str]:
    declaring = [table for table in matched.values() if entry.name in table]
    if not declaring and entry.name not in RCLPY_PARAMETERS:
        others = [name for name, table in nodes.items() if entry.name in table]
        known = [key for table in matched.values() for key in table]
        return [
            f'{shown(entry.value)}: {" or ".join(matched)} has no such parameter; '
            + (f'{", ".join(others)} has it' if others else alternative(entry.name, known))
        ]
    problems = []
    for table in declaring or [RCLPY_PARAMETERS]:
        try:
            fitted(table, entry.name, entry.value)
        except ConfigError as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def _instead(block: Block, nodes: Nodes) -> str:
    """Return which node to name: under its new name, else the nearest."""
    if not block.node:
        return f'the nearest is {nearest(block.name, nodes)}'
    new = RENAMED_NODES.get(block.node)
    if any(name.rpartition('/')[2] == new for name in nodes):
        return f'node {block.node} is now {new}'
    found = max(
        nodes,
        key=lambda name: (
            likeness(block.node, name.rpartition('/')[2]),
            likeness(block.name, name),
        ),
    )
    return f'the nearest is {found}'
