# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags to arrays: incomplete steps are left out and counted, damaged bags are refused."""

import os
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
from played_episode import CAMERAS, PERIOD, SECOND, assert_same, play, wire
import pytest
from rclpy.serialization import serialize_message
from recordings import recording

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode, read_observations
from irevla_control.episode import parts_of
from irevla_control.errors import BagError, NothingJoinsError
from irevla_control.ros.conversions import ns_to_stamp


def record(root, messages, episode_id='reach_0', **limits):
    with recording(root, **limits) as run:
        for topic, _, data in messages:
            run.take(topic, data)
            run.update()
    return root / episode_id


def test_steps_without_all_cameras_or_state_are_dropped_and_counted(tmp_path):
    played = play(steps=5)
    first = int(played.stamps[0])
    lost = {('/camera/gripper/image_raw', first + PERIOD), ('/robot_state', first + 3 * PERIOD)}
    episode = read_episode(
        record(
            tmp_path,
            [
                (topic, stamp, data)
                for topic, stamp, data in played.wire
                if (topic, stamp) not in lost
            ],
        ),
        CAMERAS,
    )
    kept = [0, 2, 4]
    assert episode.dropped == 2
    np.testing.assert_array_equal(episode.stamps, played.stamps[kept])
    np.testing.assert_array_equal(episode.actions, played.actions[kept])
    np.testing.assert_array_equal(episode.rewards, played.rewards[kept])
    for camera in CAMERAS:
        np.testing.assert_array_equal(episode.images[camera], played.images[camera][kept])


def instructed(*texts):
    """Play an episode with one of these instructions for each observation."""
    played = play(steps=len(texts) - 1)
    events = [message for topic, _, message in played.messages if topic == '/episode']
    for event, text in zip(events, texts, strict=True):
        event.instruction = text
    return played


def test_each_step_has_the_instruction_of_its_observation(tmp_path):
    texts = ['reach', 'reach', 'lift', 'reach', 'reach', 'wait']
    played = instructed(*texts)
    episode = read_episode(record(tmp_path, played.wire), CAMERAS)
    assert episode.instructions == tuple(texts[:5]) and episode.instruction == 'reach'
    assert read_observations(tmp_path / 'reach_0', CAMERAS).instructions == tuple(texts)
    parts = parts_of(episode)
    assert [
        (
            part.episode_id,
            part.part_of,
            part.task,
            part.instruction,
            part.instructions,
            len(part.stamps),
            part.success,
            part.terminated,
        )
        for part in parts
    ] == [
        ('reach_0_part0', 'reach_0', 'reach', 'reach', (), 2, True, False),
        ('reach_0_part1', 'reach_0', 'lift', 'lift', (), 1, True, False),
        ('reach_0_part2', 'reach_0', 'reach', 'reach', (), 2, True, True),
    ]
    for name in ('stamps', 'states', 'actions', 'labels', 'sources', 'rewards'):
        np.testing.assert_array_equal(
            np.concatenate([getattr(part, name) for part in parts]), getattr(played, name)
        )
    for camera in CAMERAS:
        np.testing.assert_array_equal(
            np.concatenate([part.images[camera] for part in parts]), played.images[camera]
        )


def test_instruction_of_the_last_observation_belongs_to_no_step(tmp_path):
    episode = read_episode(record(tmp_path, instructed('reach', 'reach', 'go home').wire), CAMERAS)
    assert (episode.instruction, episode.instructions) == ('reach', ())
    assert parts_of(episode) == [episode]


def test_an_episode_without_a_step_is_one_part(tmp_path):
    episode = read_episode(
        record(
            tmp_path,
            [each for each in instructed('reach', 'lift', 'lift').wire if each[0] != '/command'],
        ),
        (),
    )
    assert not len(episode.stamps) and parts_of(episode) == [episode]


