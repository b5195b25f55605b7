# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The bag of a killed recorder is recovered up to its last complete message."""

import shutil

from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.stream_reader import StreamReader
from played_episode import CAMERAS, TOPICS, assert_same, play
import pytest
from recordings import bag_messages, recording
from rosbags.highlevel import AnyReader

from irevla_control.bags.index import INDEX, list_episodes, rebuild_index
from irevla_control.bags.mcap_file import BEGINNING
from irevla_control.bags.reader import read_episode
from irevla_control.bags.writer import BagWriter
from irevla_control.checks.durability import durable_replaces
from irevla_control.recording.episode_recording import STAGING
from irevla_control.recording.recovery import main, recover_staged


class Torn:
    """The bag of a killed recorder: its bytes, its messages, and the offset where each ends."""

    def __init__(self, folder):
        self.played = play('torn', steps=3)
        self.messages = [(topic, data) for topic, _, data in self.played.wire]
        flags = dict.fromkeys(('success', 'aborted', 'terminated', 'truncated'), 'false')
        writer = BagWriter(
            folder / 'torn',
            TOPICS,
            {
                'episode_id': 'torn',
                'task': 'reach',
                'instruction': 'reach',
                'seed': '0',
                'steps': '0',
                **flags,
            },
        )
        file, self.ends = folder / 'torn' / 'torn_0.mcap', []
        for number, (topic, stamp, data) in enumerate(self.played.wire):
            writer.write(topic, 10**18 + number, stamp, number, data)
            self.ends.append(file.stat().st_size)
        writer.abandon()
        self.content = file.read_bytes()


@pytest.fixture(scope='module')
def torn(tmp_path_factory):
    return Torn(tmp_path_factory.mktemp('open'))


def leave(root, content, name='torn'):
    folder = root / STAGING / name
    folder.mkdir(parents=True)
    (folder / f'{name}_0.mcap').write_bytes(content)


@settings(max_examples=60)
@given(st.data())
def test_bag_truncated_at_any_byte_is_recovered_up_to_its_last_complete_message(
    tmp_path_factory, torn, data
):
    # Half of the cuts are among the messages, half are anywhere.
    size = data.draw(
        st.integers(0, len(torn.content)) | st.integers(torn.ends[0] - 200, len(torn.content))
    )
    root = tmp_path_factory.mktemp('root')
    leave(root, torn.content[:size])
    entries, problems, removed = recover_staged(root)
    whole = sum(end <= size for end in torn.ends)
    if not whole:
        # A bag without messages is removed only if it has nothing but the header.
        folder = root / STAGING / 'torn'
        empty = size <= len(BEGINNING)
        assert not entries and (removed == [folder], folder.exists()) == (empty, not empty)
        if not empty:
            assert 'contains no whole message' in problems[0] and len(problems) == 1
            assert (folder / 'torn_0.mcap').read_bytes() == torn.content[:size]
        return
    assert not problems and not removed
    assert bag_messages(root / 'torn') == torn.messages[:whole]
    with (root / 'torn' / 'torn_0.mcap').open('rb') as file:
        assert list(StreamReader(file, validate_crcs=True).records)
    ended = whole == len(torn.messages)
    (entry,) = entries
    assert (entry.recovered, entry.aborted, entry.success) == (True, not ended, ended)
    assert sum(topic['messages'] for topic in entry.topics.values()) == whole
    assert (entry.task, list_episodes(root)) == ('reach', entries)
    shutil.rmtree(root)


@pytest.mark.parametrize(
    'garbage', [bytes(400), b'\xff' * 400, b'\x05' * 400, b'\x04' + bytes([4]) + bytes(400)]
)
def test_garbage_after_the_last_message_is_cut_off(tmp_path, torn, garbage):
    leave(tmp_path, torn.content + garbage)
    assert len(recover_staged(tmp_path)[0]) == 1
    assert bag_messages(tmp_path / 'torn') == torn.messages


def test_recovered_bag_is_read_like_any_other_bag(tmp_path, torn):
    leave(tmp_path, torn.content[: torn.ends[-2] + 3])
    recover_staged(tmp_path)
    with AnyReader([tmp_path / 'torn']) as reader:
        assert [
            (connection.topic, data) for connection, _, data in reader.messages()
        ] == torn.messages[:-1]
    episode = read_episode(tmp_path / 'torn', CAMERAS)
    assert (episode.actions == torn.played.actions).all() and episode.dropped == 0
    text = (tmp_path / INDEX).read_text()
    rebuild_index(tmp_path)
    assert (tmp_path / INDEX).read_text() == text


def test_finished_bag_in_staging_is_committed_unchanged(tmp_path):
    played = play()
    with durable_replaces(tmp_path / 'reach_0'), recording(tmp_path) as run:
        run.play(played)
    text = (tmp_path / INDEX).read_text()
    (tmp_path / INDEX).unlink()
    (tmp_path / 'reach_0').rename(tmp_path / STAGING / 'reach_0')
    with durable_replaces(tmp_path / 'reach_0'), recording(tmp_path) as run:
        (entry,) = run.entries
    assert not entry.recovered and not entry.aborted
    assert (tmp_path / INDEX).read_text() == text
    assert_same(read_episode(tmp_path / 'reach_0', CAMERAS), played)


def test_bag_with_an_incomplete_end_loses_no_message(tmp_path):
    played = play('torn', steps=3)
    with recording(tmp_path / 'whole') as run:
        run.play(played)
    finished = (tmp_path / 'whole' / 'torn' / 'torn_0.mcap').read_bytes()
    last = played.wire[-1][2]
    messages_end = finished.index(last) + len(last)
    for number, size in enumerate(range(messages_end, len(finished) + 1, 601)):
        root = tmp_path / str(number)
        leave(root, finished[:size])
        (entry,) = recover_staged(root)[0]
        assert entry.recovered and not entry.aborted and entry.success
        assert bag_messages(root / 'torn') == [(topic, data) for topic, _, data in played.wire]


def test_other_files_in_staging_are_kept_and_named(tmp_path, capsys):
    leave(tmp_path, b'SQLite format 3\x00' * 10, 'foreign')
    with recording(tmp_path) as run:
        run.play(play())
        assert 'foreign' in run.problems[0] and 'move' in run.problems[0]
    assert len(run.entries) == 1
    assert (tmp_path / STAGING / 'foreign' / 'foreign_0.mcap').exists()
    assert main([str(tmp_path)]) == 1
    assert 'does not begin as an MCAP file' in capsys.readouterr().err


def test_recovery_refuses_a_root_in_use(tmp_path, torn, capsys):
    leave(tmp_path, torn.content)
    with recording(tmp_path / 'other'):
        assert main([str(tmp_path / 'other')]) == 1
        assert 'in use' in capsys.readouterr().err
    assert main([str(tmp_path)]) == 0
    assert 'torn: recovered, 3 steps' in capsys.readouterr().out
