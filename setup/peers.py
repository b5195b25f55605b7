# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Install what `make bench` measures the learner beside into .peers; a second run does nothing.

The environment has the versions of peers.lock and the torch of `.venv`, whose packages come after
its own.
"""

import hashlib
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

SETUP = Path(__file__).resolve().parent
VENV = SETUP.parent / '.peers'
STAMP = VENV / '.installed'
LOCK = SETUP / 'peers.lock'


def fingerprint() -> str:
    """Return a hash of all files that define the content of the environment."""
    content = LOCK.read_bytes() + Path(__file__).read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def run(*command: object) -> None:
    """Run a command; end the program with its name if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words).returncode:
        sys.exit(f'peers: this command failed: {" ".join(words)}')


def main() -> None:
    """Install everything in the lock; to be run by the Python of `.venv`."""
    if STAMP.is_file() and STAMP.read_text() == fingerprint():
        return
    print('peers: sbx and TorchRL, which `make bench` measures beside', flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    base = getattr(sys, '_base_executable', sys.executable)
    run(base, '-m', 'venv', '--without-pip', VENV)
    uv = Path(sys.executable).with_name('uv')
    target = ('--python', VENV / 'bin/python')
    hashed = ('--no-deps', '--require-hashes', '-r', LOCK)
    run(uv, '--system-certs', 'pip', 'install', '--quiet', *target, *hashed)
    packages = next((VENV / 'lib').glob('python*/site-packages'))
    (packages / 'torch.pth').write_text(sysconfig.get_path('purelib') + '\n')
    # colcon must not search this folder for packages.
    (VENV / 'COLCON_IGNORE').touch()
    STAMP.write_text(fingerprint())


if __name__ == '__main__':
    main()
