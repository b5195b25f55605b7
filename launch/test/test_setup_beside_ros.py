# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The whole set-up with a sourced system ROS 2 whose Python has every pinned package."""

import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = """
import irevla_msgs.msg, rclpy, sys
assert not rclpy.__file__.startswith(sys.prefix), rclpy.__file__
"""


def sourced_ros():
    """Return the variables of a shell with a ROS 2 sourced from outside the environment.

    This is the ROS 2 from wheels of the present environment, which has all packages that
    setup/requirements.lock pins.
    """
    own = ('IREVLA_ROS_WHEELS', 'VIRTUAL_ENV', 'PYTEST_ADDOPTS')
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {
        **kept,
        'AMENT_PREFIX_PATH': sys.prefix,
        'CMAKE_PREFIX_PATH': sys.prefix,
        'PYTHONPATH': sysconfig.get_path('purelib'),
    }


@pytest.fixture
def clone(tmp_path):
    """Return a copy of the sources, removed at the end: with its environment it is large."""
    folder = tmp_path / 'irevla'
    shutil.copytree(
        ROOT,
        folder,
        symlinks=True,
        ignore=shutil.ignore_patterns(
            '.git', '.venv', 'build', 'install', 'log', 'runs', '__pycache__', '.*_cache'
        ),
    )
    yield folder
    shutil.rmtree(folder)


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.skipif(
    'IREVLA_ROS_WHEELS' not in os.environ,
    reason='with a sourced ROS 2 `make setup` itself is this test',
)
def test_set_up_works_with_a_sourced_ros_that_has_every_pinned_package(clone):
    environment = sourced_ros()
    subprocess.run(
        [sys._base_executable, 'setup/install.py'], cwd=clone, env=environment, check=True
    )
    python = clone / '.venv/bin/python'
    assert (clone / '.venv/bin/uv').is_file()
    inside = subprocess.run(
        [
            python,
            '-I',
            '-m',
            'pip',
            'list',
            '--path',
            sysconfig.get_path('purelib', vars={'base': clone / '.venv'}),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 'numpy' in inside and 'torch' in inside and 'rclpy' not in inside
    subprocess.run(
        [
            'bash',
            '-c',
            'source env.sh && colcon build --base-paths src/irevla_msgs '
            '--event-handlers desktop_notification- && source env.sh && '
            f"python -c '{CHECK}'",
        ],
        cwd=clone,
        env=environment,
        check=True,
    )
