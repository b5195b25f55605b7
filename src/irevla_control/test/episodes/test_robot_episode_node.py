# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes on a robot over DDS: the steps of a reset, and every way in which an episode ends."""

import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from irevla_control.episodes.robot_episode_node import RobotEpisodeNode, read_instructions
from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import ns_to_stamp, stamp_to_ns
from irevla_control.ros.live_publishers import LIVE_S
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION, RECORD
from irevla_msgs.msg import (
    EndEffectorCommand,
    EpisodeState,
    OperatorVerdict,
    Reward,
    RobotState,
)
from irevla_msgs.srv import ArrangeScene, GoHome, ResetEpisode

HORIZON = 3
MS = 1_000_000


class Robot:
    """Simulates the topics and services of an arm, a camera, an operator and a scene."""

    def __init__(self, **parameters):
        self.node = RobotEpisodeNode(
            parameter_overrides=[
                rclpy.Parameter(name, value=value)
                for name, value in {
                    'tasks': ['lift: lift it up'],
                    'camera': 'wrist',
                    'horizon': HORIZON,
                    'reset_timeout_s': 1.0,
                    **parameters,
                }.items()
            ]
        )
        self.peer = rclpy.create_node('robot')
        self.executor = SingleThreadedExecutor()
        for node in (self.node, self.peer):
            self.executor.add_node(node)
        publish = self.peer.create_publisher
        self.image = publish(Image, 'camera/wrist/image_raw', OBSERVATION)
        self.state = publish(RobotState, 'robot_state', OBSERVATION)
        self.command = publish(EndEffectorCommand, 'command', COMMAND)
        self.verdict = publish(OperatorVerdict, 'operator_verdict', COMMAND)
        self.reward = publish(Reward, 'reward', RECORD)
        self.mode, self.fault_text, self.opening = RobotState.MODE_READY, '', 1.0
        # Lead of the camera's clock over all others.
        self.ahead_ns = 0
        self.homes, self.arrangements, self.events = [], [], []
        self.refusal = ''
        self.peer.create_service(GoHome, 'go_home', self._on_home)
        self.peer.create_service(ArrangeScene, 'arrange_scene', self._on_arrange)
        self.reset = self.peer.create_client(ResetEpisode, 'reset_episode')
        self.peer.create_subscription(EpisodeState, 'episode', self.events.append, EVENT)
        self.peer.create_timer(0.01, self._publish_state)
        self.until(
            lambda: (
                self.events
                and self.reset.service_is_ready()
                and self.node.count_publishers('operator_verdict')
                and self.reward.get_subscription_count()
            ),
            'the graph',
        )

    def _on_home(self, request, response):
        self.homes.append(request.seed)
        response.accepted, response.text = not self.refusal, self.refusal
        return response

    def _on_arrange(self, request, response):
        self.arrangements.append(request.seed)
        response.accepted = True
        return response

    def _publish_state(self):
        message = RobotState(
            mode=self.mode,
            fault_text=self.fault_text,
            gripper=self.opening,
            fault=int(bool(self.fault_text)),
        )
        message.header.stamp = ns_to_stamp(time.time_ns())
        self.state.publish(message)

    def until(self, condition, what):
        end = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < end, what
            self.executor.spin_once(timeout_sec=0.02)

    def spin(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)

    def call_reset(self, **request):
        future = self.reset.call_async(
            ResetEpisode.Request(**{'task': 'lift', 'seed': 7, **request})
        )
        self.until(future.done, 'the answer')
        return future.result()

    def publish_image(self):
        """Publish an image with the current time; return its stamp."""
        message = Image(height=1, width=1, encoding='rgb8', step=3, data=[0, 0, 0])
        stamp = time.time_ns() + self.ahead_ns
        message.header.stamp = ns_to_stamp(stamp)
        self.image.publish(message)
        self.spin(0.05)
        return stamp

    def publish_command(self, stamp):
        message = EndEffectorCommand()
        message.header.stamp = ns_to_stamp(stamp)
        self.command.publish(message)
        self.spin(0.05)

    def publish_verdict(self, verdict):
        message = OperatorVerdict(verdict=verdict)
        message.header.stamp = ns_to_stamp(time.time_ns())
        self.verdict.publish(message)
        self.spin(0.1)

    def begin(self):
        """Reset, then publish images until the episode runs."""
        self.events.clear()
        answer = self.call_reset()
        assert answer.code == answer.OK, answer.text
        self.publish_images_until_running()
        assert self.events[0].phase == EpisodeState.PHASE_RUNNING
        return answer.episode_id

    def publish_images_until_running(self):
        end = time.monotonic() + 15
        while not self.events:
            assert time.monotonic() < end, 'the episode does not begin'
            self.publish_image()

    def step(self):
        stamp = self.publish_image()
        self.publish_command(stamp)
        return stamp

    def end(self):
        """Publish images until the episode ends; return its last event."""
        for _ in range(20):
            if self.events and self.events[-1].phase == EpisodeState.PHASE_ENDED:
                return self.events[-1]
            self.publish_image()
        raise AssertionError('the episode does not end')

    def close(self):
        self.node.destroy_node()
        self.peer.destroy_node()


