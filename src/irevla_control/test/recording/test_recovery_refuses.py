# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recovery leaves alone what somebody still writes, what is whole, and what it cannot mend."""

import shutil
import subprocess
import sys

from left_files import leave_alone
from played_episode import play
import pytest
from recordings import bag_messages, recording

from irevla_control.bags.writer import BagWriter
from irevla_control.recording import in_use
from irevla_control.recording.recovery import main

NAME = 'reach_0'


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    root = tmp_path_factory.mktemp('recorded')
    with recording(root) as run:
        run.play(play(NAME, steps=3))
    return root


@pytest.fixture
def root(tmp_path, recorded):
    return shutil.copytree(recorded, tmp_path / 'root')


@pytest.fixture
def file(root):
    return root / NAME / f'{NAME}_0.mcap'


def everything(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob('*'))
            if path.is_file() and path.name != 'lock'}


COPY = """
import sys
half = len(content := open(sys.argv[1], 'rb').read()) // 2
with open(sys.argv[2], 'wb', buffering=0) as copy:
    copy.write(content[:half])
    print('half', flush=True)
    sys.stdin.read(1)
    copy.write(content[half:])
"""


@pytest.mark.parametrize('given', ['root', 'folder'])
def test_a_file_that_another_process_still_copies_is_left_to_it(root, file, recorded, given,
                                                                capsys):
    source = recorded / NAME / file.name
    copy = subprocess.Popen([sys.executable, '-c', COPY, source, file], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert copy.stdout.readline() == 'half\n'
        leave_alone(file)
        before = everything(root / NAME)
        assert main([str(root if given == 'root' else root / NAME)]) == 1
        error = capsys.readouterr().err
        assert f'{file} is open for writing by process {copy.pid} (python' in error
        assert everything(root / NAME) == before
    finally:
        copy.communicate('x')
    assert file.read_bytes() == source.read_bytes()
    assert main([str(root / NAME)]) == 0


def test_a_file_that_was_written_a_moment_ago_is_left(root, file, capsys):
    file.write_bytes(file.read_bytes()[:-9])
    before = everything(root / NAME)
    assert main([str(root / NAME)]) == 1 and everything(root / NAME) == before
    assert 's ago, so that a copy or a recorder may still be at it' in capsys.readouterr().err
    leave_alone(file)
    assert main([str(root / NAME)]) == 0
    assert in_use.QUIET_S >= 5


def test_a_file_that_grows_while_it_is_read_is_not_replaced(root, file, monkeypatch, capsys):
    content = file.read_bytes()
    file.write_bytes(content[:15_000])
    leave_alone(file)
    resume = BagWriter.resume.__func__

    def goes_on(cls, *given):
        with file.open('ab') as stream:
            stream.write(content[15_000:])
        return resume(cls, *given)
    monkeypatch.setattr(BagWriter, 'resume', classmethod(goes_on))
    assert main([str(root / NAME)]) == 1
    assert 'was written while it was read' in capsys.readouterr().err
    assert file.read_bytes() == content
    assert {path.name for path in (root / NAME).iterdir()} == {file.name, 'metadata.yaml'}
    assert bag_messages(root / NAME)
