# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""franky-sim's robot server with the reflexes of a real Panda."""

from collections.abc import Iterable
import select

from franky_sim.franka_robot_protocol import (
    AutomaticErrorRecoveryCommand,
    BaseCommand,
    MoveCommandControllerMode,
    MoveCommandMotionGeneratorMode,
    MoveStatus,
    RobotCommand,
    RobotMode,
    SetCollisionBehaviorCommand,
)
from franky_sim.franka_robot_server import FrankaRobotServer
from franky_sim.franka_robot_state import FrankaRobotState
import numpy as np

from irevla_sim.panda.hand import PandaHand
from irevla_sim.panda.robot import PandaRobot

# Indices of errors in libfranka's list of 41.
JOINT_VELOCITY_VIOLATION, COMMUNICATION_CONSTRAINTS_VIOLATION = 3, 25
REFLEXES = {'joint_reflex': 6, 'cartesian_reflex': 7}
ERRORS = 41
COLLISION_THRESHOLDS = [
    f'{bound}_{kind}_thresholds_{phase}'
    for kind in ('torque', 'force')
    for phase in ('acceleration', 'nominal')
    for bound in ('lower', 'upper')
]
# Joint speed limits of an FR3 [rad/s].
MOST_JOINT_SPEED = np.array([2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26])


class Recovery(AutomaticErrorRecoveryCommand):
    """Clears the error after a reflex."""

    def handle(self, server: 'PandaServer') -> None:
        """Recover, then answer."""
        server.recover()
        super().handle(server)


class CollisionBehavior(SetCollisionBehaviorCommand):
    """Sets the collision thresholds."""

    def handle(self, server: 'PandaServer') -> None:
        """Store the thresholds, then answer."""
        server.collision_behaviors.append(
            {name: list(getattr(self, name)) for name in COLLISION_THRESHOLDS}
        )
        super().handle(server)


class PandaServer(FrankaRobotServer):
    """Ends a motion with a reflex when commands stop coming or a joint gets too fast."""

    def __init__(self, robot: PandaRobot, hostnames: Iterable[str], lost_packets: int) -> None:
        """Serve a robot at the first free address.

        Args:
            robot: robot of a simulator.
            hostnames: addresses to try.
            lost_packets: time without a command that ends a motion [ms]; 20 on a real robot.

        """
        super().__init__(robot, hostnames)
        # franky-sim has no public way to replace a command.
        self._FrankaServer__command_class_map.update(
            {
                RobotCommand.kAutomaticErrorRecovery: Recovery,
                RobotCommand.kSetCollisionBehavior: CollisionBehavior,
            }
        )
        # All received thresholds, in order [Nm, N].
        self.collision_behaviors: list[dict[str, list[float]]] = []
        self._lost_packets = lost_packets
        self._silence = 0
        self._error: int | None = None
        self._packet = bytearray()
        # Motion and error of the packet; None before the first.
        self._packed: tuple[int, int | None] | None = None

    def _bind_children(self, hostname: str) -> None:
        self._FrankaRobotServer__gripper_server = PandaHand(self.robot, hostname)
        self.gripper_server.init()

    def recover(self) -> None:
        """Clear the error."""
        self._error = None

    def start_motion(
        self,
        controller_mode: MoveCommandControllerMode,
        motion_generator_mode: MoveCommandMotionGeneratorMode,
        motion_id: int,
    ) -> None:
        """Start a motion; raise RuntimeError while there is an error."""
        if self._error is not None:
            raise RuntimeError('the robot has an error')
        self._silence = 0
        super().start_motion(controller_mode, motion_generator_mode, motion_id)

    def process_commands(self) -> None:
        """Process received commands, then check the conditions of reflexes."""
        self._silence += 1
        super().process_commands()
        if not self.current_motion_id:
            return
        if self._silence > self._lost_packets:
            self.reflex(COMMUNICATION_CONSTRAINTS_VIOLATION)
        elif (np.abs(self.robot.inner_state.dq) > MOST_JOINT_SPEED).any():
            self.reflex(JOINT_VELOCITY_VIOLATION)

    def wait_for_command(self, most_s: float) -> None:
        """During a motion, wait for the answer to the last state, at most ``most_s``.

        A real robot does not wait, but its client is not delayed by other work: without this wait,
        late torques on a busy machine would make a stable controller oscillate.
        """
        udp = self._FrankaServer__udp_socket
        if self.current_motion_id and udp is not None:
            select.select([udp], [], [], most_s)

    def reflex(self, error: int) -> None:
        """Stop the motion with an error, as the real robot does."""
        self._error = error
        motion = self.current_motion_id
        self.stop_motion(send_preemption_signal=False)
        self.reset_current_motion_id()
        if motion:
            BaseCommand.send_response(
                self._tcp_socket, RobotCommand.kMove, motion, MoveStatus.kReflexAborted
            )

    def _handle_udp_command(self, command_data: bytes) -> None:
        self._silence = 0
        if self.current_motion_id:
            super()._handle_udp_command(command_data)

    def _get_state_bytes(self) -> bytearray:
        # Packing a whole state takes longer than a step of the physics.
        seldom = self.current_motion_id, self._error
        if self._packed != seldom:
            self._packet, self._packed = bytearray(self.robot_state.pack_state()), seldom
        self.robot.fill(self._packet)
        return self._packet

    @property
    def robot_state(self) -> FrankaRobotState:
        """Return the state, with the error."""
        state = super().robot_state
        if self._error is None:
            return state
        errors = tuple(place == self._error for place in range(ERRORS))
        return state.replace(robot_mode=RobotMode.kReflex, errors=errors, reflex_reason=errors)