@pytest.fixture
def robot(ros):
    robot = Robot(arrange=True)
    yield robot
    robot.close()


@pytest.fixture
def robot_with_operator(ros):
    robot = Robot(operator_begins=True, linger=1)
    yield robot
    robot.close()


def test_a_reset_goes_home_arranges_and_waits_for_an_image(robot):
    episode_id = robot.begin()
    assert robot.homes == robot.arrangements == [7]
    first = robot.events[0]
    assert (first.episode_id, first.task, first.instruction, first.seed, first.step) == (
        episode_id,
        'lift',
        'lift it up',
        7,
        0,
    )
    stamps = [robot.step() for _ in range(HORIZON)]
    last = robot.end()
    assert [event.step for event in robot.events] == [0, 0, 1, 2, 3]
    assert [stamp_to_ns(event.header.stamp) for event in robot.events[1:-1]] == stamps
    assert last.truncated and not last.success and not last.aborted
    assert stamp_to_ns(last.header.stamp) > stamps[-1]


def test_camera_with_a_clock_ahead_loses_no_step_and_no_verdict(robot):
    robot.ahead_ns = 200 * MS
    robot.begin()
    stamps = [robot.step() for _ in range(HORIZON - 1)]
    assert [event.step for event in robot.events] == [0, 0, 1]
    robot.publish_verdict(OperatorVerdict.SUCCESS)
    last = robot.end()
    assert last.success and last.step == 2
    assert [stamp_to_ns(event.header.stamp) for event in robot.events[1:-1]] == stamps


def test_operator_and_classifier_end_an_episode(robot):
    robot.begin()
    robot.step()
    robot.publish_verdict(OperatorVerdict.SUCCESS)
    assert robot.end().success
    robot.begin()
    robot.step()
    robot.publish_verdict(OperatorVerdict.FAILURE)
    assert not robot.end().success and robot.end().terminated
    episode_id = robot.begin()
    message = Reward(episode_id='of another', success=True)
    message.header.stamp = ns_to_stamp(robot.step())
    robot.reward.publish(message)
    robot.spin(0.1)
    robot.step()
    assert robot.events[-1].phase == EpisodeState.PHASE_RUNNING
    message.episode_id = episode_id
    robot.reward.publish(message)
    robot.spin(0.1)
    last = robot.end()
    assert last.success and last.terminated and last.reward == 1.0


def test_the_reason_of_an_abort_is_reported(robot):
    robot.begin()
    robot.step()
    robot.publish_verdict(OperatorVerdict.DISCARD)
    assert robot.end().aborted and 'discarded' in robot.end().text
    robot.begin()
    robot.mode, robot.fault_text = RobotState.MODE_FAULT, 'the cable was cut'
    assert 'the cable was cut' in robot.end().text
    answer = robot.call_reset()
    assert answer.code == answer.FAULT and 'the cable was cut' in answer.text
    robot.mode, robot.fault_text = RobotState.MODE_READY, ''
    robot.spin(0.1)
    robot.begin()
    robot.call_reset(seed=8)
    robot.until(lambda: robot.events[-1].aborted, 'the end of the first')
    assert 'a new episode was requested' in robot.events[-1].text


def test_an_impossible_reset_is_refused_or_aborted(robot):
    answer = robot.call_reset(task='fly')
    assert answer.code == answer.UNKNOWN_TASK and 'lift' in answer.text
    assert robot.call_reset(seed=-2).code == ResetEpisode.Response.BAD_SEED
    robot.events.clear()
    robot.refusal = 'the arm is still braking; try again'
    robot.call_reset()
    assert 'still braking' in robot.end().text
    robot.refusal, robot.mode = '', RobotState.MODE_RESETTING
    robot.events.clear()
    robot.call_reset()
    robot.spin(0.2)
    again = robot.call_reset()
    assert again.code == again.BUSY and 'reach home' in again.text
    last = robot.end()
    assert last.aborted and 'still waits for the arm to reach home' in last.text


def test_the_operator_starts_the_episode_and_success_lingers(robot_with_operator):
    robot = robot_with_operator
    robot.events.clear()
    robot.call_reset()
    robot.until(lambda: 'press success' in robot.call_reset().text, 'the wait for the operator')
    robot.publish_image()
    robot.publish_image()
    assert not robot.events and not robot.arrangements
    robot.publish_verdict(OperatorVerdict.SUCCESS)
    robot.publish_images_until_running()
    robot.step()
    robot.publish_verdict(OperatorVerdict.SUCCESS)
    robot.publish_image()
    assert [event.success for event in robot.events] == [False, False, True]
    assert robot.end().success


