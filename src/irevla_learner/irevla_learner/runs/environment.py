# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The machine and the software versions of a result."""

import importlib.metadata
import os
from pathlib import Path
import platform

_LIBRARIES = ('torch', 'transformers', 'metaworld', 'mujoco')


def environment_facts() -> dict[str, str | int | None]:
    """Return facts by name as JSON values; None: not installed or unknown."""
    return {
        'python': platform.python_version(),
        **{name: _version(name) for name in _LIBRARIES},
        'ros_distro': os.environ.get('ROS_DISTRO'),
        'rmw': os.environ.get('RMW_IMPLEMENTATION'),
        'os': _os_name(),
        'cpu': _cpu_name(),
        'cores': len(os.sched_getaffinity(0)),
    }


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()['PRETTY_NAME']
    except (OSError, KeyError):
        return platform.platform()


def _cpu_name() -> str:
    """Return the CPU model from Linux, else the architecture."""
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
