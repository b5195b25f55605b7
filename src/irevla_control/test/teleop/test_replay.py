# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A replay sends every recorded command once, at its time."""

from foreign_bags import messages_of, write_mcap
import numpy as np
from played_episode import play
import pytest
import rclpy
from recordings import recording

from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import ns_to_stamp
from irevla_control.teleop.replay import Replay
from irevla_control.teleop.replay_node import ReplayNode

MS = 1_000_000
ACTIONS = np.arange(28.0).reshape(4, 7) / 100
STAMPS = 5_000 * MS + 100 * MS * np.arange(4)


def test_without_a_pace_each_observation_gets_one_action_and_then_zero_motion():
    replay = Replay(ACTIONS, STAMPS, paced=False)
    np.testing.assert_array_equal([replay.answer(stamp) for stamp in (3, 9, 10, 99)], ACTIONS)
    np.testing.assert_array_equal(replay.answer(100), [0] * 6 + [ACTIONS[-1, 6]])
    replay.restart()
    np.testing.assert_array_equal(replay.answer(200), ACTIONS[0])


def test_a_faster_camera_leaves_images_unanswered():
    replay = Replay(ACTIONS, STAMPS, paced=True)
    given = [replay.answer(70_000 * MS + ms * MS) for ms in range(0, 340, 33)]
    np.testing.assert_array_equal([each for each in given if each is not None][:4], ACTIONS)
    assert [each is not None for each in given[:5]] == [True, False, True, False, False]


def test_a_slower_camera_gets_every_action_later():
    replay = Replay(ACTIONS, STAMPS, paced=True)
    np.testing.assert_array_equal([replay.answer(ms * MS) for ms in (0, 250, 500, 750)], ACTIONS)


def test_an_episode_without_commands_is_refused():
    with pytest.raises(ConfigError, match='no commands'):
        Replay(np.empty((0, 7)), np.empty(0, np.int64), paced=False)
    with pytest.raises(ConfigError, match='cannot be replayed: robot_state is 3.0 ms older'):
        Replay(
            np.empty((0, 7)),
            np.empty(0, np.int64),
            paced=False,
            unjoined='robot_state is 3.0 ms older than the observation',
        )


@pytest.fixture
def converted(tmp_path):
    """A robot's bag that lost its metadata: states are older than the observations."""
    played = play(steps=5)
    for topic, stamp, message in played.messages:
        if topic == '/robot_state':
            message.header.stamp = ns_to_stamp(stamp - 30 * MS)
    # A state before the first observation is not part of the episode.
    with recording(tmp_path, max_skew_s=0.05, max_dropped_share=0.2) as run:
        run.play(played)
    assert (run.entries[0].dropped, run.entries[0].failed) == (1, '')
    return write_mcap(tmp_path / 'converted' / 'x.mcap', messages_of(tmp_path / 'reach_0'))


def replay_node(**values):
    return ReplayNode(
        parameter_overrides=[rclpy.Parameter(name, value=value) for name, value in values.items()]
    )


@pytest.mark.usefixtures('ros')
def test_converted_bag_without_its_skew_is_replayed_with_bag_max_skew_s(converted):
    with pytest.raises(
        ConfigError,
        match=r'replayed: none of its 5 steps is complete: '
        r'robot_state is 30\.0 ms older .* bag_max_skew_s',
    ) as refused:
        replay_node(bag=str(converted))
    assert '\n' not in str(refused.value)
    replay_node(bag=str(converted), bag_max_skew_s=0.03).destroy_node()
