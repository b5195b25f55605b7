# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Publishers of a topic: live ones are counted, silent and killed ones are ignored."""

import multiprocessing
import os
import threading
import time

from hypothesis import given
from hypothesis import strategies as st
import pytest
import rclpy

from irevla_control.errors import ConfigError
from irevla_control.ros.live_publishers import LIVE_S, LivePublishers, SolePublisher
from irevla_control.ros.node import Node
from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import RobotState

REMEDY = 'end it'
# Longer than discovery between processes; nodes of one process discover each other at once.
LISTEN_S = 0.1


def test_publisher_that_loses_messages_is_counted_once():
    live = LivePublishers()
    assert {live.update(number, 0.1 * number) for number in (1, 2, 5, 6, 30, 31)} == {1}


@given(first=st.integers(1, 50), second=st.integers(1, 50))
def test_two_publishers_that_alternate_are_counted_as_two(first, second):
    live, counts = LivePublishers(), []
    for turn in range(20):
        counts += [live.update(first + turn, 0.1 * turn), live.update(second + turn, 0.1 * turn)]
    assert set(counts[3:]) == {2}


def test_publisher_without_messages_for_live_s_is_not_counted():
    live = LivePublishers()
    assert live.update(50, 0.0) == 1
    assert live.update(1, 0.1) == 2
    assert live.update(2, LIVE_S) == 2
    assert live.update(3, LIVE_S + 0.01) == 1


def test_publishers_without_sequence_numbers_are_counted_as_one():
    live = LivePublishers()
    assert {live.update(0, 0.1 * turn) for turn in range(5)} == {1}


class Arm(Node):
    """Uses SolePublisher for `robot_state` as the arm's node does."""

    def __init__(self, name):
        super().__init__(name)
        self.sole = SolePublisher(self, RobotState, 'robot_state', OBSERVATION, REMEDY)

    def begin(self):
        self.sole.listen(LISTEN_S)
        self.publisher = self.create_publisher(RobotState, 'robot_state', OBSERVATION)

    def publish_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.publisher.publish(RobotState())
            self.sole.check()
            time.sleep(0.005)


@pytest.fixture
def arm(ros):
    arms = []

    def make(name):
        arms.append(Arm(name))
        return arms[-1]

    yield make
    for each in arms:
        each.destroy_node()


def test_a_node_refuses_to_start_beside_another_and_names_it(arm):
    first, second = arm('first'), arm('second')
    first.begin()
    publishing = threading.Thread(target=first.publish_for, args=(LISTEN_S,))
    publishing.start()
    with pytest.raises(ConfigError, match=f'/first already publishes robot_state; {REMEDY}'):
        second.begin()
    publishing.join()


def test_two_nodes_that_start_at_once_detect_each_other(arm):
    first, second = arm('first'), arm('second')
    first.begin()
    second.begin()
    with pytest.raises(ConfigError, match='/first already publishes'):
        for _ in range(100):
            first.publish_for(0.005)
            second.publish_for(0.005)


def test_a_listed_but_silent_publisher_is_ignored(arm):
    silent = arm('silent')
    silent.begin()
    alone = arm('alone')
    alone.begin()
    alone.publish_for(0.2)


def publish_for_ever(domain, begun):
    os.environ['ROS_DOMAIN_ID'] = domain
    rclpy.init()
    arm = Arm('arm')
    try:
        arm.begin()
        arm.publish_for(0.05)
        begun.send('')
    except ConfigError as error:
        begun.send(str(error))
    arm.publish_for(60)


def test_killed_publisher_is_ignored_at_once_in_twenty_trials(ros):
    """After kill -9 a node stays listed for 20 s."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__, 'rclpy.node'])
    for _ in range(20):
        begun, child = context.Pipe(False)
        process = context.Process(
            target=publish_for_ever, args=(os.environ['ROS_DOMAIN_ID'], child), daemon=True
        )
        process.start()
        assert begun.poll(20)
        output = begun.recv()
        process.kill()
        process.join()
        assert not output
