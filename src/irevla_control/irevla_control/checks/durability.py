# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks shared by the tests of all packages: files are synced before they are renamed.

Only `irevla_control.files` renames and locks files.
"""

import ast
from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

_HOME = 'files.py'


@contextmanager
def durable_replaces(*targets: Path) -> Iterator[None]:
    """Fail unless the block creates all of these files and folders by durable renames.

    A file, or a folder with all its contents, must be synced before the rename, and its parent
    folder afterwards. Only calls of Python's `os` are detected.
    """
    synced: set[tuple[int, int]] = set()
    came: set[Path] = set()
    unsynced: set[Path] = set()
    fsync, replace = os.fsync, os.replace

    def watched_fsync(descriptor: int) -> None:
        fsync(descriptor)
        found = os.fstat(descriptor)
        synced.add((found.st_dev, found.st_ino))
        unsynced.difference_update(
            [folder for folder in unsynced if os.path.samestat(found, folder.stat())]
        )

    def watched_replace(source: Path, target: Path, **more: int) -> None:
        source, target = Path(source), Path(target)
        late = [
            path
            for path in (source, *source.rglob('*'))
            if (path.stat().st_dev, path.stat().st_ino) not in synced
        ]
        if target in targets:
            assert not late, f'{late} renamed to {target} before it was on the disk'
            came.add(target)
            unsynced.add(target.parent)
        replace(source, target, **more)

    with mock.patch.multiple(
        os, fsync=watched_fsync, replace=watched_replace, rename=watched_replace
    ):
        yield
    assert came == set(targets), f'{set(targets) - came} did not come by a rename'
    assert not unsynced, f'the entries of {unsynced} are not on the disk'


def own_file_handling(package_folder: Path) -> str:
    """Return the places where a package renames or locks files itself, or ''."""
    name = ElementTree.parse(package_folder / 'package.xml').getroot().findtext('name', '')
    return '\n'.join(
        f'{file.relative_to(package_folder)}:{line} {what}; use irevla_control.files'
        for file in sorted((package_folder / name).rglob('*.py'))
        if file != package_folder / 'irevla_control' / _HOME
        for line, what in _own(ast.parse(file.read_text()))
    )


def _own(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(each.name == 'fcntl' for each in node.names):
            yield node.lineno, 'imports fcntl'
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ''
        # A path's methods have one argument; str.replace has two, dataclasses.replace keywords.
        one = len(node.args) == 1 and not node.keywords
        if node.func.attr in ('replace', 'rename', 'renames', 'move') and (
            owner in ('os', 'shutil') or (one and node.func.attr in ('replace', 'rename'))
        ):
            yield node.lineno, f'calls {ast.unparse(node.func)}'
