# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The checks of manifest, style and types find each fault."""

import pytest
from sample_packages import install_info, replace

from irevla_control.checks.manifest import check_manifest, lint_problems, type_problems

SOURCE = """# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
\"\"\"A node.\"\"\"

import rclpy


def main() -> None:
    \"\"\"Run it.\"\"\"
    rclpy.init()
"""
MANIFEST = """<package format="3">
  <name>sample_package</name>
  <version>0.1.0</version>
  <license>Apache-2.0</license>
  <exec_depend>rclpy</exec_depend>
  <exec_depend>python3-numpy</exec_depend>
  <test_depend>python3-pytest</test_depend>
  <export><build_type>ament_python</build_type></export>
</package>
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a valid package."""
    (tmp_path / 'pyproject.toml').write_text('[tool.ruff.lint]\nselect = ["E", "F", "I"]\n')
    (tmp_path / 'package.xml').write_text(MANIFEST)
    (tmp_path / 'sample_package').mkdir()
    (tmp_path / 'sample_package' / 'sample_node.py').write_text(SOURCE)
    (tmp_path / 'test').mkdir()
    install_info(
        tmp_path,
        'sample_package',
        entry_points='[console_scripts]\nsample_node = sample_package.sample_node:main\n',
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_faultless_package_passes(package):
    assert check_manifest(package) == ''
    assert lint_problems(package) == ''


def test_types_name_file_line_and_rule(tmp_path):
    (tmp_path / 'pyproject.toml').write_text('[tool.mypy]\nfiles = ["sample.py"]\n')
    (tmp_path / 'sample.py').write_text('number: int = 1\n')
    assert type_problems(tmp_path) == ''
    (tmp_path / 'sample.py').write_text('number: int = 1.5\n')
    problems = type_problems(tmp_path)
    assert 'sample.py:1: error:' in problems and '[assignment]' in problems


def test_lint_names_file_line_and_rule(package):
    replace(
        package / 'sample_package' / 'sample_node.py',
        'import rclpy\n',
        'import os\n\nimport rclpy\n',
    )
    assert 'sample_node.py:5:8: ' in lint_problems(package)


def test_lint_names_a_file_that_is_not_formatted(package):
    with (package / 'sample_package' / 'sample_node.py').open('a') as file:
        file.write('NUMBERS = [1,2]\n')
    assert 'sample_node.py' in lint_problems(package)


@pytest.mark.parametrize(
    'old, new, problem',
    [
        ('format="3"', 'format="2"', "format '2'"),
        ('<license>Apache-2.0', '<license>MIT', "licence 'MIT'"),
        ('0.1.0', '0.2.0', 'setup.py has version 0.1.0'),
        ('ament_python', 'ament_cmake', 'no build_type ament_python'),
        (
            '<exec_depend>rclpy</exec_depend>',
            '',
            'sample_node.py imports rclpy; declare it as exec',
        ),
        (
            '<exec_depend>rclpy<',
            '<exec_depend>std_msgs</exec_depend><exec_depend>rclpy<',
            'std_msgs is declared for run time',
        ),
        (
            '<test_depend>',
            '<test_depend>std_msgs</test_depend><test_depend>',
            'std_msgs is declared for tests, but no file',
        ),
        (
            '<test_depend>',
            '<test_depend>rclpy</test_depend><test_depend>',
            'rclpy is declared more than once',
        ),
        ('sample_package', 'absent_package', 'absent_package is not installed'),
    ],
)
def test_fault_in_manifest_is_found(package, old, new, problem):
    replace(package / 'package.xml', old, new)
    assert problem in check_manifest(package)


def test_import_in_tests_needs_a_test_dependency(package):
    (package / 'test' / 'test_it.py').write_text('import std_msgs.msg\n')
    assert check_manifest(package) == 'test/test_it.py imports std_msgs; declare it as test_depend'


def test_message_type_named_in_a_text_counts_as_used(package):
    replace(
        package / 'package.xml',
        '<exec_depend>rclpy<',
        '<exec_depend>std_msgs</exec_depend><exec_depend>rclpy<',
    )
    replace(
        package / 'sample_package' / 'sample_node.py',
        'rclpy.init()',
        "rclpy.init(['std_msgs/msg/String'])",
    )
    assert check_manifest(package) == ''


def test_entry_point_that_does_not_load_is_found(package):
    replace(package / 'sample_package.egg-info' / 'entry_points.txt', ':main', ':missing')
    assert 'sample_node = sample_package.sample_node:missing does not load' in check_manifest(
        package
    )


def test_node_without_entry_point_is_found(package):
    (package / 'sample_package' / 'other_node.py').write_text(SOURCE)
    assert check_manifest(package).startswith('other_node.py has no entry point other_node')
