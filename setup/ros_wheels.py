# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Complete a ROS 2 installed from PyPI wheels: launch, command line, CMake paths."""

from pathlib import Path
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

import numpy

SETUP = Path(__file__).resolve().parent
PREFIX = Path(sys.prefix)
SITE = Path(sysconfig.get_path('purelib'))
SOURCE = 'isaacsim/exts/isaacsim.ros2.core/jazzy/rclpy/'
# Pure-Python Apache-2.0 packages of Open Robotics; the rest of that wheel is not used.
PACKAGES = (
    'composition_interfaces',
    'launch',
    'launch_ros',
    'launch_testing',
    'launch_testing_ros',
    'launch_xml',
    'launch_yaml',
    'osrf_pycommon',
    'ros2cli',
    'ros2node',
    'ros2param',
    'ros2pkg',
    'ros2run',
    'ros2service',
    'ros2topic',
    'rosidl_runtime_py',
)


def extract_tools() -> None:
    """Extract ``PACKAGES`` with their entry points from the wheel pinned in ros-tools.txt."""
    wanted = re.compile(
        re.escape(SOURCE) + rf'((?:{"|".join(PACKAGES)})(?:-[^/]*\.egg-info)?/.*'
        r'|launch_testing_ros_pytest_entrypoint\.py)$'
    )
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable,
                '-m',
                'pip',
                'download',
                '--quiet',
                '--disable-pip-version-check',
                '--no-deps',
                '--require-hashes',
                '--only-binary=:all:',
                '--python-version',
                '3.12',
                '--platform',
                'manylinux_2_35_x86_64',
                '-d',
                folder,
                '-r',
                SETUP / 'ros-tools.txt',
            ],
            check=True,
        )
        with zipfile.ZipFile(next(Path(folder).glob('*.whl'))) as wheel:
            for member in wheel.infolist():
                match = wanted.match(member.filename)
                if match and not member.is_dir():
                    target = SITE / match[1]
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(wheel.read(member))


def install_scripts() -> None:
    """Install the program `ros2`, and `ros2 launch`, which the wheel lacks."""
    subprocess.run(
        [
            PREFIX / 'bin' / 'uv',
            '--system-certs',
            'pip',
            'install',
            '--quiet',
            '--python',
            sys.executable,
            '--no-deps',
            '--no-build-isolation',
            SETUP / 'ros2launch',
        ],
        check=True,
    )
    for name, entry in (('ros2', 'ros2cli.cli'), ('launch_test', 'launch_testing.launch_test')):
        script = PREFIX / 'bin' / name
        script.write_text(
            f'#!{sys.executable}\nimport sys\nfrom {entry} import main\nsys.exit(main())\n'
        )
        script.chmod(0o755)


def repair_cmake() -> None:
    """Replace paths of the build machine in exported CMake files by those of this interpreter."""
    version = f'python{sys.version_info[0]}.{sys.version_info[1]}'
    foreign = re.compile(r'/opt/python/cp3\d+-cp3\d+')
    for path in (PREFIX / 'share').rglob('*.cmake'):
        text = path.read_text()
        if not foreign.search(text):
            continue
        text = re.sub(
            foreign.pattern + rf'/lib/{version}/site-packages/numpy/_?core/include',
            numpy.get_include(),
            text,
        )
        text = re.sub(
            foreign.pattern + r'/include/python3\.\d+', sysconfig.get_path('include'), text
        )
        path.write_text(foreign.sub(sys.base_prefix, text))


def add_prefix_scripts() -> None:
    """Make the virtual environment an ament prefix for colcon."""
    for shell in ('sh', 'bash', 'zsh'):
        (PREFIX / f'local_setup.{shell}').touch()


def main() -> None:
    """Run all steps."""
    extract_tools()
    install_scripts()
    add_prefix_scripts()
    repair_cmake()


if __name__ == '__main__':
    main()
