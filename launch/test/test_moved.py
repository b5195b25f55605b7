# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A command still runs under its old name, and prints the new one."""

from pathlib import Path
import re
import runpy
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / 'docs/moved.md').read_text()
MOVED = re.findall(r'^\| `python -m (irevla_[\w.]+)` \| `python -m ([\w.]+)` \|$', TABLE, re.M)


def help_of(module, capsys, monkeypatch):
    """Return stdout and stderr of a command with --help."""
    monkeypatch.setattr(sys, 'argv', [module, '--help'])
    # Wide enough that no line breaks within a name.
    monkeypatch.setenv('COLUMNS', '200')
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(module, run_name='__main__', alter_sys=True)
    assert not ended.value.code
    return capsys.readouterr()


def test_the_table_is_complete():
    old = {name for name, _ in MOVED}
    shims = [
        file
        for top in ('src', 'sim', 'launch')
        for file in (ROOT / top).rglob('irevla_*/*.py')
        if 'import run_moved' in file.read_text()
    ]
    assert old == {f'{file.parent.name}.{file.stem}' for file in shims}


@pytest.mark.parametrize('old, new', MOVED)
def test_a_moved_command_runs_under_its_old_name_and_prints_the_new(old, new, capsys, monkeypatch):
    from_old, from_new = (help_of(name, capsys, monkeypatch) for name in (old, new))
    assert from_old.out == from_new.out and f'python -m {new}' in from_new.out
    assert f'python -m {old} is now python -m {new}' in from_old.err and not from_new.err
