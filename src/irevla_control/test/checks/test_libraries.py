# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A library that a package imports is declared in setup.py, and by its key in package.xml."""

import pytest
from sample_packages import install_info, replace

from irevla_control.checks.manifest import check_manifest

MANIFEST = """<package format="3">
  <name>sample_library_user</name>
  <version>0.1.0</version>
  <license>Apache-2.0</license>
  <exec_depend>python3-yaml</exec_depend>
  <test_depend>python3-pytest</test_depend>
  <export><build_type>ament_python</build_type></export>
</package>
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Return the folder of a package that declares all that it imports."""
    (tmp_path / 'package.xml').write_text(MANIFEST)
    (tmp_path / 'sample_library_user').mkdir()
    (tmp_path / 'sample_library_user' / 'reader.py').write_text(
        'import mcap.reader\nimport yaml\n'
    )
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test' / 'test_reader.py').write_text(
        'import helper\nimport pytest\nimport yaml\n\nfrom sample_library_user import reader\n'
    )
    (tmp_path / 'test' / 'helper.py').write_text('import os\n')
    install_info(
        tmp_path, 'sample_library_user', requires='setuptools\nmcap\nPyYAML\n\n[test]\npytest\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_package_that_declares_what_it_imports_passes(package):
    assert check_manifest(package) == ''


@pytest.mark.parametrize(
    'file, old, new, problem',
    [
        (
            'sample_library_user.egg-info/requires.txt',
            'mcap\n',
            '',
            'sample_library_user/reader.py imports mcap; add mcap to install_requires',
        ),
        (
            'sample_library_user.egg-info/requires.txt',
            'PyYAML\n\n[test]\n',
            '\n[test]\nPyYAML\n',
            'sample_library_user/reader.py imports yaml; add pyyaml to install_requires',
        ),
        (
            'sample_library_user.egg-info/requires.txt',
            'pytest\n',
            '',
            "test/test_reader.py imports pytest; add pytest to extras_require['test']",
        ),
        (
            'sample_library_user.egg-info/requires.txt',
            'mcap\n',
            'mcap\ntqdm\n',
            'setup.py requires tqdm, but nothing uses it',
        ),
        (
            'package.xml',
            '<exec_depend>python3-yaml</exec_depend>',
            '',
            'sample_library_user/reader.py imports yaml; declare python3-yaml in package.xml',
        ),
        (
            'package.xml',
            'exec_depend>python3-yaml</exec',
            'test_depend>python3-yaml</test',
            'sample_library_user/reader.py imports yaml; declare python3-yaml in package.xml',
        ),
        (
            'package.xml',
            '<test_depend>python3-pytest</test_depend>',
            '',
            'test/test_reader.py imports pytest; declare python3-pytest in package.xml',
        ),
    ],
)
def test_undeclared_or_unused_library_is_found(package, file, old, new, problem):
    replace(package / file, old, new)
    assert check_manifest(package) == problem