def test_sensors_with_other_stamps_are_joined_to_the_first_camera(tmp_path):
    played, early = play(steps=5), PERIOD // 4
    messages = []
    for topic, stamp, message in played.messages:
        if topic in ('/camera/gripper/image_raw', '/robot_state'):
            message.header.stamp = ns_to_stamp(stamp - early)
        messages.append((topic, stamp, wire(message)))
    # The second camera is half as fast as the first.
    slow = [
        each
        for number, each in enumerate(each for each in messages if 'gripper' in each[0])
        if number % 2 == 0
    ]
    kept = [each for each in messages if 'gripper' not in each[0] or each in slow]
    folder = record(tmp_path, kept, max_skew_s=1.3 * PERIOD / SECOND, hold_s=0.0)
    episode = read_episode(folder, CAMERAS)
    # Messages from before the episode's first event are not in the bag.
    np.testing.assert_array_equal(episode.stamps, played.stamps[2:])
    np.testing.assert_array_equal(episode.states, played.states[2:])
    np.testing.assert_array_equal(episode.images['corner'], played.images['corner'][2:])
    np.testing.assert_array_equal(episode.images['gripper'], played.images['gripper'][[2, 2, 4]])


def shifted(played, shifts):
    """Return the messages with stamps that are earlier by `shifts` (topic to nanoseconds)."""
    messages = []
    for topic, stamp, message in played.messages:
        if topic in shifts:
            message.header.stamp = ns_to_stamp(stamp - shifts[topic])
        messages.append((topic, stamp, wire(message)))
    return messages


@pytest.mark.parametrize(
    'shifts, words',
    [
        (
            {'/camera/gripper/image_raw': 48_000_000},
            'none of its 5 steps is complete: camera gripper is 48.0 ms older than the '
            'observation; max_skew_s is 0.02 s',
        ),
        (
            {'/robot_state': -30_000_000, '/camera/corner/image_raw': 21_500_000},
            'robot_state is 70.0 ms older than the observation, camera corner is 21.5 ms older',
        ),
        ({'/robot_state': -410_000_000}, 'robot_state is 10.0 to 410.0 ms newer than the obs'),
    ],
)
def test_reason_for_no_complete_step_names_camera_time_and_setting(tmp_path, shifts, words):
    with recording(tmp_path, max_skew_s=0.02, max_dropped_share=1.0, hold_s=10.0) as run:
        for topic, _, data in shifted(play(steps=5), shifts):
            run.take(topic, data)
    episode = read_episode(tmp_path / 'reach_0', CAMERAS)
    assert len(episode.stamps) == 0 and episode.dropped == 5
    assert words in episode.unjoined
    with pytest.raises(NothingJoinsError) as error:
        read_observations(tmp_path / 'reach_0', CAMERAS)
    assert str(tmp_path / 'reach_0') in str(error.value) and 'max_skew_s' in str(error.value)


def test_reader_accepts_another_max_skew_s(tmp_path):
    played = play(steps=5)
    folder = record(
        tmp_path,
        shifted(played, {'/camera/gripper/image_raw': 48_000_000}),
        max_dropped_share=1.0,
        hold_s=10.0,
    )
    assert not len(read_episode(folder, CAMERAS).stamps)
    episode = read_episode(folder, CAMERAS, max_skew_s=0.05)
    np.testing.assert_array_equal(episode.stamps[-4:], played.stamps[-4:])
    assert not episode.unjoined and len(read_observations(folder, CAMERAS, 0.05).stamps) >= 4


def test_missing_images_of_an_unused_camera_drop_no_step(tmp_path):
    played = play()
    episode = read_episode(
        record(tmp_path, [each for each in played.wire if each[0] != '/camera/gripper/image_raw']),
        ['corner'],
    )
    assert episode.dropped == 0 and list(episode.images) == ['corner']


def test_without_an_expert_the_executed_command_is_the_label(tmp_path):
    played = play()
    episode = read_episode(
        record(tmp_path, [each for each in played.wire if each[0] != '/expert_label']), CAMERAS
    )
    np.testing.assert_array_equal(episode.labels, played.actions)


def test_an_episode_without_commands_has_no_steps(tmp_path):
    played = play(steps=3)
    episode = read_episode(
        record(tmp_path, [each for each in played.wire if each[0] != '/command']), CAMERAS
    )
    assert episode.stamps.shape == (0,) and episode.actions.shape == (0, 7)
    assert episode.states.shape == (0, 10) and episode.images['corner'].shape[0] == 0
    assert episode.unjoined == 'it contains no command'


def test_serialized_messages_with_bytes_after_them_are_read(tmp_path):
    played = play()
    folder = record(
        tmp_path,
        [(topic, stamp, serialize_message(message)) for topic, stamp, message in played.messages],
    )
    assert_same(read_episode(folder, CAMERAS), played)


