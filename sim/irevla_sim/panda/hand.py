# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""franky-sim's hand with the answers of a real one, and with faults for tests."""

import enum
import socket

from franky_sim.franka_gripper_protocol import GripperCommand, GripperCommandStatus
from franky_sim.franka_gripper_server import FrankaGripperServer
from franky_sim.franka_server import BaseCommand


class Answer(enum.Enum):
    """The hand's answer to an order: a status code of libfranka, or none."""

    DONE = 'done'
    FAILED = 'failed'
    UNSUCCESSFUL = 'unsuccessful'
    NEVER = 'never'


REFUSED = {
    Answer.FAILED: GripperCommandStatus.kFail,
    Answer.UNSUCCESSFUL: GripperCommandStatus.kUnsuccessful,
}


class PandaHand(FrankaGripperServer):
    """Records its orders; each kind of order is executed, refused or never answered.

    An order that a newer one or a stop ends is answered as aborted.
    """

    # Attribute of franky-sim; None while no answer is due.
    _pending_command_id: int | None

    def __init__(self, robot: object, hostname: str) -> None:
        """Execute every order, until `answers` is changed."""
        super().__init__(robot, hostname)
        self.answers: dict[str, Answer] = {}
        self.orders: list[str] = []

    def start_move(
        self, width: float, speed: float, command_id: int, tcp_socket: socket.socket
    ) -> None:
        """Start to move the fingers to a width [m]."""
        if self._taken('move', GripperCommand.kMove, command_id, tcp_socket):
            super().start_move(width, speed, command_id, tcp_socket)

    def start_grasp(
        self,
        width: float,
        speed: float,
        force: float,
        epsilon_inner: float,
        epsilon_outer: float,
        command_id: int,
        tcp_socket: socket.socket,
    ) -> None:
        """Start to grasp with a force [N]."""
        if self._taken('grasp', GripperCommand.kGrasp, command_id, tcp_socket):
            super().start_grasp(
                width, speed, force, epsilon_inner, epsilon_outer, command_id, tcp_socket
            )

    def stop(self, command_id: int, tcp_socket: socket.socket) -> None:
        """End the current order."""
        self.orders.append('stop')
        if self.answers.get('stop', Answer.DONE) == Answer.DONE:
            self._abort()
            super().stop(command_id, tcp_socket)

    def _taken(
        self, kind: str, command: GripperCommand, command_id: int, tcp_socket: socket.socket
    ) -> bool:
        """Return whether an order is executed; if not, send its answer, if any."""
        self.orders.append(kind)
        answer = self.answers.get(kind, Answer.DONE)
        if answer in REFUSED:
            _answer(tcp_socket, command, command_id, REFUSED[answer])
            return False
        self._abort()
        if answer == Answer.NEVER:
            self._pending_command_type = command
            self._pending_command_id, self._pending_tcp_socket = command_id, tcp_socket
        return answer == Answer.DONE

    def _abort(self) -> None:
        if self._pending_command_id is not None:
            _answer(
                self._pending_tcp_socket,
                self._pending_command_type,
                self._pending_command_id,
                GripperCommandStatus.kAborted,
            )
        self._pending_command_id = None

    def _reset_state(self) -> None:
        # The client has disconnected: no answer is sent.
        self._pending_command_id = None


def _answer(
    tcp_socket: socket.socket,
    command: GripperCommand,
    command_id: int,
    status: GripperCommandStatus,
) -> None:
    BaseCommand.send_response(
        tcp_socket, command, command_id, status, command_type_struct='H', status_type_struct='H'
    )
