# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Only observations with a command count, and the observation that ends the episode."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from irevla_control.episodes.robot_episode import RobotEpisode
from irevla_control.errors import ConfigError


def test_an_observation_counts_when_a_command_answers_it():
    episode = RobotEpisode(horizon=3)
    assert episode.begin(5).step == 0
    assert episode.frame(10) is None
    first = episode.command(10, 10)
    assert (first.stamp, first.step, first.ended) == (10, 0, False)
    assert episode.frame(20) is None, 'unanswered'
    assert episode.command(30, 30).step == 1


def test_the_horizon_truncates_at_the_next_observation():
    episode = RobotEpisode(horizon=2)
    episode.command(10, 10)
    episode.command(20, 20)
    assert episode.command(25, 25) is None, 'no command after the horizon counts'
    assert episode.frame(20) is None, 'the last command answered this observation'
    last = episode.frame(30)
    assert (last.stamp, last.step, last.reward) == (30, 2, 0.0)
    assert last.truncated and last.ended and not last.terminated and not last.success
    assert episode.frame(40) is None


@pytest.mark.parametrize('success', [True, False])
def test_a_verdict_terminates_at_the_next_observation(success):
    episode = RobotEpisode(horizon=9)
    episode.command(10, 10)
    (episode.success if success else episode.failure)(12)
    last = episode.frame(20)
    assert last.terminated and not last.truncated
    assert (last.success, last.reward, last.step) == (success, float(success), 1)


def test_success_at_the_horizon_is_not_a_truncation():
    episode = RobotEpisode(horizon=1)
    episode.command(10, 10)
    episode.success(10)
    assert episode.frame(20).terminated


def test_an_episode_lingers_after_success_to_show_it():
    episode = RobotEpisode(horizon=9, linger=2)
    assert not episode.command(10, 10).success
    episode.success(12)
    episode.failure(13)
    assert episode.command(20, 20) is None
    events = [episode.frame(stamp) for stamp in (30, 40)]
    assert [(each.step, each.success, each.ended) for each in events] == [(1, True, False)] * 2
    episode.success(45)
    last = episode.frame(50)
    assert (last.step, last.success, last.terminated, last.reward) == (1, True, True, 1.0)


def test_success_at_the_horizon_lingers_too():
    episode = RobotEpisode(horizon=1, linger=1)
    episode.command(10, 10)
    episode.success(12)
    assert episode.frame(20).success and not episode.ended
    assert episode.frame(30).success and episode.ended


MS = 1_000_000


def test_commands_count_although_the_camera_s_clock_is_ahead():
    episode, now = RobotEpisode(20), 10**18
    episode.begin(now)
    for step in range(20):
        now += 66 * MS
        assert episode.command(now + 45 * MS, executed=now).step == step
    assert episode.frame(now + 45 * MS) is None, 'the last command answered this observation'
    assert episode.frame(now + 111 * MS).truncated


def test_a_verdict_ends_the_episode_although_the_camera_s_clock_is_ahead():
    episode, now = RobotEpisode(20), 10**18
    episode.command(now + 45 * MS, executed=now)
    episode.success(now + 20 * MS)
    last = episode.frame(now + 111 * MS)
    assert last.success and last.step == 1


def test_episode_still_ends_after_a_command_with_a_stamp_of_the_future():
    episode, now, hour = RobotEpisode(20), 10**18, 3_600_000 * MS
    episode.command(now, executed=now)
    assert episode.command(now + hour, executed=now + 66 * MS).step == 1
    assert episode.command(now + 132 * MS, now + 132 * MS) is None, 'the arm refuses it too'
    episode.success(now + 140 * MS)
    last = episode.frame(now + 200 * MS)
    assert last.success and last.step == 2 and last.stamp > now + hour


def test_an_abort_is_the_newest_event_though_the_clock_was_set_back():
    episode = RobotEpisode(horizon=5)
    assert episode.command(10, executed=20).step == 0
    assert episode.abort(5, 'set back').stamp > 10


def test_a_verdict_before_the_first_command_is_ignored():
    episode = RobotEpisode(horizon=1)
    episode.success(10)
    assert episode.frame(10) is None


def test_observation_before_the_last_execution_does_not_end_the_episode():
    episode = RobotEpisode(horizon=1)
    episode.command(10, executed=90)
    assert episode.frame(76) is None
    assert episode.frame(109).ended


def test_a_command_from_before_the_episode_does_not_count():
    episode = RobotEpisode(horizon=1)
    episode.begin(100)
    assert episode.command(99, 101) is None
    assert episode.command(100, 102).step == 0


def test_abort_ends_the_episode_once():
    episode = RobotEpisode(horizon=5)
    episode.command(10, 10)
    assert episode.abort(20, 'discarded by the operator').aborted
    assert episode.abort(30, 'again') is None
    assert episode.frame(40) is None
    assert episode.command(50, 50) is None


@given(
    st.lists(st.sampled_from(['frame', 'command', 'success', 'failure']), max_size=40),
    st.integers(1, 6),
    st.integers(0, 3),
)
def test_in_any_order_of_inputs_steps_and_stamps_increase_and_one_event_is_the_last(
    moves, horizon, linger
):
    episode, stamp = RobotEpisode(horizon, linger), 5
    episode.begin(stamp)
    events = []
    for move in moves:
        if move == 'frame':
            stamp += 1
        event = getattr(episode, move)(*([stamp, stamp] if move == 'command' else [stamp]))
        events += [event] if event is not None else []
    steps = [event.step for event in events]
    assert steps == sorted(steps) and set(steps) == set(range(steps[-1] + 1) if steps else ())
    assert all(a.stamp < b.stamp for a, b in zip(events, events[1:]))
    assert [event.ended for event in events] == [False] * (len(events) - episode.ended) + [
        True
    ] * episode.ended
    assert len(events) <= horizon + 1 + linger


def test_an_invalid_horizon_or_linger_is_refused():
    with pytest.raises(ConfigError, match='horizon is 0'):
        RobotEpisode(0)
    with pytest.raises(ConfigError, match='linger is -1'):
        RobotEpisode(1, -1)
