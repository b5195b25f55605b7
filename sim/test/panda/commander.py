# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A client of the arm's node in the process of the test."""

import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import JointState
from std_msgs.msg import Empty
from std_srvs.srv import Trigger

from irevla_control.ros.conversions import action_to_message
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, RobotState
from irevla_msgs.srv import GoHome

# On a busy machine the simulated time is slower than the clock.
WAIT_S = 20


class Commander:
    """Sends the commands of a policy and an operator, and receives their answers."""

    def __init__(self, node=None):
        """Spin with a node of this process, or alone."""
        self.node = rclpy.create_node('commander')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        if node is not None:
            self.executor.add_node(node)
        self._command = self.node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._stop = self.node.create_publisher(Empty, 'emergency_stop', COMMAND)
        self._home = self.node.create_client(GoHome, 'go_home')
        self._recover = self.node.create_client(Trigger, 'recover')
        self.states, self.refusals, self.joints = [], [], []
        self.node.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)
        self.node.create_subscription(JointState, 'joint_states', self.joints.append, OBSERVATION)
        self.node.create_subscription(
            DiagnosticArray,
            '/diagnostics',
            lambda message: self.refusals.extend(
                status.message for status in message.status if status.name == 'franka: status'
            ),
            10,
        )
        self.stamp = 0

    def _on_state(self, message):
        self.states.append((time.monotonic(), message))

    @property
    def state(self):
        return self.states[-1][1]

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.005)

    def until(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (
                f'{what}: not within {seconds} s; {self.states and self.state.fault_text}'
            )
            self.executor.spin_once(timeout_sec=0.005)

    def send(
        self, translation=(0, 0, 0), rotation=(0, 0, 0), gripper=1.0, frame='base', stamp=None
    ):
        self.stamp = self.stamp + 1 if stamp is None else stamp
        self._command.publish(
            action_to_message(
                [*translation, *rotation, gripper],
                rclpy.time.Time(nanoseconds=self.stamp).to_msg(),
                frame,
                EndEffectorCommand.SOURCE_POLICY,
            )
        )

    def stop(self):
        self._stop.publish(Empty())

    def call(self, client, request):
        assert client.wait_for_service(10)
        future = client.call_async(request)
        self.until(future.done, 10, client.srv_name)
        return future.result()

    def recover(self):
        return self.call(self._recover, Trigger.Request())

    def ask_home(self, seed=GoHome.Request.SEED_NONE):
        return self.call(self._home, GoHome.Request(seed=seed))

    def go_home(self, seed=GoHome.Request.SEED_NONE):
        end = time.monotonic() + WAIT_S
        while not (answer := self.ask_home(seed)).accepted:
            assert 'still braking' in answer.text, answer.text
            assert time.monotonic() < end
            self.run(0.1)
        self.stamp = 0
        self.until(lambda: self.state.mode == RobotState.MODE_RESETTING, WAIT_S, 'the path home')
        self.until(lambda: self.state.mode != RobotState.MODE_RESETTING, WAIT_S, 'home')
        # franky's damping is critical for 1 kg, so the heavier arm swings a little.
        self.until(lambda: self.speed() < 0.005, WAIT_S, 'rest')

    def position(self):
        p = self.state.pose.position
        return np.array([p.x, p.y, p.z])

    def speed(self):
        v = self.state.twist.linear
        return np.linalg.norm([v.x, v.y, v.z])
