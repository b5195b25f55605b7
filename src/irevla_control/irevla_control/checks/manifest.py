# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks shared by the tests of all packages: style, types, and a complete package.xml."""

from collections.abc import Iterator
import importlib.metadata
import os
from pathlib import Path
import subprocess
import sys
from xml.etree import ElementTree

from irevla_control.checks.imports import first_uses, imported, named, sources_and_tests
from irevla_control.checks.libraries import library_problems

LICENSE = 'Apache-2.0'
# ROS packages in Python that the ament index does not list if they are installed from wheels.
_UNLISTED = {
    'launch',
    'launch_ros',
    'launch_testing',
    'launch_testing_ros',
    'launch_xml',
    'launch_yaml',
    'ros2launch',
    'rosidl_runtime_py',
}
_USED_AT_RUN_TIME = ('depend', 'exec_depend')


def lint_problems(package_folder: Path) -> str:
    """Return the findings of ruff's linter and formatter for a package, or ''."""
    found = ''
    for options in (['check', '--output-format', 'concise'], ['format', '--check']):
        done = subprocess.run(
            [sys.executable, '-m', 'ruff', *options, '--quiet', '--no-cache', package_folder],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            found += done.stdout + done.stderr
    return found


def type_problems(root: Path) -> str:
    """Return mypy's findings in the repository, with the settings of pyproject.toml, or ''.

    A second run takes a second, because mypy's cache is in the repository.
    """
    done = subprocess.run(
        [sys.executable, '-m', 'mypy', '--no-error-summary'],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=240,
    )
    return '' if done.returncode == 0 else done.stdout + done.stderr


def check_manifest(package_folder: Path) -> str:
    """Return the problems of the manifest of an installed Python package, '' if there are none.

    Every ROS package that a source imports must be declared, and every declared one imported, or
    named in a string ('pkg' alone, or as in 'pkg/msg/Type'). setup.py must require every library
    that is imported, and package.xml has its rosdep key, if there is one. Entry points must load,
    and each <name>_node.py must have one.
    """
    manifest = ElementTree.parse(package_folder / 'package.xml').getroot()
    name = manifest.findtext('name', '')
    problems = [
        *_header_problems(manifest),
        *_dependency_problems(manifest, package_folder, name),
        *library_problems(manifest, package_folder, _ros_packages() | {name}),
        *_installation_problems(manifest, package_folder, name),
    ]
    return '\n'.join(problems)


def _header_problems(manifest: ElementTree.Element) -> Iterator[str]:
    if manifest.get('format') != '3':
        yield f'package.xml has format {manifest.get("format")!r}; 3 is needed'
    if manifest.findtext('license') != LICENSE:
        yield f'package.xml has licence {manifest.findtext("license")!r}; {LICENSE} is needed'
    if manifest.findtext('export/build_type') != 'ament_python':
        yield 'package.xml exports no build_type ament_python'


def _dependency_problems(manifest: ElementTree.Element, folder: Path, name: str) -> Iterator[str]:
    declared = [
        (each.tag, (each.text or '').strip()) for each in manifest if each.tag.endswith('depend')
    ]
    run_time = {key for tag, key in declared if tag in _USED_AT_RUN_TIME}
    anywhere = {key for _, key in declared}
    for key in sorted(anywhere):
        if len([tag for tag, other in declared if other == key]) > 1:
            yield f'{key} is declared more than once'
    packages = _ros_packages() | {key for key in anywhere if not key.startswith('python3-')}
    shipped, tests = sources_and_tests(folder)
    for package, file in first_uses(shipped, imported, packages - run_time - {name}).items():
        yield f'{file.relative_to(folder)} imports {package}; declare it as exec_depend'
    undeclared = packages - anywhere - {name} - first_uses(shipped, imported, packages).keys()
    for package, file in first_uses(tests, imported, undeclared).items():
        yield f'{file.relative_to(folder)} imports {package}; declare it as test_depend'
    for package in sorted(packages & run_time - first_uses(shipped, named, packages).keys()):
        yield f'{package} is declared for run time, but only tests or no files use it'
    for package in sorted(
        packages & (anywhere - run_time) - first_uses(shipped + tests, named, packages).keys()
    ):
        yield f'{package} is declared for tests, but no file uses it'


def _installation_problems(
    manifest: ElementTree.Element, folder: Path, name: str
) -> Iterator[str]:
    try:
        installed = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        yield f'{name} is not installed; build it first'
        return
    if installed.version != manifest.findtext('version'):
        yield f'setup.py has version {installed.version}, package.xml another'
    if installed.metadata['License'] != LICENSE:
        yield f'setup.py has licence {installed.metadata["License"]}; {LICENSE} is needed'
    scripts = {
        each.name: each for each in installed.entry_points if each.group == 'console_scripts'
    }
    for script, entry_point in scripts.items():
        try:
            entry_point.load()
        except (ImportError, AttributeError) as error:
            yield f'entry point {script} = {entry_point.value} does not load: {error}'
    for file in sorted((folder / name).rglob('*_node.py')):
        if file.stem not in scripts:
            yield f'{file.name} has no entry point {file.stem}; add it to setup.py, and build'


def _ros_packages() -> set[str]:
    """Return the names of all ROS packages, including those that the ament index does not list."""
    indices = [
        Path(prefix) / 'share' / 'ament_index' / 'resource_index' / 'packages'
        for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
        if prefix
    ]
    return _UNLISTED | {
        file.name for index in indices if index.is_dir() for file in index.iterdir()
    }
