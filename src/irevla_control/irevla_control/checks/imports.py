# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The imports of a package's sources and tests, and the names in their strings."""

import ast
from collections.abc import Callable, Collection, Iterable
from functools import cache
from pathlib import Path


def sources_and_tests(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return a package's Python files and those of its tests, without setup.py."""
    shipped: list[Path] = []
    tests: list[Path] = []
    for file in sorted(folder.rglob('*.py')):
        if file.name != 'setup.py':
            (tests if 'test' in file.relative_to(folder).parts else shipped).append(file)
    return shipped, tests


def first_uses(
    files: list[Path], uses: Callable[[str], Iterable[str]], names: Collection[str]
) -> dict[str, Path]:
    """Return the names that the files' sources use, each with the first file that uses it."""
    return {
        name: file for file in reversed(files) for name in uses(file.read_text()) if name in names
    }


def imported(source: str) -> frozenset[str]:
    """Return the top-level packages of all imports of a source."""
    return _names(source)[0]


def named(source: str) -> frozenset[str]:
    """Return the top-level packages of all imports, and the possible package names in strings."""
    return frozenset.union(*_names(source))


@cache
def _names(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the packages of imports, and possible ones in strings; parsing takes the time."""
    imports, strings = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imports |= {alias.name.split('.')[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imports.add(node.module.split('.')[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value.split('/')[0])
    return frozenset(imports), frozenset(strings)
