# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From raw messages to bags: a message in the wrong episode would be a wrong training step."""

import json
import resource
import shutil

from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from played_episode import CAMERAS, SECOND, TOPICS, assert_same, play
import pytest
from recordings import Recording, bag_messages, recording
from rosbags.highlevel import AnyReader
import yaml

from irevla_control.bags.index import INDEX, list_episodes, main, read_index, rebuild_index
from irevla_control.bags.reader import read_episode
from irevla_control.bags.writer import Topic
from irevla_control.errors import BagError, ConfigError
from irevla_control.recording.episode_recording import EpisodeRecording
from irevla_control.recording.limits import Limits
from irevla_control.recording.recorder import Recorder


def sent(played):
    return sorted((topic, data) for topic, _, data in played.wire)


def test_reader_returns_exactly_what_was_published(tmp_path):
    played = play(steps=6)
    with recording(tmp_path) as run:
        run.play(played)
    episode = read_episode(tmp_path / 'reach_0', CAMERAS)
    assert_same(episode, played)
    assert (episode.task, episode.instruction, episode.seed) == (
        'reach',
        'reach the »red« ball',
        0,
    )
    assert episode.success and episode.terminated
    assert not (episode.truncated or episode.aborted or episode.dropped)


def test_bag_is_a_rosbag2_folder_with_every_message_bit_for_bit(tmp_path):
    played = play()
    with recording(tmp_path) as run:
        run.play(played)
    folder = tmp_path / 'reach_0'
    with AnyReader([folder]) as reader:
        assert [(connection.topic, data) for connection, _, data in reader.messages()] == [
            (topic, data) for topic, _, data in played.wire
        ]
    about = yaml.safe_load((folder / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    assert about['storage_identifier'] == 'mcap' and about['version'] >= 5
    counts = {
        topic['topic_metadata']['name']: topic['message_count']
        for topic in about['topics_with_message_count']
    }
    assert counts['/command'] == 4 and counts['/camera/corner/image_raw'] == 5
    assert about['message_count'] == sum(counts.values()) == len(played.messages)
    assert all(
        'reliability: 1' in topic['topic_metadata']['offered_qos_profiles']
        for topic in about['topics_with_message_count']
    )
    assert about['custom_data']['instruction'] == 'reach the »red« ball'
    assert about['custom_data']['success'] == 'true'
    with (folder / about['relative_file_paths'][0]).open('rb') as file:
        reader = make_reader(file, validate_crcs=True)
        for (schema, channel, message), (_, stamp, _) in zip(
            reader.iter_messages(), played.wire, strict=True
        ):
            assert (schema.encoding, channel.message_encoding) == ('ros2msg', 'cdr')
            assert message.publish_time == stamp and message.log_time > stamp


FROM_START = ('/camera/corner/image_raw', '/robot_state', '/command')


@pytest.mark.parametrize('late', FROM_START)
@pytest.mark.parametrize('all_missed', [False, True])
def test_recorder_that_missed_the_beginning_fails_the_episode(tmp_path, late, all_missed):
    played = play(steps=6)
    missed = [
        (topic, stamp)
        for topic, stamp, _ in played.wire
        if topic == late and (all_missed or stamp == played.wire[0][1])
    ]
    for folder, from_start, failed in (
        ('simulator', FROM_START, f'the recorder missed the beginning of {late}'),
        ('robot', (), ''),
    ):
        with recording(tmp_path / folder, from_start=from_start, max_dropped_share=1.0) as run:
            for topic, stamp, data in played.wire:
                if (topic, stamp) not in missed:
                    run.take(topic, data)
        [entry] = run.entries
        assert entry.failed == failed
        assert entry.aborted == bool(failed), 'an aborted episode is repeated'


def test_recorder_that_starts_during_an_episode_fails_the_episode(tmp_path):
    played = play(steps=6)
    middle = sorted({stamp for _, stamp, _ in played.wire})[2]
    with recording(tmp_path, from_start=FROM_START) as run:
        for topic, stamp, data in played.wire:
            if stamp >= middle:
                run.take(topic, data)
    assert run.entries[0].failed == 'the recorder missed its first 2 steps'


def test_from_start_refuses_a_topic_without_a_header(tmp_path):
    topic = Topic('/camera/corner/clock_offset', 'std_msgs/msg/Float64')
    with pytest.raises(ConfigError, match='offset, whose type .*Float64 has no header; name'):
        Recorder(tmp_path, [*TOPICS, topic], Limits(from_start=(topic.name,)), print, print)


def test_complete_recording_does_not_fail(tmp_path):
    with recording(tmp_path, from_start=FROM_START) as run:
        run.play(play(steps=6))
    assert not run.entries[0].failed and not run.entries[0].aborted


def test_index_lists_the_episodes_and_is_rebuilt_from_the_bags(tmp_path, capsys):
    with recording(tmp_path) as run:
        for number in range(3):
            run.play(
                play(
                    f'reach_{number}',
                    steps=3 + number,
                    seed=number,
                    start=(1_700_000_000 + 100 * number) * SECOND,
                )
            )
    original = list(read_index(tmp_path).values())
    assert [entry.episode_id for entry in original] == ['reach_0', 'reach_1', 'reach_2']
    assert [entry.steps for entry in original] == [3, 4, 5]
    assert original == run.entries == list_episodes(tmp_path)
    assert original[0].topics['/command'] == {
        'messages': 3,
        'lost': 0,
        'max_gap_s': pytest.approx(0.007),
    }
    text = (tmp_path / INDEX).read_text()
    (tmp_path / INDEX).unlink()
    assert rebuild_index(tmp_path) == original
    assert (tmp_path / INDEX).read_text() == text
    assert main([str(tmp_path), '--rebuild']) == 0
    assert 'reach_2  reach  success  5 steps' in capsys.readouterr().out


def test_truncated_index_is_repaired_when_a_recorder_starts(tmp_path):
    with recording(tmp_path) as run:
        run.play(play('reach_0'))
        run.play(play('reach_1', start=1_700_000_100 * SECOND))
    text = (tmp_path / INDEX).read_text()
    (tmp_path / INDEX).write_text(text[:-40])
    assert len(list_episodes(tmp_path)) == 2
    with recording(tmp_path) as run:
        assert (tmp_path / INDEX).read_text() == text
        run.play(play('reach_2', start=1_700_000_200 * SECOND))
    assert [json.loads(line)['episode_id'] for line in (tmp_path / INDEX).open()] == [
        'reach_0',
        'reach_1',
        'reach_2',
    ]


def test_notes_during_an_episode_are_in_its_bag(tmp_path):
    played = play()
    with recording(tmp_path) as run:
        for topic, _, data in played.wire:
            run.take(topic, data)
            run.update()
            run.recorder.notes['clock_offset_s'] = json.dumps({'corner': -0.045})
    about = yaml.safe_load((tmp_path / 'reach_0' / 'metadata.yaml').read_text())
    assert json.loads(about['rosbag2_bagfile_information']['custom_data']['clock_offset_s']) == {
        'corner': -0.045
    }


def test_sources_of_the_executed_commands_are_named(tmp_path):
    played = play(steps=8)
    with recording(tmp_path) as run:
        run.play(played)
    names = {1: 'policy', 2: 'teleop', 3: 'expert'}
    assert set(run.entries[0].sources) == {names[source] for source in played.sources}


@settings(max_examples=25)
@given(st.data())
def test_each_message_is_in_its_own_episode_in_any_order_of_topics(tmp_path_factory, data):
    root = tmp_path_factory.mktemp('bags')
    first = play('first', steps=3)
    second = play('second', steps=2, start=first.end + 1000, seed=1)
    queues = {}
    for topic, _, content in first.wire + second.wire:
        queues.setdefault(topic, []).append(content)
    with recording(root, hold_s=1000.0) as run:
        while queues:
            topic = data.draw(st.sampled_from(sorted(queues)))
            run.take(topic, queues[topic].pop(0))
            if not queues[topic]:
                del queues[topic]
            if data.draw(st.booleans()):
                run.update()
    for played in (first, second):
        assert sorted(bag_messages(root / played.episode_id)) == sent(played)
        assert_same(read_episode(root / played.episode_id, CAMERAS), played)
    assert run.recorder.counts['outside episodes'] == 0
    shutil.rmtree(root)


def test_log_times_never_decrease_and_are_the_receive_times(tmp_path):
    played = play()
    with recording(tmp_path) as run:
        times = []
        for topic, _, data in reversed(played.wire[:5]):
            run.take(topic, data)
            times.append(run.now)
        run.update()
        run.play(play('reach_0', steps=4))
    with AnyReader([tmp_path / 'reach_0']) as reader:
        logged = [time for _, time, _ in reader.messages()]
    assert logged == sorted(logged)
    assert set(times[:4]) <= set(logged)


def test_messages_outside_episodes_are_not_recorded(tmp_path):
    first = play('first', steps=2)
    later = play('later', steps=2, start=first.end + 10 * SECOND)
    between = play('between', steps=2, start=first.end + 2 * SECOND).wire
    with recording(tmp_path) as run:
        run.play(first)
        for topic, _, data in between:
            if topic != '/episode':
                run.take(topic, data)
        run.update(2.0)
        run.play(later)
    assert sorted(bag_messages(tmp_path / 'first')) == sent(first)
    assert sorted(bag_messages(tmp_path / 'later')) == sent(later)
    assert run.recorder.counts['outside episodes'] == len(between) - 3


def test_late_messages_are_recorded_until_grace_s_is_over(tmp_path):
    played = play(steps=2).wire
    straggler, late = played[5], played[6]
    with recording(tmp_path, grace_s=0.5) as run:
        for topic, _, data in played:
            if data not in (straggler[2], late[2]):
                run.take(topic, data)
        run.update(0.4)
        assert not run.entries
        run.take(*straggler[::2])
        run.update()
        run.update(0.2)
        run.take(*late[::2])
        run.update()
    topics = [topic for topic, _ in bag_messages(tmp_path / 'reach_0')]
    assert topics.count(straggler[0]) == 2 and topics.count(late[0]) == 1


def test_missing_events_delay_messages_for_hold_s_only(tmp_path):
    unfinished = play(steps=2).wire[:-1]
    with recording(tmp_path, hold_s=0.3) as run:
        for topic, _, data in unfinished:
            run.take(topic, data)
        run.update()
        file = next((tmp_path / '.staging').glob('*/*.mcap'))
        before = file.stat().st_size
        run.update(0.5)
        assert file.stat().st_size > before


def test_memory_for_waiting_messages_is_bounded(tmp_path):
    with recording(tmp_path, hold_s=1000.0, hold_bytes=5000) as run:
        for topic, _, data in play(steps=60).wire:
            if topic != '/episode':
                run.take(topic, data)
                run.update()
        assert sum(len(message.data) for message in run.recorder._waiting) <= 5000
    assert list_episodes(tmp_path) == []


def test_an_episode_that_never_ended_is_recorded_as_aborted(tmp_path):
    first = play('first', steps=3, ends=False)
    with recording(tmp_path) as run:
        run.play(first)
        run.play(play('second', steps=2, start=first.end + SECOND))
        run.play(play('third', steps=2, start=first.end + 10 * SECOND, ends=False))
    assert {entry.episode_id: entry.aborted for entry in run.entries} == {
        'first': True,
        'second': False,
        'third': True,
    }
    assert any('first never ended' in problem for problem in run.problems)


def test_late_events_of_a_past_episode_make_no_bag(tmp_path):
    with recording(tmp_path) as run:
        for topic, _, data in play('over', steps=3).wire:
            if topic == '/episode':
                run.take(topic, data)
        run.update()
        run.play(play('now', steps=2, start=1_700_000_100 * SECOND))
    assert [entry.episode_id for entry in run.entries] == ['now']
    assert not run.problems


def test_an_episode_id_is_recorded_once(tmp_path):
    with recording(tmp_path) as run:
        run.play(play())
        run.update(1.0)
    with recording(tmp_path) as run:
        run.play(play(start=1_700_000_100 * SECOND))
    assert not run.entries
    assert 'exists already' in run.problems[0]
    assert_same(read_episode(tmp_path / 'reach_0', CAMERAS), play())


@pytest.mark.parametrize('name', ['../escape', '.hidden', 'a/b', 'ä', '-rf'])
def test_an_episode_id_that_is_no_safe_folder_name_is_refused(tmp_path, name):
    with recording(tmp_path / 'root') as run:
        run.play(play(name))
    assert repr(name) in run.problems[0]
    assert [path.name for path in tmp_path.iterdir()] == ['root']


@pytest.fixture
def limit_file_size():
    """Return a function that limits the size of every file [bytes], as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_fails_only_the_episode_being_recorded(tmp_path, limit_file_size):
    first = play('first', steps=2)
    broken = play('broken', steps=40, start=1_700_000_100 * SECOND)
    with recording(tmp_path) as run:
        run.play(first)
        limit_file_size(40_000)
        run.play(broken)
        limit_file_size(resource.RLIM_INFINITY)
        third = play('third', steps=2, start=1_700_000_200 * SECOND)
        run.play(third)
    entries = {entry.episode_id: entry for entry in run.entries}
    assert str(tmp_path) in entries['broken'].failed and entries['broken'].aborted
    assert any('broken is no longer recorded' in problem for problem in run.problems)
    whole = bag_messages(tmp_path / 'broken')
    assert whole == [(topic, data) for topic, _, data in broken.wire[: len(whole)]]
    assert sum(topic['lost'] for topic in entries['broken'].topics.values()) == len(
        broken.messages
    ) - len(whole)
    for played in (first, third):
        assert_same(read_episode(tmp_path / played.episode_id, CAMERAS), played)


def test_a_defect_in_the_commit_is_raised_and_the_next_episode_committed(tmp_path, monkeypatch):
    def commit(episode):
        if episode.episode_id == 'broken':
            raise ZeroDivisionError
        return original(episode)

    original = EpisodeRecording.commit
    monkeypatch.setattr(EpisodeRecording, 'commit', commit)
    run = Recording(tmp_path)
    run.play(play('broken'))
    run.play(play('whole', start=1_700_000_100 * SECOND))
    with pytest.raises(ZeroDivisionError):
        run.recorder.close()
    assert [entry.episode_id for entry in list_episodes(tmp_path)] == ['whole']


def test_nothing_is_recorded_to_a_disk_that_is_nearly_full(tmp_path):
    with recording(tmp_path, min_free_bytes=10**18) as run:
        run.update()
        run.play(play())
    assert 'nearly full' in run.problems[0]
    assert list_episodes(tmp_path) == []


def test_two_recorders_never_share_a_root(tmp_path):
    with recording(tmp_path), pytest.raises(BagError, match='in use'):
        Recording(tmp_path)
    with recording(tmp_path):
        pass


def test_malformed_messages_are_refused_by_name(tmp_path):
    with recording(tmp_path) as run:
        for data in (b'', b'\x00\x01\x00\x00\x01', b'\x00\x01\x00\x00' + bytes(9)):
            run.take('/episode', data)
        run.update()
        run.play(play())
    assert len(run.problems) == 3 and all('/episode' in problem for problem in run.problems)
    assert len(run.entries) == 1
