# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A demonstration with fake hardware: the reports of a SpaceMouse become an episode."""

import time

import graph
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_msgs.msg import UInt8MultiArray

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.ros.qos import EVENT, OBSERVATION, RECORD
from irevla_control.teleop.hid_reports import FULL, button_report, translation_report
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState

pytestmark = pytest.mark.alone
GRIPPER, VERDICT = 0, 1
# Distance of a push [m]; at least five commands.
WENT = 0.09
# Direction of the push, and the axis and sign of the action that it gives.
PUSHES = (dict(back=-FULL), 0, 1), (dict(right=FULL), 1, -1), (dict(down=FULL), 2, -1)


class Person:
    """Moves the mouse and watches the episode."""

    def __init__(self):
        rclpy.init()
        self.node, self.executor = rclpy.create_node('person'), SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.reports = self.node.create_publisher(UInt8MultiArray, 'spacemouse_reports', RECORD)
        self.episode, self.closes, self.position = EpisodeState(), False, None
        self.node.create_subscription(EpisodeState, 'episode', self.on_episode, EVENT)
        self.node.create_subscription(EndEffectorCommand, 'command', self.on_command, RECORD)
        self.node.create_subscription(RobotState, 'robot_state', self.on_state, OBSERVATION)

    def on_episode(self, message):
        self.episode = message

    def on_state(self, message):
        p = message.pose.position
        self.position = p.x, p.y, p.z

    def on_command(self, message):
        self.closes = message.gripper < 0.5

    def wait(self, condition, what):
        end = time.monotonic() + 90
        while not condition():
            assert time.monotonic() < end, what
            self.executor.spin_once(timeout_sec=0.02)

    def report(self, data):
        self.reports.publish(UInt8MultiArray(data=data))

    def press(self, button):
        self.report(button_report(button))
        time.sleep(0.1)
        self.report(button_report())

    def push(self, axis, sign, **way):
        """Push the cap, which then reports all the time, until the arm moved along the axis."""
        start = self.position[axis]

        def went():
            self.report(translation_report(**way))
            return sign * (self.position[axis] - start) > WENT

        self.wait(went, f'motion along {axis}')
        self.report(translation_report())


@pytest.fixture
def person():
    person = Person()
    yield person
    rclpy.shutdown()


def test_a_person_demonstrates_discards_and_demonstrates_again(tmp_path, person):
    bags = tmp_path / 'bags'
    with graph.RunningLaunch(
        'teleop.launch.py',
        tmp_path / 'log',
        use_fake_hardware='true',
        operator='fake_spacemouse',
        robot_ip='127.0.4.1',
        tasks='pick-carrot',
        episodes=1,
        image_size=84,
        fps=10,
        bags=bags,
    ) as launch:

        def begin(number):
            """Wait until the scene is arranged, then press the button that starts the episode."""
            person.wait(lambda: launch.output().count('then press success') >= number, 'a scene')
            person.press(VERDICT)
            person.wait(lambda: person.episode.phase == EpisodeState.PHASE_RUNNING, 'an episode')

        person.wait(person.reports.get_subscription_count, 'the mouse')
        person.wait(lambda: person.position, 'the arm')
        begin(1)
        person.push(0, 1, back=-FULL)
        person.report(button_report(GRIPPER, VERDICT))
        person.report(button_report())
        person.wait(lambda: person.episode.aborted, 'discarding')
        begin(2)
        for way, axis, sign in PUSHES:
            person.push(axis, sign, **way)
        person.press(GRIPPER)
        person.wait(lambda: person.closes, "the gripper's command")
        person.press(VERDICT)
        assert launch.wait(60) == 0
    discarded, *_, kept = list_episodes(bags)
    assert discarded.aborted and not kept.aborted
    assert kept.success and kept.sources == ('teleop',)
    episode = read_episode(bags / kept.episode_id, ())
    assert set(episode.sources.tolist()) <= {EndEffectorCommand.SOURCE_TELEOP}
    actions = episode.actions
    for _, axis, sign in PUSHES:
        pushed = np.abs(actions[:, axis]) > 0
        assert pushed.sum() >= 5
        np.testing.assert_allclose(actions[pushed, axis], sign * 0.02, atol=1e-9)
    assert actions[0, 6] == 1 and actions[-1, 6] == 0, 'the gripper closed'
    way = episode.states[-1, :3] - episode.states[0, :3]
    assert way[0] > 0.05 and way[1] < -0.05 and way[2] < -0.05, 'the arm moved as commanded'
