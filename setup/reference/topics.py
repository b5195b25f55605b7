# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of topics and services of each node, from the calls in its sources that create them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from irevla_control.ros import qos
from reference.markdown import code, page, table

INTRODUCTION = (
    'What each node publishes, subscribes to, serves and calls, from the calls in its sources. '
    'Names are relative, so a namespace moves them. `<name>` is the name of a camera. Every node '
    'also publishes `/diagnostics`. '
    'Types: [messages and services](messages.md); parameters: [parameters](parameters.md). '
    'Profiles of the column QoS, from `irevla_control/ros/qos.py`:'
)
# Calls that create an end of a topic or service; the word is that of the table.
KINDS = {
    'create_publisher': 'publishes',
    'create_subscription': 'subscribes',
    'create_service': 'serves',
    'create_client': 'calls',
}
_ORDER = list(KINDS.values())


@dataclass(frozen=True)
class Connection:
    """One end of a topic or service.

    Attributes:
        kind: a value of KINDS.
        name: of the topic or service, '' where it is known at run time only.
        interface: name of the type.
        qos: name of the profile, '' for services.

    """

    kind: str
    name: str
    interface: str
    qos: str = ''


def topic_page(roots: list[Path]) -> str:
    """Return the page of the nodes under some folders of packages."""
    nodes = sorted(
        (file for root in roots for file in root.rglob('*_node.py') if 'test' not in file.parts),
        key=lambda file: file.stem,
    )
    introduction = f'{INTRODUCTION}\n\n{profiles()}'
    return page('Topics and services', introduction, (_node(file, roots) for file in nodes))


def profiles() -> str:
    """Return the table of the QoS profiles."""
    return table(
        ('profile', 'reliability', 'durability', 'newest messages kept'),
        (
            (
                code(name),
                profile.reliability.name.lower().replace('_', ' '),
                profile.durability.name.lower().replace('_', ' '),
                str(profile.depth),
            )
            for name, profile in vars(qos).items()
            if isinstance(profile, type(qos.COMMAND))
        ),
    )


def connections(file: Path, roots: list[Path]) -> list[Connection]:
    """Return what a node's module connects to, with the modules of the suite that it uses.

    These are base classes in other node modules, and helpers in a folder `ros`.
    """
    tree = ast.parse(file.read_text())
    found = list(_created(tree))
    for module, names in _imported(tree):
        helper = next(
            (
                path
                for root in roots
                if (path := root / f'{module.replace(".", "/")}.py').is_file()
            ),
            None,
        )
        if helper is None or helper.stem == 'diagnostics':
            continue
        if helper.stem.endswith('_node') and _bases(tree) & names:
            found += connections(helper, roots)
        elif helper.parent.name == 'ros' and helper.stem != 'node':
            found += _created(ast.parse(helper.read_text()), names)
    named = {one for one in found if one.name}
    return sorted(named, key=lambda one: (_ORDER.index(one.kind), one.name, one.interface))


def _node(file: Path, roots: list[Path]) -> tuple[str, str]:
    tree = ast.parse(file.read_text())
    about = (ast.get_docstring(tree) or '').split('\n\n')[0]
    rows = (
        [one.kind, code(one.name), code(one.interface), one.qos]
        for one in connections(file, roots)
    )
    if any(not one.name for one in _created(tree)):
        about += ' It also subscribes to topics that are known at run time only.'
    return file.stem.removesuffix('_node'), f'{about}\n\n' + table(
        ['', 'name', 'type', 'QoS'], rows
    )


def _created(tree: ast.AST, classes: set[str] | None = None) -> Iterator[Connection]:
    """Yield what the calls in a module, or in some of its classes, create."""
    parts = (
        [tree]
        if classes is None
        else [
            part
            for part in ast.walk(tree)
            if isinstance(part, ast.ClassDef) and part.name in classes
        ]
    )
    for part in parts:
        for call in ast.walk(part):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                kind = KINDS.get(call.func.attr)
                if kind:
                    yield _connection(kind, call)


def _connection(kind: str, call: ast.Call) -> Connection:
    interface, name = (_text(each) for each in call.args[:2])
    given = {each.arg: each.value for each in call.keywords}
    profile = given.get('qos_profile')
    if profile is None and kind == 'publishes':
        profile = call.args[2]
    elif profile is None and kind == 'subscribes':
        profile = call.args[3]
    return Connection(kind, name, interface, _text(profile) if profile else '')


def _text(node: ast.expr) -> str:
    """Return a name or text in the sources as the table shows it, '' for a variable name."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return ''.join(
            str(part.value) if isinstance(part, ast.Constant) else '<name>' for part in node.values
        )
    if isinstance(node, ast.IfExp):
        return f'{_text(node.body)} or {_text(node.orelse)}'
    return node.id if isinstance(node, ast.Name) and node.id[0].isupper() else ''


def _imported(tree: ast.AST) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, {each.name for each in node.names}


def _bases(tree: ast.AST) -> set[str]:
    return {
        base.id
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if isinstance(base, ast.Name)
    }
