# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""`make conformance`: its environment is pinned, its runs resume, its failures count."""

import importlib.util
import json
from pathlib import Path
import re
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Runs the checks a, b, c: a and b pass, c fails; the file `stop` ends it before b.
PROGRAM = """
import json, pathlib, sys
done = sys.argv[2:]
print(json.dumps({'total': 3}), flush=True)
for name in 'abc':
    if name not in done:
        if name == 'b' and pathlib.Path(__file__).with_name('stop').exists():
            sys.exit('no more')
        print(json.dumps({'check': name, 'passed': name != 'c', 'reason': 'it is c'}), flush=True)
"""


def module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def runner(tmp_path, monkeypatch):
    loaded = module(ROOT / 'benchmarks/conformance/run.py')
    (tmp_path / 'docs').mkdir()
    for name, value in {
        'HERE': tmp_path,
        'ROOT': tmp_path,
        'PROGRAMS': ('first', 'second'),
        'LOGS': tmp_path / 'logs',
        'RESULTS': tmp_path / 'docs/found.json',
        'VERSIONS': ('numpy',),
    }.items():
        monkeypatch.setattr(loaded, name, value)
    monkeypatch.setattr(sys, 'argv', ['run.py'])
    (tmp_path / 'first.py').write_text(PROGRAM)
    (tmp_path / 'second.py').write_text(
        'print("words"); print(\'{"merge": {"passed": true, "seconds": 2.5}}\')'
    )
    return loaded


def test_results_of_all_programs_are_written_and_a_failure_is_reported(runner, capsys):
    with pytest.raises(SystemExit, match='failed checks: 1 of first$'):
        runner.main()
    found = json.loads(runner.RESULTS.read_text())
    assert [found['first']['checks'][name]['passed'] for name in 'abc'] == [True, True, False]
    assert found['second']['checks'] == {'merge': {'passed': True, 'seconds': 2.5}}
    assert found['first']['complete'] and found['first']['versions'].keys() == {'numpy'}
    printed = capsys.readouterr().out
    assert '[3/3] first: c FAILED: it is c (0.0 s)' in printed
    assert '[1/1] second: merge passed (2.5 s)' in printed


def test_a_stopped_run_continues_unless_the_code_has_changed(runner, tmp_path, capsys):
    (tmp_path / 'stop').touch()
    with pytest.raises(SystemExit, match=r'first.py ended with status 1, .*first.log says why'):
        runner.main()
    assert (tmp_path / 'logs/first.log').read_text() == 'no more\n'
    assert json.loads(runner.RESULTS.read_text())['first']['checks'].keys() == {'a'}
    (tmp_path / 'stop').unlink()
    capsys.readouterr()
    with pytest.raises(SystemExit, match='failed checks'):
        runner.main()
    assert 'first: a ' not in capsys.readouterr().out
    with pytest.raises(SystemExit, match='failed checks'):
        runner.main()
    assert 'first: a ' in capsys.readouterr().out, 'a complete run starts again'
    (tmp_path / 'stop').touch()
    with pytest.raises(SystemExit, match='status 1'):
        runner.main()
    (tmp_path / 'stop').unlink()
    (tmp_path / 'second.py').write_text('# another\n')
    capsys.readouterr()
    with pytest.raises(SystemExit, match='failed checks'):
        runner.main()
    assert 'first: a ' in capsys.readouterr().out, 'changed code runs from the start'


def test_every_package_of_the_environment_is_in_the_lock_file():
    lock = (ROOT / 'setup/conformance.lock').read_text()
    ours = (ROOT / 'setup/requirements.lock').read_text()
    for line in (ROOT / 'setup/conformance.in').read_text().splitlines():
        if line and not line.startswith('#'):
            name = re.match(r'[a-z0-9]+', line)[0]
            assert f'\n{line.replace("[dataset]", "")} \\\n' in lock or name in (
                'num2words',
                'pyyaml',
            )
            if name in ('transformers', 'peft', 'tokenizers', 'mcap', 'rosbags'):
                assert f'\n{line} ' in ours, 'the tested version differs from the installed one'


def test_a_missing_python_version_gives_one_line_with_the_remedy(monkeypatch):
    setup = module(ROOT / 'setup/conformance.py')
    monkeypatch.setattr(setup, 'pythons', lambda: iter([sys.executable, '/bin/false']))
    monkeypatch.setattr(setup, 'WANTED', '3.99')
    with pytest.raises(
        SystemExit,
        match=r'conformance: Python 3\.99 with venv is needed .* '
        r'PYTHON=/path/to/python3\.99`',
    ):
        setup.find_python()


def test_another_kind_of_machine_and_a_full_disk_are_refused(monkeypatch, tmp_path):
    setup = module(ROOT / 'setup/conformance.py')
    monkeypatch.setattr(setup, 'STAMP', tmp_path / 'stamp')
    monkeypatch.setattr(setup, 'VENV', tmp_path / 'venv')
    monkeypatch.setattr(setup, 'find_python', lambda: sys.executable)
    monkeypatch.setattr(setup, 'ROOM', 10**18)
    with pytest.raises(SystemExit, match=r'GB are free .* 1000000000 GB are needed; make room'):
        setup.main()
    monkeypatch.setattr(setup.platform, 'machine', lambda: 'aarch64')
    with pytest.raises(SystemExit, match='linux on aarch64'):
        setup.main()


def test_the_table_of_models_has_the_measured_results():
    checks = json.loads((ROOT / 'docs/results/conformance.json').read_text())['families']['checks']
    table = (ROOT / 'docs/models.md').read_text().partition('\n## ')[0]
    rows = {
        cells[0].split(':')[0].strip(): cells
        for cells in (
            re.split(r'(?<!\\)\|', line)[1:-1]
            for line in table.splitlines()
            if line.startswith('| ')
        )
    }
    rows.pop('family, for example')
    assert rows.keys() == checks.keys()
    for family, check in checks.items():
        _, prompt, _, targets, difference, _ = rows[family]
        assert check['passed'], family
        if 'refused' in check:
            assert 'refused' in prompt
        else:
            assert check['difference'] < float(re.search(r'< (\S+)', difference)[1]), family
            assert re.findall(r'\w{2,}', targets) == check['targets']