def test_an_arm_that_went_idle_while_the_operator_arranged_goes_home_again(robot_with_operator):
    robot = robot_with_operator
    robot.events.clear()
    robot.call_reset()
    robot.until(lambda: 'press success' in robot.call_reset().text, 'the wait for the operator')
    robot.mode = RobotState.MODE_IDLE
    robot.spin(0.1)
    robot.publish_verdict(OperatorVerdict.SUCCESS)
    robot.until(lambda: len(robot.homes) == 2, 'another path home')
    robot.mode = RobotState.MODE_HOLDING
    robot.publish_images_until_running()
    robot.step()
    robot.mode = RobotState.MODE_IDLE
    assert 'is idle' in robot.end().text


@pytest.mark.parametrize('first', ['press', 'opening'])
def test_an_episode_waits_until_the_press_has_opened_the_hand(robot_with_operator, first):
    robot = robot_with_operator
    robot.events.clear()
    robot.call_reset()
    robot.until(lambda: 'press success' in robot.call_reset().text, 'the wait for the operator')
    if first == 'press':
        robot.publish_verdict(OperatorVerdict.SUCCESS)
    robot.mode = RobotState.MODE_RESETTING
    robot.spin(0.1)
    if first == 'opening':
        robot.publish_verdict(OperatorVerdict.SUCCESS)
    for _ in range(4):
        robot.publish_image()
    assert not robot.events
    robot.mode = RobotState.MODE_READY
    robot.publish_images_until_running()
    assert len(robot.homes) == 1


def test_the_effect_of_a_press_is_logged_before_it_moves_the_arm(robot_with_operator, capfd):
    robot = robot_with_operator
    robot.events.clear()
    robot.call_reset()
    robot.until(lambda: 'press success' in robot.call_reset().text, 'the wait for the operator')
    robot.spin(0.1)
    log = capfd.readouterr().err
    assert log.count('arrange the scene, then press success to start') == 1
    assert 'HOME' not in log and 'opens the hand' not in log
    robot.mode = RobotState.MODE_IDLE
    robot.spin(0.2)
    log = capfd.readouterr().err
    assert log.count('A press of success MOVES THE ARM HOME first') == 1, log
    assert len(robot.homes) == 1, 'logged before the motion, and once'
    # Another node called go_home in the meantime.
    robot.mode = RobotState.MODE_READY
    robot.spin(0.2)
    log = capfd.readouterr().err
    assert log.count('then press success to start') == 1 and 'HOME' not in log
    robot.publish_verdict(OperatorVerdict.SUCCESS)
    robot.publish_images_until_running()
    assert len(robot.homes) == 1


def test_the_log_says_that_a_press_opens_a_closed_hand(robot_with_operator, capfd):
    robot = robot_with_operator
    robot.opening = 0.3
    robot.spin(0.1)
    robot.call_reset()
    robot.until(lambda: 'press success' in robot.call_reset().text, 'the wait for the operator')
    assert 'to start; the press opens the hand (reset_release: home)' in capfd.readouterr().err
    robot.mode = RobotState.MODE_IDLE
    robot.spin(0.2)
    log = capfd.readouterr().err
    assert 'of it; the press opens the hand (reset_release: here or home)' in log


def test_commands_of_two_senders_do_not_count_because_the_arm_refuses_them(robot):
    second = robot.peer.create_publisher(EndEffectorCommand, 'command', COMMAND)
    robot.until(second.get_subscription_count, 'the second sender')
    robot.begin()
    for _ in range(2 * HORIZON):
        robot.step()
        message = EndEffectorCommand()
        message.header.stamp = ns_to_stamp(time.time_ns())
        second.publish(message)
        robot.spin(0.05)
    # Messages from before both senders were detected.
    counted = len(robot.events) - 1
    assert counted < HORIZON and robot.events[-1].phase == EpisodeState.PHASE_RUNNING
    robot.spin(LIVE_S)
    for _ in range(HORIZON - counted):
        robot.step()
    assert robot.end().truncated and robot.end().step == HORIZON


def test_invalid_commands_do_not_count(robot):
    robot.begin()
    message = EndEffectorCommand(gripper=float('nan'))
    message.header.stamp = ns_to_stamp(time.time_ns())
    robot.command.publish(message)
    robot.spin(0.1)
    robot.step()
    assert [event.step for event in robot.events] == [0, 0]


def test_tasks_are_read_with_their_instructions():
    assert read_instructions(['a: do this: now', '']) == {'a': 'do this: now'}
    for entries, reason in (
        ([''], 'empty'),
        (['a'], 'name: instruction'),
        (['a: x', 'a: y'], 'twice'),
    ):
        with pytest.raises(ConfigError, match=reason):
            read_instructions(entries)