def test_bags_are_read_without_ros(tmp_path):
    folder = record(tmp_path, play().wire)
    code = f"""
import sys
from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
print(len(read_episode({str(folder)!r}, {CAMERAS!r}).stamps))
print(len(list_episodes({str(tmp_path)!r})))
assert not [name for name in sys.modules if name.split('.')[0] in (
    'rclpy', 'irevla_msgs', 'ament_index_python')]
"""
    environment = {
        name: value
        for name, value in os.environ.items()
        if 'AMENT' not in name and 'ROS' not in name
    }
    done = subprocess.run(
        [sys.executable, '-c', code], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.split() == ['4', '1'], done.stderr


@pytest.mark.parametrize(
    'cameras, words',
    [(['wrist'], 'end in /camera/wrist/image_raw'), (['orner'], '/camera/orner/image_raw')],
)
def test_a_camera_that_was_not_recorded_is_named(tmp_path, cameras, words):
    folder = record(tmp_path, play().wire)
    with pytest.raises(BagError, match=words) as error:
        read_episode(folder, cameras)
    assert '/camera/corner/image_raw' in str(error.value)


def test_images_of_another_encoding_or_size_are_refused(tmp_path):
    for number, change in enumerate(({'encoding': 'bgr8'}, {'height': 5})):
        played = play(f'reach_{number}')
        image = played.messages[7][2]
        for name, value in change.items():
            setattr(image, name, value)
        folder = record(tmp_path / str(number), played.wire, f'reach_{number}')
        with pytest.raises(BagError, match='camera/corner/image_raw has a frame'):
            read_episode(folder, CAMERAS)


def test_values_that_are_not_finite_are_refused(tmp_path):
    played = play()
    next(
        message for topic, _, message in played.messages if topic == '/command'
    ).translation.x = float('nan')
    with pytest.raises(BagError, match='command contains values that are not finite'):
        read_episode(record(tmp_path, played.wire), CAMERAS)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    return record(tmp_path_factory.mktemp('bag'), play(steps=2).wire)


def copy(bag, folder, content):
    (folder / 'copy').mkdir()
    (folder / 'copy' / 'metadata.yaml').write_bytes((bag / 'metadata.yaml').read_bytes())
    (folder / 'copy' / f'{bag.name}_0.mcap').write_bytes(content)
    return folder / 'copy'


@settings(max_examples=60)
@given(st.data())
def test_a_truncated_bag_is_refused_with_file_and_remedy(tmp_path_factory, bag, data):
    content = (bag / f'{bag.name}_0.mcap').read_bytes()
    folder = copy(
        bag, tmp_path_factory.mktemp('cut'), content[: data.draw(st.integers(0, len(content) - 1))]
    )
    for read in (lambda: read_episode(folder, CAMERAS), lambda: list_episodes(folder.parent)):
        with pytest.raises(BagError, match=str(folder)):
            read()


@settings(max_examples=100)
@given(st.data())
def test_flipped_bit_is_detected_or_harmless(tmp_path_factory, bag, data):
    content = bytearray((bag / f'{bag.name}_0.mcap').read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    folder = copy(bag, tmp_path_factory.mktemp('flip'), bytes(content))
    try:
        episode = read_episode(folder, CAMERAS)
    except BagError as error:
        assert str(folder) in str(error)
    else:
        assert_same(episode, play(steps=2))


@pytest.mark.parametrize(
    'files',
    [
        {},
        {'x.mcap': b'no bag'},
        {'x.db3': b'SQLite format 3'},
        {'metadata.yaml': b'a: [1'},
        {'metadata.yaml': b'a: 1'},
    ],
)
def test_a_foreign_folder_is_refused(tmp_path, files):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError, match=str(tmp_path)):
        read_episode(tmp_path, CAMERAS)


def test_a_root_that_does_not_exist_is_refused(tmp_path):
    with pytest.raises(BagError, match='nowhere is not a folder'):
        list_episodes(tmp_path / 'nowhere')
    (tmp_path / 'worker0.json').write_text('[]')
    with pytest.raises(BagError, match='worker0.json is not a folder'):
        list_episodes(tmp_path / 'worker0.json')
