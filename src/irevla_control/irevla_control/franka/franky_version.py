# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The franky version that a robot needs, and the remedy when another one is installed."""

import importlib.metadata
import re

# Package indexes of franky, one for each version of the robot's server (see docs/hardware.md).
INDEX = 'https://timschneider42.github.io/franky/whl/by-robot-server-version'
# The first version with the impedance controller that the suite uses.
LEAST = '2.0.0'
NEEDED = ('CartesianImpedanceTracker', 'PostureTask', 'TorqueStopMotion', 'MotionReuseException')
# In the name of the library of a wheel, or at the end of the wheel's version.
_LIBFRANKA = re.compile(r'libfranka\S*?[.-](\d+)\.(\d+)(?:\.\d+)?$')
_VERSIONS = re.compile(r'server version: (\d+), library version: (\d+)')


def remedy(server: int | str) -> str:
    """Return the command that installs franky for a version of the robot's server."""
    return (
        f"make setup FRANKY='franky-control=={LEAST} --index-url {INDEX}/{server}/' "
        '(docs/hardware.md#which-franky-for-which-robot)'
    )


def mismatch(text: str) -> str:
    """Return the explanation of a libfranka error that names two protocol versions, else ''."""
    found = _VERSIONS.search(text)
    if not found:
        return ''
    server, library = found.groups()
    return (
        f'its server uses version {server} of the protocol, the installed franky '
        f'{installed()} uses version {library}; install the matching one: {remedy(server)}'
    )


def missing_features(module: object) -> str:
    """Return which needed classes an installed franky lacks, or ''."""
    missing = [name for name in NEEDED if not hasattr(module, name)]
    if not missing:
        return ''
    return (
        f'the installed franky {installed()} lacks {", ".join(missing)}; version {LEAST} or '
        f'newer is needed, for your robot: {remedy("VERSION")}'
    )


def installed() -> str:
    """Return the version of the installed franky; some wheels add the version of libfranka."""
    try:
        return importlib.metadata.version('franky-control')
    except importlib.metadata.PackageNotFoundError:
        return '(of unknown version)'


def libfranka() -> tuple[int, int] | None:
    """Return major and minor version of the libfranka in the installed franky, if it states it."""
    try:
        files = importlib.metadata.files('franky-control') or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for text in (installed(), *(file.name for file in files)):
        found = _LIBFRANKA.search(text)
        if found:
            return int(found[1]), int(found[2])
    return None
