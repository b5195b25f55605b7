# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An operator beside a running graph, who intervenes at some steps of some episodes."""

import contextlib
import threading

import rclpy
from rclpy.node import Node

from irevla_control.ros.conversions import action_to_message, stamp_to_ns
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, RECORD
from irevla_msgs.msg import EndEffectorCommand, PolicyStep
from irevla_sim.simulator.simulator_node import BASE_FRAME

# An action that no policy computes exactly, within the range of drawer-close's demonstrations.
ACTION = [0.005, -0.003, 0.002, 0.0, 0.0, 0.0, 0.0]


class Operator(Node):
    """Answers the policy's steps ``first`` to ``last`` of every second episode."""

    def __init__(self, first: int, last: int) -> None:
        super().__init__('operator')
        self._first, self._last = first, last
        self._episode, self._count, self._episodes = '', 0, 0
        self.stamps: list[int] = []
        self._command = self.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)
        self.create_subscription(PolicyStep, 'policy_step', self._on_step, RECORD)

    def _on_step(self, message: PolicyStep) -> None:
        if message.episode_id != self._episode:
            self._episode, self._count = message.episode_id, 0
            self._episodes += 1
        if self._episodes % 2 and self._first <= self._count <= self._last:
            stamp = message.header.stamp
            self.stamps.append(stamp_to_ns(stamp))
            self._command.publish(
                action_to_message(ACTION, stamp, BASE_FRAME, EndEffectorCommand.SOURCE_TELEOP)
            )
        self._count += 1


@contextlib.contextmanager
def operator(first: int, last: int):
    """Run an operator during the block."""
    rclpy.init()
    node, executor, stop = Operator(first, last), DirectExecutor(), threading.Event()
    executor.add_node(node)

    def spin() -> None:
        while not stop.is_set():
            executor.spin_once(0.1)

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        yield node
    finally:
        stop.set()
        thread.join()
        node.destroy_node()
        rclpy.try_shutdown()
