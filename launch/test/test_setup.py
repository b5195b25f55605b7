# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The set-up pins and hashes all it downloads, and tells a user who is not root what to run."""

import importlib.util
from pathlib import Path
import re
import subprocess

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / 'setup/requirements.lock').read_text()


@pytest.fixture
def install():
    spec = importlib.util.spec_from_file_location('install', ROOT / 'setup/install.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entries():
    return [entry for entry in re.split(r'\n(?=[a-z0-9])', LOCK) if not entry.startswith('#')]


def test_every_locked_package_has_one_exact_version_and_hashes():
    assert len(entries()) > 200
    for entry in entries():
        assert re.match(r'[a-z0-9._-]+==[^ ]+ ', entry), entry.splitlines()[0]
        assert '--hash=sha256:' in entry, entry.splitlines()[0]


def test_everything_asked_for_is_locked():
    locked = {entry.split('==')[0] for entry in entries()}
    for line in (ROOT / 'setup/requirements.in').read_text().splitlines():
        if line and not line.startswith('#'):
            assert re.match(r'[a-z0-9-]+', line)[0] in locked


def test_the_groups_of_the_lock_are_disjoint_and_complete(install):
    groups = [install.locked(pattern) for pattern in
              ('uv==', 'torch==', install.CUDA, f'(?!{install.CUDA}|torch==|uv==|#)')]
    names = [line for group in groups for line in group.splitlines() if '==' in line]
    assert len(names) == len(set(names)) == len(entries())


def test_missing_debian_packages_stop_a_user_with_the_exact_line(install, tmp_path, monkeypatch):
    (tmp_path / 'apt.txt').write_text('libc6\nirevla-no-such-package\n')
    monkeypatch.setattr(install, 'SETUP', tmp_path)
    monkeypatch.setattr(install.os, 'geteuid', lambda: 1000)
    with pytest.raises(SystemExit, match=r"sudo sh -c 'apt-get update && apt-get install -y "
                                         r"--no-install-recommends irevla-no-such-package'"):
        install.install_debian_packages()


def test_another_python_is_refused_with_the_remedy(install, monkeypatch):
    monkeypatch.setattr(install.sys, 'version_info', (3, 9, 1))
    monkeypatch.setattr(install, 'fingerprint', lambda: 'another')
    monkeypatch.setattr(install.sys, 'argv', ['install.py'])
    with pytest.raises(SystemExit, match='3.10 to 3.12'):
        install.main()


def test_make_help_lists_every_target():
    shown = subprocess.run(['make', '-C', ROOT, 'help'], capture_output=True, text=True,
                           timeout=30).stdout
    for target in ('setup', 'demo', 'test', 'bench', 'lint', 'lock', 'clean'):
        assert f'make {target}' in shown
