# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The spacemouse node over DDS, with the real decoder."""

import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import (
    action_to_message,
    image_to_message,
    message_to_action,
    ns_to_stamp,
    stamp_to_ns,
)
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_control.teleop import spacemouse_node
from irevla_control.teleop.hid_reports import (
    FULL,
    HidReports,
    button_report,
    reported_device,
    translation_report,
)
from irevla_control.teleop.spacemouse import SpaceMouseError
from irevla_control.teleop.spacemouse_node import SpaceMouseNode
from irevla_msgs.msg import (
    EndEffectorCommand,
    EpisodeState,
    OperatorVerdict,
    PolicyStep,
    RobotState,
)

MAX_SKEW_S = 0.1
MS = 1_000_000
PICTURE = np.zeros((8, 8, 3), np.uint8)


pytestmark = pytest.mark.usefixtures('ros')


class Desk:
    """A mouse, the node that reads it, and the graph around them."""

    def __init__(self, follow_policy=False, cameras=('front',)):
        self.reports = HidReports()
        self.node = SpaceMouseNode(
            reported_device(self.reports),
            parameter_overrides=[
                rclpy.Parameter('cameras', value=list(cameras)),
                rclpy.Parameter('max_skew_s', value=MAX_SKEW_S),
                rclpy.Parameter('follow_policy', value=follow_policy),
            ],
        )
        self.peer = rclpy.create_node('peer')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.peer)
        self.images = {
            camera: self.peer.create_publisher(Image, f'camera/{camera}/image_raw', OBSERVATION)
            for camera in cameras
        }
        self.peer.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)
        self.executed = self.peer.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self.robot = self.peer.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self.episode = self.peer.create_publisher(EpisodeState, 'episode', EVENT)
        self.commands, self.verdicts, self.problems = [], [], []
        self.opening = 1.0
        self.peer.create_subscription(
            EndEffectorCommand, 'teleop_command', self.commands.append, COMMAND
        )
        self.peer.create_subscription(
            OperatorVerdict, 'operator_verdict', self.verdicts.append, COMMAND
        )
        self.stamp = 0
        self.steps = self.peer.create_publisher(PolicyStep, 'policy_step', COMMAND)
        answered_topic = self.steps if follow_policy else self.images[cameras[-1]]
        self.until(
            lambda: (
                answered_topic.get_subscription_count()
                and self.executed.get_subscription_count()
                and self.robot.get_subscription_count()
                and self.episode.get_subscription_count()
                and self.node.count_subscribers('teleop_command')
                and self.node.count_subscribers('operator_verdict')
            ),
            'the graph',
        )

    def until(self, condition, what, do=lambda: None):
        end = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < end, what
            do()
            self.executor.spin_once(timeout_sec=0.01)

    def _on_diagnostics(self, message):
        self.problems += [
            status.message for status in message.status if status.name == 'spacemouse: status'
        ]

    def publish_images(self, *cameras):
        """Publish an image of these cameras, or of all, and a state with the same stamp."""
        self.stamp += MS
        for camera in cameras or self.images:
            self.images[camera].publish(image_to_message(PICTURE, ns_to_stamp(self.stamp), camera))
        state = RobotState(gripper=self.opening)
        state.header.stamp = ns_to_stamp(self.stamp)
        self.robot.publish(state)

    def publish_opening(self, opening):
        """Publish the hand's measured opening until the node has received it."""
        self.opening = opening
        end = time.monotonic() + 0.2
        self.until(lambda: time.monotonic() > end, 'a while', self.publish_images)

    def publish_episode(self, episode_id, phase):
        message = EpisodeState(episode_id=episode_id, phase=phase)
        self.episode.publish(message)
        self.until(
            lambda: (
                (self.node._episode.episode_id, self.node._episode.phase) == (episode_id, phase)
            ),
            'the episode',
        )

    def execute(self, number):
        """Publish the mouse's command as executed until the node has received it."""
        self.until(lambda: len(self.commands) >= number, 'a command', self.push)
        self.executed.publish(self.commands[-1])
        end = time.monotonic() + 0.2
        self.until(lambda: time.monotonic() > end, 'a while')
        self.commands.clear()

    def push(self, *cameras):
        self.reports.waiting.append(translation_report(back=-FULL))
        self.publish_images(*cameras)


