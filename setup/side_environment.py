# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Install packages that conflict with the suite's into an environment of their own.

`python setup/side_environment.py NAME` installs NAME.lock into the folder .NAME; a second run does
nothing.
"""

import hashlib
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

SETUP = Path(__file__).resolve().parent
# What each environment is for.
ENVIRONMENTS = {
    'peers': 'sbx and TorchRL, which `make bench` measures beside',
    'franka-sim': 'a second simulator of the robot, for `make test-long`',
}
# Environments that use the torch of `.venv`, whose packages come after their own.
WITH_TORCH = ('peers',)


def fingerprint(lock: Path) -> str:
    """Return a hash of all that defines the content of an environment."""
    content = lock.read_bytes() + Path(__file__).read_bytes() + sys.version.encode()
    return hashlib.sha256(content).hexdigest()


def run(name: str, *command: object) -> None:
    """Run a command; end the program with its name if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words).returncode:
        sys.exit(f'{name}: this command failed: {" ".join(words)}')


def install(name: str) -> None:
    """Install everything in the lock of an environment; to be run by the Python of `.venv`."""
    lock, folder = SETUP / f'{name}.lock', SETUP.parent / f'.{name}'
    stamp = folder / '.installed'
    if stamp.is_file() and stamp.read_text() == fingerprint(lock):
        return
    print(f'{name}: {ENVIRONMENTS[name]}', flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    base = getattr(sys, '_base_executable', sys.executable)
    run(name, base, '-m', 'venv', '--without-pip', folder)
    uv = Path(sys.executable).with_name('uv')
    target = ('--python', folder / 'bin/python')
    hashed = ('--no-deps', '--require-hashes', '-r', lock)
    run(name, uv, '--system-certs', 'pip', 'install', '--quiet', *target, *hashed)
    if name in WITH_TORCH:
        packages = next((folder / 'lib').glob('python*/site-packages'))
        (packages / 'torch.pth').write_text(sysconfig.get_path('purelib') + '\n')
    # colcon must not search this folder for packages.
    (folder / 'COLCON_IGNORE').touch()
    stamp.write_text(fingerprint(lock))


def main() -> None:
    """Install the environment that the command line names."""
    names = sys.argv[1:]
    if len(names) != 1 or names[0] not in ENVIRONMENTS:
        sys.exit(f'usage: python setup/side_environment.py {"|".join(ENVIRONMENTS)}')
    install(names[0])


if __name__ == '__main__':
    main()
