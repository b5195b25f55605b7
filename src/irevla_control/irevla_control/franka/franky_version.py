# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which franky fits which robot, and what to install when the installed one does not."""

import importlib.metadata
import re

# Its wheels, one index for each version of the robot's server (docs/hardware.md has the table).
INDEX = 'https://timschneider42.github.io/franky/whl/by-robot-server-version'
# The first version with the impedance controller that the suite uses.
LEAST = '2.0.0'
NEEDED = ('CartesianImpedanceTracker', 'PostureTask', 'TorqueStopMotion', 'MotionReuseException')
_VERSIONS = re.compile(r'server version: (\d+), library version: (\d+)')


def remedy(server: int | str) -> str:
    """Return the command that installs the franky for a version of the robot's server."""
    return (f"make setup FRANKY='franky-control=={LEAST} --index-url {INDEX}/{server}/' "
            '(docs/hardware.md#which-franky-for-which-robot)')


def mismatch(text: str) -> str:
    """Return what libfranka's error means if it names two versions of the protocol, else ''."""
    found = _VERSIONS.search(text)
    if not found:
        return ''
    server, library = found.groups()
    return (f'its server speaks version {server} of the protocol, the installed franky '
            f'{installed()} version {library}. Install the one for it: {remedy(server)}')


def lacking(module: object) -> str:
    """Return what an installed franky is too old for, else ''."""
    missing = [name for name in NEEDED if not hasattr(module, name)]
    if not missing:
        return ''
    return (f'the installed franky {installed()} lacks {", ".join(missing)}; version {LEAST} or '
            f'newer is needed, for your robot: {remedy("VERSION")}')


def installed() -> str:
    """Return the version of the installed franky, with its libfranka where its wheel says so."""
    try:
        return importlib.metadata.version('franky-control')
    except importlib.metadata.PackageNotFoundError:
        return '(of unknown version)'