@pytest.fixture
def desk(ros):
    desk = Desk()
    yield desk
    desk.node.destroy_node()
    desk.peer.destroy_node()


def test_deflected_cap_answers_each_image_and_a_released_cap_answers_none(desk):
    desk.until(lambda: len(desk.commands) >= 3, 'commands', desk.push)
    action = message_to_action(desk.commands[-1])
    np.testing.assert_allclose(action[:3], [0.02, 0, 0], atol=1e-9)
    assert desk.commands[-1].source == EndEffectorCommand.SOURCE_TELEOP
    stamps = [stamp_to_ns(command.header.stamp) for command in desk.commands]
    assert stamps == sorted(set(stamps)) and stamps[-1] <= desk.stamp
    end = time.monotonic() + 0.5
    desk.until(lambda: time.monotonic() > end, 'half a second')
    desk.commands.clear()
    end = time.monotonic() + 0.3
    desk.until(lambda: time.monotonic() > end, 'images without an answer', desk.publish_images)
    assert not desk.commands


def test_an_operator_who_takes_over_keeps_the_gripper_closed(desk):
    closed = action_to_message([0] * 7, ns_to_stamp(1), 'base', EndEffectorCommand.SOURCE_POLICY)
    desk.executed.publish(closed)
    desk.until(lambda: desk.node._mouse.closed, 'the command of a closed gripper')
    desk.until(lambda: desk.commands, 'a command', desk.push)
    assert desk.commands[-1].gripper == 0


def test_a_gripper_press_waits_for_the_next_image_despite_policy_commands(desk):
    desk.reports.waiting += [button_report(0), button_report()]
    desk.until(lambda: desk.node._mouse.closed, 'the press')
    desk.executed.publish(
        action_to_message(
            [0, 0, 0, 0, 0, 0, 1], ns_to_stamp(1), 'base', EndEffectorCommand.SOURCE_POLICY
        )
    )
    end = time.monotonic() + 0.3
    desk.until(lambda: time.monotonic() > end, 'a while')
    desk.until(lambda: desk.commands, 'a command', desk.publish_images)
    assert desk.commands[0].gripper == 0


@pytest.mark.parametrize(
    ('opening', 'expected', 'why'),
    [
        (0.99, 1, 'the reset opened it'),
        (0.75, 0, 'it was reset with a block of 60 mm in the hand'),
    ],
)
def test_the_first_command_of_an_episode_keeps_the_hand_as_it_is(desk, opening, expected, why):
    desk.publish_episode('first', EpisodeState.PHASE_RUNNING)
    desk.reports.waiting += [button_report(0), button_report()]
    desk.until(lambda: desk.node._mouse.closed, 'the press')
    desk.execute(1)
    desk.publish_opening(0.9), desk.publish_opening(0.75)
    assert desk.node._mouse.closed, 'the hand is closed around a block'
    desk.publish_episode('first', EpisodeState.PHASE_ENDED)
    desk.publish_opening(opening)
    desk.publish_episode('second', EpisodeState.PHASE_RUNNING)
    desk.until(lambda: desk.commands, 'a command', desk.push)
    assert desk.commands[0].gripper == expected, why


def test_a_pending_press_is_discarded_at_the_end_of_its_episode(desk):
    desk.publish_episode('first', EpisodeState.PHASE_RUNNING)
    desk.reports.waiting += [button_report(0), button_report()]
    desk.until(lambda: desk.node._mouse.closed, 'the press')
    desk.publish_episode('second', EpisodeState.PHASE_RUNNING)
    desk.publish_opening(1.0)
    assert desk.node._mouse.command() is None
    desk.until(lambda: desk.commands, 'a command', desk.push)
    assert desk.commands[0].gripper == 1


