# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's topics and services for an acceptance, and the processes that it starts."""

from collections.abc import Callable, Iterator
import contextlib
import os
from pathlib import Path
import signal
import subprocess
from threading import Thread
import time
from typing import Any

import numpy as np
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import parameter_value_to_python
from std_srvs.srv import Trigger

from irevla_bringup.acceptance.protocol import CheckError
from irevla_control.arm.pose import Pose
from irevla_control.observation import BASE_FRAME, pose_values
from irevla_control.processes import end_with_parent
from irevla_control.ros.conversions import action_to_message, ns_to_stamp
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, RobotState
from irevla_msgs.srv import GoHome

# Largest speeds of the setpoint in an acceptance [m/s, rad/s].
SPEED, TURN_SPEED = 0.05, 0.2
SLOW = {'max_speed': SPEED, 'max_turn_speed': TURN_SPEED}
# Longest wait for a node, a motion or a rest [s]; the longest path takes 20 s at this speed.
WAIT_S = 90.0
ENDS_WITHIN_S = 20.0
COMMAND_S = 0.1
# Joint speed below which the arm rests [rad/s].
RESTS = 0.02
MODES = {
    getattr(RobotState, name): name.removeprefix('MODE_').lower()
    for name in dir(RobotState)
    if name.startswith('MODE_')
}


class Lab:
    """The operator's side of the arm: receives its state, commands it, calls its services.

    A thread receives messages and runs callbacks, also while the program waits for the keyboard.
    """

    def __init__(self) -> None:
        """Create node, publishers and clients; start no process."""
        self.node = rclpy.create_node('acceptance')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self._started: list[tuple[subprocess.Popen, Path]] = []
        self.state: RobotState | None = None
        # The last state of the previous mode, and the arrival of the first state of this mode.
        self.left: RobotState | None = None
        self.left_at = 0.0
        self.command = self.node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._home = self.node.create_client(GoHome, 'go_home')
        self._recover = self.node.create_client(Trigger, 'recover')
        self._parameters = self.node.create_client(GetParameters, 'franka/get_parameters')
        self.node.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)
        self._receiving = Thread(target=self._receive, daemon=True)
        self._receiving.start()

    def _receive(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            self._executor.spin()

    def _on_state(self, message: RobotState) -> None:
        if self.state is not None and self.state.mode != message.mode:
            self.left, self.left_at = self.state, time.monotonic()
        self.state = message

    def until(self, condition: Callable[[], Any], what: str, within_s: float = WAIT_S) -> None:
        """Wait for a condition; ``what`` names it in an error.

        Raises:
            CheckError: the condition is not met in time, the arm has a fault, or a started process
                ended.

        """
        end = time.monotonic() + within_s
        while not condition():
            mode = MODES[self.state.mode] if self.state else 'unknown'
            if mode == 'fault':
                raise CheckError(f'{what}: the arm has a fault: {self.arm.fault_text}')
            for process, log in self._started:
                # Checked again: the process may have met the condition just before its end.
                if process.poll() is not None and not condition():
                    raise CheckError(
                        f'{what} did not happen: the started program ended with '
                        f'status {process.returncode}; {log} says why'
                    )
            if time.monotonic() > end:
                raise CheckError(f'{what} did not happen within {within_s:g} s; the arm is {mode}')
            time.sleep(0.01)

    def call(self, client: Any, request: Any) -> Any:
        """Return the response of a service.

        Raises:
            CheckError: there is no response.

        """
        self.until(client.service_is_ready, f'service {client.srv_name}')
        future = client.call_async(request)
        self.until(future.done, f'a response of {client.srv_name}')
        return future.result()

    def parameters(self, *names: str) -> dict[str, Any]:
        """Return parameters of the arm's node."""
        values = self.call(self._parameters, GetParameters.Request(names=list(names))).values
        return dict(zip(names, map(parameter_value_to_python, values)))

    def wait_for_arm(self) -> None:
        """Wait for the arm's node, and check that its speed limits are low.

        Raises:
            CheckError: the node does not start, or its speed limits are higher.

        """
        self.state = None
        self.until(lambda: self.state, 'the first robot_state')
        running = self.parameters(*SLOW)
        if any(running[name] > SLOW[name] for name in SLOW):
            raise CheckError(
                f"the arm's node runs with {running}; at most {SLOW} is allowed in "
                'an acceptance: remove these from the params file'
            )

    @property
    def arm(self) -> RobotState:
        """The arm's newest state; raises CheckError before the first."""
        state = self.state
        if state is None:
            raise CheckError('no robot_state arrived from the arm')
        return state

    @property
    def pose(self) -> Pose:
        """Pose of the end effector."""
        return pose_of(self.arm)

    @property
    def joint_speed(self) -> float:
        """Largest speed of a joint [rad/s]."""
        return joint_speed_of(self.arm)

    def rest(self) -> None:
        """Wait until the arm rests."""
        self.until(lambda: self.joint_speed < RESTS, 'rest')

    def go_home(self) -> None:
        """Call `go_home`, and wait until the arm rests at home.

        Raises:
            CheckError: the arm refused, or did not arrive.

        """
        end = time.monotonic() + WAIT_S
        request = GoHome.Request(seed=GoHome.Request.SEED_NONE)
        while not (answer := self.call(self._home, request)).accepted:
            if 'braking' not in answer.text or time.monotonic() > end:
                raise CheckError(f'go_home was refused: {answer.text}')
            time.sleep(0.2)
        self.until(lambda: self.arm.mode == RobotState.MODE_RESETTING, 'the motion home', 5.0)
        self.until(lambda: self.arm.mode == RobotState.MODE_READY, 'home')
        self.rest()

    def recover(self) -> None:
        """Call `recover`, and wait until the arm is idle."""

        def accepted() -> bool:
            return self.call(self._recover, Trigger.Request()).success

        self.until(accepted, 'acceptance of recover', 10.0)
        self.until(lambda: self.arm.mode == RobotState.MODE_IDLE, 'recovery', 10.0)

    def send(
        self, translation: Any = (0, 0, 0), rotation: Any = (0, 0, 0), gripper: float | None = None
    ) -> None:
        """Publish one command, and wait until the next is due.

        Args:
            translation: translation of the command [m].
            rotation: rotation vector of the command [rad].
            gripper: opening, 0 to 1; None: the present one.

        """
        opening = float(self.arm.gripper > 0.5) if gripper is None else gripper
        self.command.publish(
            action_to_message(
                [*translation, *rotation, opening],
                ns_to_stamp(time.time_ns()),
                BASE_FRAME,
                EndEffectorCommand.SOURCE_TELEOP,
            )
        )
        time.sleep(COMMAND_S)

    @contextlib.contextmanager
    def running(self, command: list[str], log: Path) -> Iterator[None]:
        """Run a program during the block; waits fail when the program ends."""
        with running(command, log) as process:
            self._started.append((process, log))
            try:
                yield
            finally:
                self._started.remove((process, log))

    def close(self) -> None:
        """Destroy the node."""
        self._executor.shutdown()
        self._receiving.join()
        self.node.destroy_node()


def pose_of(state: RobotState) -> Pose:
    """Return the pose of the end effector."""
    return Pose.from_quaternion(*pose_values(state))


def joint_speed_of(state: RobotState) -> float:
    """Return the largest speed of a joint [rad/s]."""
    return float(np.abs(state.joint_velocity).max())


@contextlib.contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen]:
    """Run a program during the block; then end it as Ctrl-C would."""
    with log.open('a') as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
