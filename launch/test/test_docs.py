# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Folders, files and commands that the documentation names exist."""

from importlib.util import find_spec
from pathlib import Path
import re

from irevla_control.checks.structure import crowded_folders

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ('src', 'sim', 'launch', 'benchmarks', 'setup')
# docs/moved.md names files that no longer exist.
TEXTS = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    ROOT / 'Makefile',
    *sorted(ROOT.glob('config/**/*.yaml')),
    *(page for page in sorted(ROOT.glob('docs/*.md')) if page.name != 'moved.md'),
]


def found(pattern):
    """Return (match, file) for each match of a pattern in the documentation."""
    return [
        (name, path.relative_to(ROOT))
        for path in TEXTS
        for name in re.findall(pattern, path.read_text())
    ]


def test_files_that_the_docs_name_exist():
    files = [
        f'/{file.relative_to(ROOT)}' for top in SOURCES for file in (ROOT / top).rglob('*.py')
    ]
    names = found(r'(?<![\w./*])((?:\.\./)?[a-z][\w./]*\.py)\b')
    assert len(names) > 30
    assert [] == [
        (name, where)
        for name, where in names
        if not any(file.endswith(f'/{name.removeprefix("../")}') for file in files)
    ]


def test_commands_that_the_docs_name_exist():
    modules = found(r'-m (irevla_[\w.]*\w)')
    assert len(modules) > 10
    assert [] == [
        (module, where)
        for module, where in modules
        if (spec := find_spec(module)) is None
        or 'import run_moved' in Path(spec.origin).read_text()
    ]


def test_the_architecture_shows_every_folder_and_module():
    tree = re.search(
        r'^```\n(src/irevla_control/.*?)^```',
        (ROOT / 'docs/architecture.md').read_text(),
        re.M | re.S,
    )[1]
    packages = [
        init.parent for top in SOURCES for init in (ROOT / top).rglob('irevla_*/__init__.py')
    ]
    assert len(packages) == 5
    for package in packages:
        own = re.search(rf'^{package.relative_to(ROOT)}/ (.*)\n((  .*\n)*)', tree, re.M)
        assert own, f'{package} is not in the tree of docs/architecture.md'
        listed = {'': own[1], **dict(re.findall(r'^  (\w+)/ (.*)', own[2], re.M))}
        assert set(listed) == {''} | {each.parent.name for each in package.glob('*/__init__.py')}
        for folder, text in listed.items():
            words = re.findall(r'\w+', text)
            hidden = [
                file.stem
                for file in (package / folder).glob('[!_]*.py')
                if file.stem not in words and 'run_moved' not in file.read_text()
            ]
            assert not hidden, f'{package.name}/{folder}: {hidden} not in docs/architecture.md'


def test_no_folder_beside_the_packages_is_crowded():
    assert crowded_folders(ROOT / 'benchmarks') == crowded_folders(ROOT / 'setup') == []
