# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the versions of Python and of what the suite is built on, against the pins."""

from collections.abc import Mapping
import importlib.metadata
from pathlib import Path
import re
import sys

from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, warning

PYTHONS = ((3, 10), (3, 11), (3, 12))
# The Python of each release of ROS that is installed from packages.
OF_ROS = {'humble': (3, 10), 'jazzy': (3, 12)}
# Requirements that a system ROS has in their place.
FROM_ROS = 'ros-'


def python(
    environment: Mapping[str, str], version: tuple[int, int] = sys.version_info[:2]
) -> Result:
    """Check that this Python is one of the suite's, and that of a system ROS."""
    found = '.'.join(map(str, version))
    if version not in PYTHONS:
        return problem(f'Python {found}', 'make setup PYTHON=python3.11 (3.10 to 3.12)')
    distro = environment.get('ROS_DISTRO', '')
    of_ros = None if 'IREVLA_ROS_WHEELS' in environment else OF_ROS.get(distro)
    if of_ros and version != of_ros:
        needed = '.'.join(map(str, of_ros))
        return problem(
            f'Python {found}, but ROS 2 {distro} is for {needed}',
            f'make setup PYTHON=python{needed}',
        )
    return ok(f'Python {found}')


def packages(setup: Path, installed: Mapping[str, str]) -> Result:
    """Check that what the suite is built on has the pinned version.

    Args:
        setup: folder of requirements.in and requirements.lock.
        installed: version of each installed package, by its normal name.

    """
    wanted, pins = requirements(setup / 'requirements.in'), pinned(setup / 'requirements.lock')
    if not wanted or not pins:
        return not_applicable('no lock file beside this installation')
    checked = [name for name in wanted if name in pins and not name.startswith(FROM_ROS)]
    missing = [name for name in checked if name not in installed]
    if missing:
        return problem(f'not installed: {", ".join(missing)}', 'make setup')
    # A build for a robot or a device has a local version behind '+'.
    other = [
        f'{name} {installed[name]} (pinned: {" or ".join(sorted(pins[name]))})'
        for name in checked
        if installed[name].partition('+')[0] not in pins[name]
    ]
    if other:
        return warning(f'not tested: {", ".join(other)}', 'make setup')
    return ok(f'{len(checked)} packages have their pinned versions')


def requirements(file: Path) -> list[str]:
    """Return the names of packages in a requirements file."""
    return [_normal(name) for name in re.findall(r'^([A-Za-z0-9._-]+)', _text(file), re.M)]


def pinned(file: Path) -> dict[str, set[str]]:
    """Return the versions of each package in a lock file; some have one for each Python."""
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r'^([A-Za-z0-9._-]+)==([^\s;+]+)', _text(file), re.M):
        pins.setdefault(_normal(name), set()).add(version)
    return pins


def installed_packages() -> dict[str, str]:
    """Return the version of each installed package, by its normal name."""
    found: dict[str, str] = {}
    for each in importlib.metadata.distributions():
        # The first is the one that an import finds.
        found.setdefault(_normal(each.metadata['Name'] or ''), each.version)
    return found


def _normal(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ''
