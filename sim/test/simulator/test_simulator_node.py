# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real node over DDS: its episodes, its clock and its refusals."""

from client import HOLD, Client, running
from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np
import pytest

from irevla_control.ros.conversions import stamp_to_ns
from irevla_msgs.msg import EpisodeState, RobotState
from irevla_msgs.srv import ResetEpisode

Answer = ResetEpisode.Response


def test_robot_state_has_pose_twist_and_joints(graph):
    graph.start('drawer-open', 0)
    for _ in range(3):
        before = graph.states[stamp_to_ns(graph.episode.header.stamp)]
        graph.step(np.array([0.03, 0, 0, 0, 0, 0, 1]))
    robot = graph.robots[stamp_to_ns(graph.episode.header.stamp)]
    moved = robot.pose.position.x - before[0]
    assert moved > 0.01
    assert robot.twist.linear.x == pytest.approx(moved / 0.05, rel=0.5)
    assert len(robot.joint_position) == len(robot.joint_velocity) == 7
    assert robot.mode == RobotState.MODE_READY and robot.header.frame_id == 'base'


@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        (lambda client, stamp: client.send(HOLD, stamp_ns=stamp - 1), 'stamp {before} answers no'),
        (lambda client, stamp: client.send(HOLD, stamp_ns=stamp + 1), 'stamp {after} answers no'),
        (lambda client, stamp: client.send(HOLD, frame_id='camera'), "frame 'camera'"),
        (lambda client, stamp: client.send(HOLD * np.nan), 'not finite'),
        (lambda client, stamp: client.send(HOLD * 2), 'gripper opening 2.0'),
    ],
)
def test_a_wrong_command_is_refused_and_reported_and_moves_nothing(graph, fault, reason):
    graph.start('drawer-open', 0)
    received = len(graph.episodes)
    graph.diagnostics.clear()
    stamp = stamp_to_ns(graph.episode.header.stamp)
    reason = reason.format(before=stamp - 1, after=stamp + 1)
    fault(graph, stamp)

    def statuses():
        return [
            status
            for array in graph.diagnostics
            for status in array.status
            if status.name == 'simulator: status'
        ]

    graph.spin_until(lambda: any(reason in status.message for status in statuses()), 5)
    assert statuses()[-1].level == DiagnosticStatus.WARN
    assert any(value.key == 'refused' and int(value.value) > 0 for value in statuses()[-1].values)
    assert len(graph.episodes) == received
    graph.step(HOLD)
    assert graph.episode.step == 1


def test_a_command_after_the_end_is_refused(graph):
    graph.start('drawer-open', 0)
    while graph.episode.phase == EpisodeState.PHASE_RUNNING:
        graph.step(HOLD)
    assert graph.episode.truncated and not graph.episode.terminated
    received = len(graph.episodes)
    graph.send(HOLD)
    graph.spin_for(0.3)
    assert len(graph.episodes) == received


def test_a_reset_ends_the_running_episode_as_aborted_first(graph):
    graph.start('drawer-open', 0)
    graph.step(HOLD)
    first = graph.episode
    graph.start('door-open', 1)
    ended = graph.episodes[-2]
    assert ended.episode_id == first.episode_id and ended.step == 1
    assert ended.phase == EpisodeState.PHASE_ENDED and ended.aborted and ended.text
    assert not (ended.terminated or ended.truncated or ended.success)
    assert graph.episode.phase == EpisodeState.PHASE_RUNNING and not graph.episode.aborted


@pytest.mark.parametrize(
    ('task', 'seed', 'code', 'text'),
    [
        ('drawer-opn', 0, Answer.UNKNOWN_TASK, 'did you mean drawer-open'),
        ('drawer-open', -2, Answer.BAD_SEED, 'seed -2'),
    ],
)
def test_a_wrong_reset_is_refused_and_leaves_the_episode_running(graph, task, seed, code, text):
    graph.start('drawer-open', 0)
    answer = graph.reset(task, seed)
    assert answer.code == code and text in answer.text and not answer.episode_id
    graph.step(HOLD)
    assert graph.episode.step == 1


def test_a_reset_without_a_seed_draws_one_that_reproduces_the_episode(graph):
    first = graph.start('drawer-open', -1)
    seed, identity = graph.episode.seed, graph.episode.episode_id
    assert seed >= 0
    again = graph.start('drawer-open', seed)
    np.testing.assert_array_equal(first['front'], again['front'])
    assert graph.episode.episode_id != identity
    graph.start('drawer-open', -1)
    assert graph.episode.seed != seed


def test_real_time_keeps_its_rate_and_does_not_move_without_commands(ros):
    client = Client(('front',), '/real_time')
    with running(
        'simulator_node',
        '/real_time',
        mode='real_time',
        control_hz=10.0,
        cameras='[front]',
        horizon=30,
    ):
        client.wait_for_simulator()
        start = client.start('drawer-open', 0)
        first = stamp_to_ns(client.episode.header.stamp)
        client.spin_until(lambda: client.episode.step == 10)
        stamps = [stamp_to_ns(episode.header.stamp) for episode in client.episodes]
        intervals_s = np.diff([stamp for stamp in stamps if stamp > first]) / 1e9
        assert np.median(intervals_s) == pytest.approx(0.1, abs=0.01)
        still = client.observation()
        np.testing.assert_allclose(still['state'][:3], start['state'][:3], atol=0.01)
        while client.episode.step < 20:
            client.step(np.array([0.03, 0, 0, 0, 0, 0, 1]))
        assert client.observation()['state'][0] - still['state'][0] > 0.1
        client.spin_until(lambda: client.episode.phase == EpisodeState.PHASE_ENDED)
        assert client.episode.truncated and client.episode.step == 30
    client.close()


def test_stopping_the_simulator_aborts_the_episode(ros):
    client = Client(namespace='/stopped')
    with running('simulator_node', '/stopped') as process:
        client.wait_for_simulator()
        client.start('drawer-open', 0)
        process.terminate()
        client.spin_until(lambda: client.episode.aborted)
        assert 'stopped' in client.episode.text
    client.close()


def test_a_wrong_parameter_ends_the_node_with_the_reason(ros, capfd):
    with (
        pytest.raises(AssertionError, match='status 1'),
        running('simulator_node', cameras='[side]') as process,
    ):
        process.wait(30)
    assert "unknown camera 'side'" in capfd.readouterr().err
