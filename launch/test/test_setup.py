# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The set-up pins and hashes all downloads; a user who is not root gets the command to run."""

import hashlib
from pathlib import Path
import re
import subprocess

import pytest

ROOT = Path(__file__).resolve().parents[2]


def entries(group='requirements'):
    lock = (ROOT / f'setup/{group}.lock').read_text()
    return [entry for entry in re.split(r'\n(?=[a-z0-9])', lock) if not entry.startswith('#')]


@pytest.mark.parametrize(
    'group, more_than', [('requirements', 200), ('conformance', 80), ('docs', 15), ('peers', 0)]
)
def test_every_locked_package_has_one_exact_version_and_hashes(group, more_than):
    assert len(entries(group)) > more_than
    for entry in entries(group):
        assert re.match(r'[a-z0-9._-]+==[^ ]+ ', entry), entry.splitlines()[0]
        assert '--hash=sha256:' in entry, entry.splitlines()[0]


def test_lock_contains_all_requirements():
    locked = {entry.split('==')[0] for entry in entries()}
    for line in (ROOT / 'setup/requirements.in').read_text().splitlines():
        if line and not line.startswith('#'):
            assert re.match(r'[a-z0-9-]+', line)[0] in locked


def test_groups_of_the_lock_are_disjoint_and_complete(install):
    groups = [
        install.locked(pattern)
        for pattern in ('uv==', 'torch==', install.CUDA, f'(?!{install.CUDA}|torch==|uv==|#)')
    ]
    names = [line for group in groups for line in group.splitlines() if '==' in line]
    assert len(names) == len(set(names)) == len(entries())


def test_missing_debian_packages_end_set_up_with_the_command(install, tmp_path, monkeypatch):
    (tmp_path / 'apt.txt').write_text('libc6\nirevla-no-such-package\n')
    monkeypatch.setattr(install, 'SETUP', tmp_path)
    monkeypatch.setattr(install.os, 'geteuid', lambda: 1000)
    with pytest.raises(
        SystemExit,
        match=r"sudo sh -c 'apt-get update && apt-get install -y "
        r"--no-install-recommends irevla-no-such-package'",
    ):
        install.install_debian_packages()


def test_unsupported_python_is_refused_with_a_remedy(install, monkeypatch):
    monkeypatch.setattr(install.sys, 'version_info', (3, 9, 1))
    monkeypatch.setattr(install, 'fingerprint', lambda: 'another')
    monkeypatch.setattr(install.sys, 'argv', ['install.py'])
    with pytest.raises(SystemExit, match='3.10 to 3.12'):
        install.main()


@pytest.fixture
def franky(install, tmp_path, monkeypatch):
    """Return a function that sets up an empty environment and returns the commands it ran."""
    commands = []
    monkeypatch.setattr(install, 'FRANKY', tmp_path / 'franky')
    monkeypatch.setattr(install, 'FRANKY_STAMP', tmp_path / '.franky')
    monkeypatch.setattr(install, 'VENV', tmp_path)
    monkeypatch.setattr(
        install, 'run', lambda *words, **_: commands.append(' '.join(map(str, words)))
    )
    wheel = tmp_path / 'franky_control-2.0.0+libfranka.0.9.2-cp311-cp311-linux_x86_64.whl'
    wheel.write_bytes(b'a wheel')

    def set_up(wanted=''):
        commands.clear()
        install.install_franky(Path('python'), wanted)
        return [command for command in commands if ' -c ' not in command]

    set_up.wheel, set_up.kept = wheel, tmp_path / 'franky' / wheel.name
    set_up.new_environment = (tmp_path / '.franky').unlink
    return set_up


def test_chosen_franky_is_printed_with_its_hash_and_kept_for_later_set_ups(franky, capsys):
    assert franky() == []
    (command,) = franky(str(franky.wheel))
    assert '--force-reinstall' in command and command.endswith(franky.wheel.name)
    digest = hashlib.sha256(b'a wheel').hexdigest()
    assert f'{franky.wheel.name}, sha256 {digest}' in capsys.readouterr().out
    franky.wheel.unlink()
    assert franky() == [], 'it is already installed'
    franky.new_environment()
    (command,) = franky()
    assert command.endswith(str(franky.kept))


def test_franky_lock_restores_the_franky_of_the_lock(franky):
    franky(str(franky.wheel))
    (command,) = franky('lock')
    assert '--require-hashes' in command
    assert franky() == []


def test_changed_kept_franky_is_refused(franky):
    franky(str(franky.wheel))
    franky.kept.write_bytes(b'another')
    with pytest.raises(SystemExit, match='chosen wheel, .*; choose again'):
        franky()


@pytest.mark.parametrize(
    ('wanted', 'words'),
    [
        ('/no/such/franky_control-2.0.0.whl', 'there is no such file'),
        ('numpy-1.0-py3-none-any.whl', 'a wheel of franky-control is needed'),
    ],
)
def test_file_that_is_not_franky_is_refused_and_not_kept(franky, wanted, words):
    file = franky.wheel.parent / wanted
    if not wanted.startswith('/'):
        file.write_bytes(b'')
    with pytest.raises(SystemExit, match=words):
        franky(str(file))
    assert not franky.kept.parent.exists()


def test_make_help_lists_every_target():
    shown = subprocess.run(
        ['make', '-C', ROOT, 'help'], capture_output=True, text=True, timeout=30
    ).stdout
    for target in (
        'setup',
        'demo',
        'test',
        'bench',
        'conformance',
        'docs',
        'lint',
        'lock',
        'clean',
    ):
        assert f'make {target}' in shown
