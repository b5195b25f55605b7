# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted person recovers the arm from faults, not from an emergency stop."""

import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger

from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import RobotState
from irevla_sim.panda.devices.scripted_person_node import ScriptedPersonNode
from irevla_sim.ros import recovery
from irevla_sim.ros.recovery import RecoveryError

pytestmark = pytest.mark.usefixtures('ros')


class Arm:
    """Publishes its mode, and answers `recover`."""

    def __init__(self):
        self.node = rclpy.create_node('arm')
        self.calls, self.mends, self.mode = 0, True, RobotState.MODE_READY
        self._state = self.node.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self.node.create_service(Trigger, 'recover', self._on_recover)
        self.operator = ScriptedPersonNode()
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.operator)

    def _on_recover(self, _, response):
        self.calls += 1
        response.success = self.mends
        response.message = '' if self.mends else '3 recoveries within 600 s are the limit'
        if self.mends:
            self.mode = RobotState.MODE_IDLE
        return response

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = RobotState(mode=self.mode, fault_text='lost packets')
            message.pose.orientation.w = 1.0
            self._state.publish(message)
            self.executor.spin_once(timeout_sec=0.01)

    def close(self):
        self.operator.destroy_node()
        self.node.destroy_node()


@pytest.fixture
def arm(monkeypatch):
    monkeypatch.setattr(recovery, 'AGAIN_S', 0.2)
    monkeypatch.setattr(recovery, 'GIVES_UP_S', 1.0)
    arm = Arm()
    arm.run(1.0)
    yield arm
    arm.close()


def test_a_fault_is_recovered_and_a_stop_is_not(arm):
    assert arm.calls == 0
    arm.mode = RobotState.MODE_STOPPED
    arm.run(0.5)
    assert arm.calls == 0
    for count in (1, 2):
        arm.mode = RobotState.MODE_FAULT
        arm.run(0.6)
        assert arm.calls == count and arm.mode == RobotState.MODE_IDLE


def test_an_arm_that_does_not_recover_ends_the_node_with_its_fault(arm):
    arm.mends, arm.mode = False, RobotState.MODE_FAULT
    with pytest.raises(RecoveryError, match='the arm does not recover: lost packets'):
        arm.run(10.0)
    assert arm.calls > 1
