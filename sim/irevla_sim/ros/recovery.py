# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recovers the simulated arm from a fault where no person would do it."""

import time

from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger

from irevla_control.errors import IrevlaError
from irevla_control.ros.diagnostics import Diagnostics
from irevla_msgs.msg import RobotState

# Time between two calls [s]: a recovery takes less.
AGAIN_S = 3.0
# Time for which the arm may refuse before the node ends with the reason [s]; it also refuses while
# it brakes or a recovery is in progress.
GIVES_UP_S = 20.0


class RecoveryError(IrevlaError):
    """The arm stays in its fault."""


class Recovery:
    """Calls `recover` while the arm has a fault, not after an emergency stop.

    The arm itself limits how often (`recoveries` of `franka`): faults that come again and again
    end the graph.
    """

    def __init__(self, node: Node, diagnostics: Diagnostics) -> None:
        """Use the service of the graph of ``node``."""
        self._diagnostics = diagnostics
        self._client = node.create_client(Trigger, 'recover')
        self._next_s = 0.0
        self._since_s: float | None = None

    def watch(self, state: RobotState) -> None:
        """Take a state of the arm.

        Raises:
            RecoveryError: the fault remains.

        """
        now = time.monotonic()
        if state.mode != RobotState.MODE_FAULT:
            self._since_s = None
            return
        if self._since_s is None:
            self._since_s = now
        if now - self._since_s > GIVES_UP_S:
            raise RecoveryError(f'the arm does not recover: {state.fault_text}')
        if now >= self._next_s and self._client.service_is_ready():
            self._next_s = now + AGAIN_S
            self._client.call_async(Trigger.Request()).add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        answer = future.result()
        if answer.success:
            self._diagnostics.count('recoveries')
        else:
            self._diagnostics.refuse(f'recover: {answer.message}')
