# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The check of folders and imports finds each fault."""

import pytest

from irevla_control.checks.structure import MAX_FILES, crowded_folders, structure_problems

MANIFEST = '<package format="3"><name>irevla_sample</name></package>'
FOLDERS = {
    '': 'irevla_control',
    'low': 'nothing',
    'high': 'low, irevla_control.bags',
    'ros': 'nothing',
    'nodes': 'high.one, ros',
}
SOURCES = {
    'shared': 'from irevla_control.errors import ConfigError',
    'low/base': 'from irevla_sample.shared import ConfigError\nimport numpy',
    'low/reader': 'from irevla_sample.low import base',
    'high/one': 'from irevla_sample.low.base import x\nfrom irevla_control.bags import reader',
    'high/other': 'import irevla_sample.high.one',
    'ros/qos': 'import rclpy.qos',
    'nodes/a_node': 'import rclpy\nfrom irevla_msgs.msg import X\nimport irevla_sample.ros.qos\n'
    'from irevla_sample.high import one',
}


@pytest.fixture
def package(tmp_path):
    """Return the folder of a valid package."""
    (tmp_path / 'package.xml').write_text(MANIFEST)
    for folder, names in FOLDERS.items():
        place = tmp_path / 'irevla_sample' / folder
        place.mkdir(parents=True, exist_ok=True)
        (place / '__init__.py').write_text(f'"""What lives here.\n\nMay import: {names}.\n"""\n')
    for name, text in SOURCES.items():
        (tmp_path / 'irevla_sample' / f'{name}.py').write_text(text)
    return tmp_path


def add(package, name, line):
    with (package / 'irevla_sample' / f'{name}.py').open('a') as file:
        file.write(f'\n{line}\n')


def test_a_package_without_fault_passes(package):
    assert structure_problems(package) == ''


@pytest.mark.parametrize(
    'name, line, words',
    [
        (
            'low/base',
            'import irevla_sample.high.one',
            'low/base.py imports irevla_sample.high.one; '
            'irevla_sample.low says "May import: nothing."',
        ),
        (
            'low/base',
            'def f():\n    from irevla_sample.high import one',
            'imports irevla_sample.high.one; irevla_sample.low says "May import: nothing."',
        ),
        (
            'shared',
            'from irevla_sample.low.base import x',
            'imports irevla_sample.low.base; irevla_sample says "May import: irevla_control."',
        ),
        (
            'high/one',
            'from irevla_control.recording.recorder import Recorder',
            'irevla_sample.high says "May import: low, irevla_control.bags."',
        ),
        ('high/one', 'from irevla_control import arm', 'imports irevla_control.arm;'),
        ('low/base', 'from irevla_sample import high', 'imports irevla_sample.high;'),
        ('low/base', 'import irevla_sample.high as h', 'imports irevla_sample.high;'),
        ('low/base', 'from ..high.one import x', 'imports ..high.one; write the full name'),
        (
            'nodes/a_node',
            'from irevla_sample.high.other import x',
            'imports irevla_sample.high.other',
        ),
    ],
)
def test_an_import_against_the_rule_fails_with_the_rule(package, name, line, words):
    add(package, name, line)
    problems = structure_problems(package)
    assert words in problems and len(problems.splitlines()) == 1


@pytest.mark.parametrize(
    'line',
    [
        'import rclpy',
        'from std_msgs.msg import Empty',
        'import irevla_msgs.msg',
        'from irevla_sample.ros import qos',
        'from irevla_sample.nodes.a_node import main',
        'from irevla_control.ros.qos import EVENT',
        'from irevla_control import ros',
        'from builtin_interfaces.msg import Time',
        'from launch import LaunchContext',
    ],
)
def test_the_core_imports_no_ros(package, line):
    add(package, 'high/one', line)
    assert 'only *_node.py files and folders named ros import ROS' in structure_problems(package)


@pytest.mark.parametrize('name', ['torch', 'mujoco'])
def test_heavy_libraries_stay_in_their_packages(package, name):
    add(package, 'low/base', f'import {name}')
    assert f'low/base.py imports {name}; only ' in structure_problems(package)


def test_readers_import_no_writers(package):
    (package / 'irevla_sample/low/writer.py').touch()
    add(package, 'low/reader', 'from irevla_sample.low.writer import x')
    assert 'readers import no writers' in structure_problems(package)


@pytest.mark.parametrize('folder, names', [('low', 'high.other'), ('low', 'h*'), ('.', 'low')])
def test_cycle_in_the_rules_is_found(package, folder, names):
    (package / 'irevla_sample' / folder / '__init__.py').write_text(
        f'"""What lives here.\n\nMay import: {names}.\n"""\n'
    )
    assert 'have a cycle' in structure_problems(package)


def test_unused_rule_is_found(package):
    (package / 'irevla_sample/high/other.py').write_text('')
    (package / 'irevla_sample/high/one.py').write_text('import irevla_sample.low.base\n')
    assert (
        structure_problems(package)
        == 'irevla_sample.high says that it may import irevla_control.bags, and does not'
    )


def test_folder_without_a_rule_is_found(package):
    (package / 'irevla_sample/high/__init__.py').write_text('"""What lives here."""\n')
    assert 'high/__init__.py: its docstring must end with "May import: ' in structure_problems(
        package
    )
    (package / 'irevla_sample/high/__init__.py').unlink()
    assert 'high/one.py is in a folder without an __init__.py' in structure_problems(package)


def test_folder_with_too_many_files_is_found(package):
    folder = package / 'test' / 'many'
    folder.mkdir(parents=True)
    for number in range(MAX_FILES):
        (folder / f'test_{number}.py').touch()
    assert crowded_folders(package) == []
    (folder / 'one_more.py').touch()
    assert 'many has 16 Python files' in structure_problems(package)
