# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""`irevla doctor` prints each result with its remedy, as a table or JSON; versions and pins."""

import json

import pytest
from system_tree import write

from irevla_bringup.doctor import program, versions
from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, warning

ALL = {
    'kernel': lambda: ok('6.1 is real-time'),
    'disk': lambda: warning('slow ' * 40, 'an SSD'),
    'mouse': lambda: not_applicable('none'),
}


def run(monkeypatch, capsys, checks, *words):
    monkeypatch.setattr(program, 'checks', lambda *options: checks)
    status = program.main([*words])
    return status, capsys.readouterr().out


def test_the_table_has_mark_name_finding_and_remedy(monkeypatch, capsys):
    status, shown = run(monkeypatch, capsys, ALL)
    lines = shown.splitlines()
    assert status == 0 and max(map(len, lines)) <= program.WIDTH
    assert lines[0].split() == ['ok', 'kernel', '6.1', 'is', 'real-time']
    assert lines[1].startswith('WARNING  disk') and '-> an SSD' in shown
    assert lines[-1] == 'problems: 0, warnings: 1'


def test_a_problem_gives_status_1(monkeypatch, capsys):
    broken = {**ALL, 'robot': lambda: problem('off', 'switch it on')}
    status, shown = run(monkeypatch, capsys, broken)
    assert status == 1 and shown.endswith('problems: 1, warnings: 1\n')


def test_json_has_the_same_and_nothing_else(monkeypatch, capsys):
    status, shown = run(monkeypatch, capsys, ALL, '--json')
    found = json.loads(shown)
    assert status == 0 and len(found['checks']) == 3
    assert found['checks'][0] == {
        'check': 'kernel',
        'status': 'ok',
        'found': '6.1 is real-time',
        'remedy': '',
    }
    assert found['counts'] == {'ok': 1, 'warning': 1, 'problem': 0, 'not applicable': 1}


def test_a_check_that_fails_ends_no_other(monkeypatch, capsys):
    def fails():
        raise RuntimeError('two\nlines')

    status, shown = run(monkeypatch, capsys, {'broken': fails, **ALL})
    assert status == 1 and 'RuntimeError: two lines' in shown and 'real-time' in shown


def test_every_check_gives_a_result_on_a_machine_without_any_file(monkeypatch, tmp_path):
    monkeypatch.setattr(program, 'ROOT', tmp_path)
    monkeypatch.setattr(program, 'SETUP', tmp_path)
    monkeypatch.delenv('ROS_DISTRO')
    found = {
        name: program.guarded(check)
        for name, check in program.checks('', tmp_path / 'none', tmp_path / 'none.yaml').items()
    }
    for name, result in found.items():
        assert isinstance(result, Result) and 'check itself' not in result.found, name
        assert bool(result.remedy) == (result.status in ('warning', 'problem')), name
        assert '\n' not in result.found + result.remedy, name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ('distro', 'wheels', 'version', 'status'),
    [
        ('jazzy', True, (3, 11), 'ok'),
        ('jazzy', False, (3, 12), 'ok'),
        ('humble', False, (3, 10), 'ok'),
        ('jazzy', False, (3, 11), 'problem'),
        ('humble', False, (3, 12), 'problem'),
        ('', False, (3, 13), 'problem'),
        ('', False, (3, 9), 'problem'),
    ],
)
def test_python_is_one_of_the_suite_and_of_ros(distro, wheels, version, status):
    environment = {'ROS_DISTRO': distro} | ({'IREVLA_ROS_WHEELS': '1'} if wheels else {})
    found = versions.python(environment, version)
    assert found.status == status and ('make setup' in found.remedy) == (status == 'problem')


@pytest.mark.parametrize(
    ('installed', 'status', 'words'),
    [
        ({'torch': '2.13.0+cpu', 'py-av': '15.0'}, 'ok', '2 packages'),
        ({'torch': '2.13.0', 'py-av': '14.0'}, 'ok', '2 packages'),
        ({'torch': '2.13.0'}, 'problem', 'not installed: py-av'),
        ({'torch': '2.12.0', 'py-av': '15.0'}, 'warning', 'torch 2.12.0 (pinned: 2.13.0)'),
    ],
)
def test_packages_have_their_pinned_versions(tmp_path, installed, status, words):
    write(
        tmp_path,
        {
            'requirements.in': '# a comment\ntorch==2.13.0\nPy_AV\nros-jazzy-rclpy[fastrtps]\n',
            'requirements.lock': 'py-av==14.0 ; python_version < "3.11" \\\n    --hash=sha256:1\n'
            'py-av==15.0 ; python_version >= "3.11"\ntorch==2.13.0 \\\nros-jazzy-rclpy==7.1\n',
        },
    )
    found = versions.packages(tmp_path, installed)
    assert found.status == status and words in found.found


def test_this_environment_is_that_of_the_lock():
    assert versions.packages(program.SETUP, versions.installed_packages()).status == 'ok'
    assert versions.packages(program.SETUP / 'none', {}).status == 'not applicable'
