# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""All pages of the site in a folder: those of docs/, and the reference made from the sources."""

from collections.abc import Callable
from pathlib import Path
import shutil
from typing import Any

import yaml

from reference.api import api_page
from reference.commands import command_page
from reference.interfaces import interface_page
from reference.launch_files import launch_page
from reference.links import for_site
from reference.parameters import node_names, parameter_page
from reference.settings import files, settings_page
from reference.topics import topic_page

ROOT = Path(__file__).resolve().parents[2]
# Folders that contain the suite's Python packages.
PACKAGES = [
    ROOT / folder
    for folder in (
        'src/irevla_control',
        'src/irevla_policy',
        'src/irevla_learner',
        'sim',
        'launch',
    )
]
REFERENCE: dict[str, Callable[[], str]] = {
    'reference/messages.md': lambda: interface_page(ROOT / 'src/irevla_msgs'),
    'reference/topics.md': lambda: topic_page(PACKAGES),
    'reference/launch.md': lambda: launch_page(ROOT / 'launch'),
    'reference/parameters.md': parameter_page,
    'reference/settings.md': lambda: settings_page(ROOT / 'config'),
    'reference/commands.md': lambda: command_page(PACKAGES),
    'reference/api.md': api_page,
}


def write_pages(folder: Path) -> None:
    """Write every page of the site, and its images and data, to a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = site_pages()
    for path in (*_docs(), 'CONTRIBUTING.md', 'CHANGELOG.md'):
        target = folder / pages[path]
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.endswith('.md'):
            target.write_text(for_site((ROOT / path).read_text(), path, pages))
        else:
            shutil.copy(ROOT / path, target)
    for page, make in REFERENCE.items():
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(for_site(make(), f'docs/{page}', pages))


def site_pages() -> dict[str, str]:
    """Return the page or file of the site for each path in the repository that has one."""
    return {
        **{path: path.removeprefix('docs/') for path in _docs()},
        **{f'docs/{page}': page for page in REFERENCE},
        'README.md': 'index.md',
        'CONTRIBUTING.md': 'contributing.md',
        'CHANGELOG.md': 'changelog.md',
        'config': 'reference/settings.md',
        **{f'config/{node}.yaml': f'reference/parameters.md#{node}' for node in node_names()},
        **{
            f'config/{name}': f'reference/settings.md#{_anchor(name)}'
            for name in files(ROOT / 'config')
        },
        'config/presets': 'reference/settings.md',
        'launch': 'reference/launch.md',
        'src/irevla_msgs': 'reference/messages.md',
    }


def navigation(file: Path) -> list[str]:
    """Return the pages that the navigation of mkdocs.yml lists."""
    return list(_pages(yaml.safe_load(file.read_text())['nav']))


def _docs() -> list[str]:
    """Return the files of docs/, relative to the repository."""
    files_ = (file for file in sorted((ROOT / 'docs').rglob('*')) if file.is_file())
    return [str(file.relative_to(ROOT)) for file in files_]


def _pages(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in _pages(part)]


def _anchor(name: str) -> str:
    return f'config{name}'.replace('/', '').replace('.', '')