def test_a_hand_that_is_closed_before_the_first_episode_stays_closed(desk):
    desk.publish_opening(0.0)
    desk.until(lambda: desk.commands, 'a command', desk.push)
    assert desk.commands[0].gripper == 0


def test_with_follow_policy_only_observations_of_the_policy_are_answered(ros):
    desk = Desk(follow_policy=True)
    message = PolicyStep()
    message.header.stamp = ns_to_stamp(7)

    def push():
        desk.reports.waiting.append(translation_report(back=-FULL))
        desk.publish_images()
        desk.steps.publish(message)

    desk.until(lambda: desk.commands, 'a command', push)
    assert {stamp_to_ns(command.header.stamp) for command in desk.commands} == {7}
    desk.node.destroy_node()
    desk.peer.destroy_node()


def test_without_a_complete_observation_no_command_is_sent_and_the_reason_is_reported(ros):
    desk = Desk(cameras=('front', 'wrist'))
    desk.until(lambda: len(desk.commands) >= 3, 'commands', desk.push)
    # The wrist camera gives no images for 2.5 s.
    before, period = desk.stamp, round(MAX_SKEW_S * 1e9)
    for _ in range(30):
        desk.stamp += period
        desk.push('front')
        desk.executor.spin_once(timeout_sec=0.02)
    end = time.monotonic() + 0.2
    desk.until(lambda: time.monotonic() > end, 'a while', lambda: desk.push('front'))
    answered = [stamp_to_ns(command.header.stamp) for command in desk.commands]
    assert max(answered) <= before + period, 'a wrist image of age max_skew_s is accepted'
    desk.until(
        lambda: any('no message from camera wrist' in text for text in desk.problems),
        'the reported reason',
        lambda: desk.push('front'),
    )
    desk.commands.clear()
    desk.until(lambda: desk.commands, 'a command', desk.push)
    desk.node.destroy_node()
    desk.peer.destroy_node()


def test_each_verdict_is_published_once(desk):
    desk.reports.waiting += [button_report(1), button_report()]
    desk.until(lambda: desk.verdicts, 'a verdict')
    end = time.monotonic() + 0.2
    desk.until(lambda: time.monotonic() > end, 'a while')
    assert [verdict.verdict for verdict in desk.verdicts] == [OperatorVerdict.SUCCESS]


def test_an_unplugged_mouse_ends_the_node_with_the_reason(desk):
    desk.reports.gone = True
    with pytest.raises(SpaceMouseError, match='was unplugged'):
        desk.until(lambda: False, 'the end')


def test_the_node_logs_its_mouse_and_buttons_at_the_start(ros, capfd):
    SpaceMouseNode(
        reported_device(HidReports(), 'SpaceMousePro'),
        parameter_overrides=[
            rclpy.Parameter('cameras', value=['front']),
            rclpy.Parameter('buttons', value=['BTN_1', '13']),
        ],
    ).destroy_node()
    log = capfd.readouterr().err
    assert 'SpaceMousePro' in log
    assert 'button BTN_1 for the gripper, BTN_2 for verdicts' in log


def test_a_node_without_a_camera_is_refused(ros):
    with pytest.raises(ConfigError, match='cameras is empty'):
        SpaceMouseNode(reported_device(HidReports()))


def test_the_newest_report_counts_when_an_observation_is_answered(ros, monkeypatch):
    """Not that of the last periodic reading."""
    monkeypatch.setattr(spacemouse_node, 'READ_S', 1000.0)
    desk = Desk()
    try:
        desk.until(lambda: desk.commands, 'a command', desk.push)
        assert message_to_action(desk.commands[0])[0] > 0
    finally:
        desk.node.destroy_node()
        desk.peer.destroy_node()
