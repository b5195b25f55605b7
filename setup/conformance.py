# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Install the environment of `make conformance` into .conformance; a second run does nothing.

The environment has the versions of conformance.lock, Python 3.12 and no ROS; the suite's sources
are on its path.
"""

from collections.abc import Iterator
import hashlib
import os
from pathlib import Path
import platform
import shutil
import subprocess
import sys

SETUP = Path(__file__).resolve().parent
ROOT = SETUP.parent
VENV = ROOT / '.conformance'
STAMP = VENV / '.installed'
LOCK = SETUP / 'conformance.lock'
WANTED = '3.12'
# Packages of the suite that can be imported without ROS, and the small models of their tests.
SOURCES = ('src/irevla_control', 'src/irevla_policy', 'src/irevla_policy/test')
# Free disk space for the installed packages, and for their wheels while pip runs [bytes].
ROOM = 10 * 10**9


def pythons() -> Iterator[str]:
    """Yield interpreters that may be Python 3.12, the present one first."""
    yield sys.executable
    yield from filter(None, [shutil.which(f'python{WANTED}')])
    yield from map(str, sorted(Path.home().glob(f'.pyenv/versions/{WANTED}.*/bin/python')))


def find_python() -> str:
    """Return the first Python 3.12 that runs and has venv; end the program without one."""
    code = (
        'import ensurepip, sys, venv; '
        'print(getattr(sys, "_base_executable", sys.executable), *sys.version_info[:2])'
    )
    for python in pythons():
        found = subprocess.run([python, '-c', code], capture_output=True, text=True)
        path, _, version = found.stdout.strip().partition(' ')
        if version == WANTED.replace('.', ' '):
            return path
    sys.exit(
        f'conformance: Python {WANTED} with venv is needed (LeRobot needs it), and '
        f'none was found; install python{WANTED} and python{WANTED}-venv, or name one: '
        f'`make conformance PYTHON=/path/to/python{WANTED}`'
    )


def fingerprint() -> str:
    """Return a hash of all files that define the content of the environment."""
    return hashlib.sha256(LOCK.read_bytes() + Path(__file__).read_bytes()).hexdigest()


def main() -> None:
    """Install everything in the lock."""
    if STAMP.is_file() and STAMP.read_text() == fingerprint():
        return
    if (sys.platform, platform.machine()) != ('linux', 'x86_64'):
        sys.exit(
            f'conformance: this is {sys.platform} on {platform.machine()}, the lock is '
            'for linux on x86_64; run it there'
        )
    python = find_python()
    shutil.rmtree(VENV, ignore_errors=True)
    free = shutil.disk_usage(ROOT).free
    if free < ROOM:
        sys.exit(
            f'conformance: {free / 1e9:.0f} GB are free in {ROOT}, {ROOM / 1e9:.0f} GB are '
            'needed; make room'
        )
    print(f'conformance: environment of {python}; several GB are downloaded once', flush=True)
    own = VENV / 'bin' / 'python'
    # With PYTHONPATH of a sourced ROS its packages would come before those of the lock.
    clean = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    commands: list[list[str | Path]] = [
        [python, '-m', 'venv', VENV],
        [
            own,
            '-m',
            'pip',
            '--disable-pip-version-check',
            'install',
            '-qq',
            '--no-deps',
            '--require-hashes',
            '-r',
            LOCK,
        ],
    ]
    for command in commands:
        if subprocess.run(command, env=clean).returncode:
            sys.exit(f'conformance: this command failed: {" ".join(map(str, command))}')
    packages = next((VENV / 'lib').glob('python*/site-packages'))
    (packages / 'irevla.pth').write_text(''.join(f'{ROOT / each}\n' for each in SOURCES))
    # colcon must not search this folder for packages.
    (VENV / 'COLCON_IGNORE').touch()
    STAMP.write_text(fingerprint())


if __name__ == '__main__':
    main()
