# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recovery leaves files in use, complete bags and bags that it cannot repair unchanged."""

from pathlib import Path
import shutil
import subprocess
import sys

from foreign_bags import chunk_offsets, messages_of, write_mcap
from left_files import leave_alone
from played_episode import CAMERAS, play
import pytest
from recordings import bag_messages, recording

from irevla_control.bags.index import INDEX, list_episodes, read_index
from irevla_control.bags.index import main as index_main
from irevla_control.bags.reader import read_episode
from irevla_control.bags.writer import BagWriter
from irevla_control.errors import BagError
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
def file(root):
    return root / NAME / f'{NAME}_0.mcap'


def everything(root):
    return {
        path.relative_to(root): path.read_bytes()
        for path in sorted(root.rglob('*'))
        if path.is_file() and path.name != 'lock'
    }


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
def test_file_that_another_process_copies_is_left_unchanged(root, file, recorded, given, capsys):
    source = recorded / NAME / file.name
    copy = subprocess.Popen(
        [sys.executable, '-c', COPY, source, file],
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
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


def test_recently_written_file_is_left_unchanged(root, file, capsys):
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

    def resume_after_a_write(cls, *given):
        with file.open('ab') as stream:
            stream.write(content[15_000:])
        return resume(cls, *given)

    monkeypatch.setattr(BagWriter, 'resume', classmethod(resume_after_a_write))
    assert main([str(root / NAME)]) == 1
    assert 'was written while it was read' in capsys.readouterr().err
    assert file.read_bytes() == content
    assert {path.name for path in (root / NAME).iterdir()} == {file.name, 'metadata.yaml'}
    assert bag_messages(root / NAME)


@pytest.mark.parametrize('given', ['root', 'folder'])
def test_complete_bag_without_metadata_yaml_gets_only_that_file(root, file, given, capsys):
    before = everything(root)
    (root / NAME / 'metadata.yaml').unlink()
    assert main([str(root if given == 'root' else root / NAME)]) == 0
    assert f'{NAME}: recovered' in capsys.readouterr().out
    after = everything(root)
    # The index may list the episode twice; the last line is used.
    assert read_index(root) and after.pop(Path(INDEX)) and before.pop(Path(INDEX))
    assert after == before and not list_episodes(root)[0].recovered


def test_complete_bag_of_another_recorder_needs_no_recovery(root, file, capsys):
    messages = list(messages_of(root / NAME))
    shutil.rmtree(root / NAME)
    for name, split in ((NAME, 1), ('split', 2)):
        for number in range(split):
            share = messages[
                len(messages) * number // split : len(messages) * (number + 1) // split
            ]
            write_mcap(root / name / f'{name}_{number}.mcap', share)
    before = everything(root / NAME), everything(root / 'split')
    for given in (root, root / NAME, root / 'split'):
        assert main([str(given)]) == 0
        printed = capsys.readouterr()
        assert 'nothing to recover' in printed.out and not printed.err
    assert (everything(root / NAME), everything(root / 'split')) == before


@pytest.mark.parametrize('split', [1, 3])
def test_a_damaged_chunk_is_named_by_the_recovery(root, file, split, capsys):
    messages = list(messages_of(root / NAME))
    shutil.rmtree(root / NAME)
    for number in range(split):
        write_mcap(
            file.with_name(f'x_{number}.mcap'),
            messages[len(messages) * number // split : len(messages) * (number + 1) // split],
        )
    damaged = file.with_name(f'x_{split - 1}.mcap')
    content = bytearray(damaged.read_bytes())
    start, size = chunk_offsets(bytes(content))[0]
    content[start + size // 2] ^= 1
    damaged.write_bytes(content)
    assert main([str(root / NAME)]) == 1
    error = capsys.readouterr().err
    assert f'{damaged.name} cannot be read: the chunk at byte' in error
    assert 'recording.recovery' not in error


def test_truncated_file_of_a_split_bag_is_named_and_left_unchanged(root, file, capsys):
    messages = list(messages_of(root / NAME))
    shutil.rmtree(root / NAME)
    for number in range(2):
        write_mcap(file.with_name(f'x_{number}.mcap'), messages[number::2], use_chunking=False)
    torn = file.with_name('x_1.mcap')
    torn.write_bytes(torn.read_bytes()[:-400])
    leave_alone(torn)
    before = everything(root / NAME)
    with pytest.raises(BagError, match='has no end; it is truncated; copy it again') as caught:
        read_episode(root / NAME, CAMERAS)
    assert 'recording.recovery' not in str(caught.value)
    for given in (root, root / NAME):
        assert main([str(given)]) == 1
        assert (
            'is a bag of 2 files, and x_1.mcap has no end; only a bag of one file is'
            in capsys.readouterr().err
        )
    assert everything(root / NAME) == before


def test_error_of_a_truncated_bag_with_chunks_names_mcap_recover(root, file):
    messages = list(messages_of(root / NAME))
    write_mcap(file, messages)
    file.write_bytes(file.read_bytes()[:-400])
    with pytest.raises(BagError, match='`mcap recover`') as caught:
        read_episode(root / NAME, CAMERAS)
    assert 'recording.recovery' not in str(caught.value)


def test_nothing_is_created_where_there_is_nothing_to_recover(tmp_path, recorded, capsys):
    (tmp_path / 'plain' / 'sub').mkdir(parents=True)
    shutil.copytree(recorded / NAME, tmp_path / 'lone' / NAME)
    before = sorted(tmp_path.rglob('*'))
    for given in (tmp_path / 'plain', tmp_path / 'lone', tmp_path / 'lone' / NAME):
        assert main([str(given)]) == 0
        assert 'nothing to recover' in capsys.readouterr().out
    assert sorted(tmp_path.rglob('*')) == before


def test_bag_with_only_the_verified_copy_gets_it_as_its_file(root, file, capsys):
    content = file.read_bytes()
    new = file.with_name(f'{file.name}.new')
    for given in (root, root / NAME):
        file.rename(new)
        with pytest.raises(BagError, match=f'recording.recovery {root / NAME} puts it in its'):
            read_episode(root / NAME, CAMERAS)
        assert main([str(given)]) == 0 and file.read_bytes() == content and not new.exists()
    file.rename(new)
    new.write_bytes(content[:-9])
    before = everything(root / NAME)
    assert main([str(root)]) == 1 and everything(root / NAME) == before
    assert f'{new} cannot be read' in capsys.readouterr().err


def test_leftover_metadata_yaml_of_a_recovery_does_not_replace_metadata_yaml(root, file):
    before = everything(root / NAME)
    (root / NAME / 'metadata.yaml.new').write_text('rosbag2_bagfile_information: {old: 1}')
    assert main([str(root)]) == 0 and everything(root / NAME) == before


def test_unwritable_index_is_a_problem_of_the_recording(root):
    (root / INDEX).unlink()
    (root / INDEX).mkdir()
    with recording(root) as run:
        assert f'{root / INDEX} cannot be written (Is a directory)' in run.problems[0]
    assert index_main([str(root), '--rebuild']) == 1
