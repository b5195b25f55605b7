# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The imports of a package's sources and tests, and the names in their strings."""

import ast
from collections.abc import Callable, Collection, Iterator
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
    files: list[Path], uses: Callable[[ast.AST], Iterator[str]], names: Collection[str]
) -> dict[str, Path]:
    """Return the names that the files use, each with the first file that uses it."""
    return {
        name: file
        for file in reversed(files)
        for name in uses(ast.parse(file.read_text()))
        if name in names
    }


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level packages of all imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split('.')[0]


def named(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level packages of all imports, and the possible package names in strings."""
    yield from imported(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.split('/')[0]
