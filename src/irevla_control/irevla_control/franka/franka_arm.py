# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A Franka Panda or FR3 through franky, whose 1 kHz impedance controller follows our setpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import time
from typing import Any

import franky
import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.controller import FaultCode
from irevla_control.arm.pose import Pose
from irevla_control.arm.setpoint import Setpoint
from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.franka.collision import CollisionThresholds
from irevla_control.franka.franky_version import mismatch, missing_features
from irevla_control.franka.gains import ArmGains

# franky's exceptions have no common base, and a lost connection can raise a plain RuntimeError.
ERRORS = (
    franky.Exception,
    franky.InvalidMotionTypeException,
    getattr(franky, 'MotionReuseException', franky.Exception),
    RuntimeError,
)
CONNECTION_LOST = (franky.NetworkException, franky.ProtocolException, RuntimeError)
# Errors of libfranka that depend on the collision thresholds.
REFLEXES = ('cartesian_reflex', 'joint_reflex')
# Interval between attempts to connect to a robot that is starting [s].
CONNECT_AGAIN_S = 0.2
# Largest torque of the posture task on a joint [Nm].
POSTURE_TORQUE = 10.0
# Time allowed for the robot to report that it recovered [s].
RECOVERY_S = 1.0


class ArmError(IrevlaError):
    """The robot refused, stopped, or cannot be reached; has the fault code."""

    def __init__(self, code: FaultCode, text: str) -> None:
        """Take the fault code, and a text with the cause and the remedy."""
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class ArmState:
    """One measured state of the robot, in the base frame.

    Attributes:
        stamp: time of the reading, nanoseconds since 1970.
        pose: pose of the end effector.
        twist: (6,) [m/s, rad/s]: the robot's estimate while a controller runs, else the difference
            from the previous pose over the time between the two.
        wrench: (6,) external force and torque [N, Nm].
        joint_position, joint_velocity, joint_effort: (7,) [rad, rad/s, Nm].

    """

    stamp: int
    pose: Pose
    twist: np.ndarray
    wrench: np.ndarray
    joint_position: np.ndarray
    joint_velocity: np.ndarray
    joint_effort: np.ndarray


class FrankaArm:
    """One connection to a robot, for use by one thread.

    Only connecting blocks: up to a minute if the robot does not answer.
    """

    def __init__(
        self,
        address: str,
        gains: ArmGains,
        realtime: bool,
        collision: CollisionThresholds | None = None,
    ) -> None:
        """Connect; nothing moves.

        Args:
            address: IP address of the robot.
            gains: gains of the impedance controller.
            realtime: refuse control without a real-time kernel, as Franka recommends.
            collision: collision thresholds of the robot; None for the defaults.

        Raises:
            ArmError: the robot cannot be reached.
            ConfigError: the robot uses another version of the protocol than the installed franky.

        """
        self._address, self._gains = address, gains
        self._collision = collision or CollisionThresholds()
        self._realtime = (
            franky.RealtimeConfig.Enforce if realtime else franky.RealtimeConfig.Ignore
        )
        self._robot: franky.Robot | None = None
        self._tracker: franky.CartesianImpedanceTracker | None = None
        self._stopping = self._stiff_posture = False
        self._before: tuple[float, Pose] | None = None
        self._connect()

    def _connect(self) -> None:
        problem = missing_features(franky)
        if problem:
            raise ConfigError(problem)
        try:
            self._robot = franky.Robot(self._address, realtime_config=self._realtime)
            self._set_collision()
        except franky.IncompatibleVersionException as error:
            raise ConfigError(f'robot {self._address}: {mismatch(str(error)) or error}') from error
        except ERRORS as error:
            raise ArmError(
                FaultCode.CONNECTION,
                f'robot {self._address}: {error}; is it switched '
                'on, unlocked, with FCI active, and is no other program connected?',
            ) from error

    @property
    def _connected(self) -> franky.Robot:
        if self._robot is None:
            raise ArmError(FaultCode.CONNECTION, f'not connected to {self._address}')
        return self._robot

    def _set_collision(self) -> None:
        self._connected.set_collision_behavior(
            self._collision.collision_torque, self._collision.collision_force
        )

    def torque_at_joints(self) -> np.ndarray:
        """Return the torque (7,) [Nm] at home for the largest force in any one direction.

        Raises:
            ArmError: the robot does not answer.

        """
        robot = self._connected
        with self._failing():
            state = robot.state
            jacobian = robot.model.zero_jacobian(
                franky.Frame.EndEffector,
                np.asarray(self._gains.posture),
                state.F_T_EE,
                state.EE_T_K,
            )
        return (np.abs(jacobian) * self._gains.bound[:, None]).max(axis=0)

    def description(self) -> str | None:
        """Return the robot's own URDF; None if the installed libfranka cannot ask for it.

        Raises:
            ArmError: the robot does not answer.

        """
        with self._failing():
            return getattr(self._robot, 'model_urdf', None)

    @property
    def resting(self) -> bool:
        """Whether no controller runs: the robot's own control keeps it still."""
        return self._tracker is None

    def read(self) -> ArmState:
        """Return the newest state.

        Raises:
            ArmError: the controller ended unexpectedly, or the robot does not answer.

        """
        robot = self._connected
        with self._failing():
            if self._tracker is not None and robot.poll_motion():
                self._tracker = None
                if not self._stopping:
                    raise ArmError(
                        FaultCode.CONTROL,
                        "the controller ended unexpectedly; see the robot's log in Desk",
                    )
            state = robot.state
        pose = Pose(state.O_T_EE.translation, Rotation.from_quat(state.O_T_EE.quaternion))
        return ArmState(
            time.time_ns(),
            pose,
            self._twist(pose, state.O_dP_EE_est),
            np.asarray(state.O_F_ext_hat_K),
            np.asarray(state.q),
            np.asarray(state.dq),
            np.asarray(state.tau_J),
        )

    def _twist(self, pose: Pose, estimate: franky.Twist | None) -> np.ndarray:
        now, before = time.monotonic(), self._before
        self._before = now, pose
        if estimate:
            return np.concatenate([estimate.linear, estimate.angular])
        return np.zeros(6) if before is None else before[1].twist_to(pose, now - before[0])

    def follow(self, setpoint: Setpoint) -> None:
        """Send a setpoint; the first one starts the controller at the arm's present pose.

        Raises:
            ArmError: the controller cannot be started, or is ending.

        """
        tracker = self._tracker
        if tracker is None:
            tracker = self._start()
        elif self._stopping:
            raise ArmError(FaultCode.CONTROL, 'the controller is ending; wait until it rests')
        with self._failing():
            feedforward = self._gains.feedforward(setpoint.velocity, setpoint.angular_velocity)
            tracker.set_target(
                franky.Affine(
                    translation=setpoint.pose.position, quaternion=setpoint.pose.quaternion
                ),
                franky.Twist(feedforward[:3], feedforward[3:]),
            )

    def _start(self) -> franky.CartesianImpedanceTracker:
        gains, limits = self._gains, self._gains.joint_limits
        joints: dict[str, Any] = (
            {}
            if limits is None
            else {
                'lower_joint_limits': limits.joint_low,
                'upper_joint_limits': limits.joint_high,
                'joint_limit_activation_distance': limits.joint_margin,
            }
        )
        with self._failing():
            tracker = self._tracker = franky.CartesianImpedanceTracker(
                self._connected,
                translational_stiffness=gains.stiffness,
                rotational_stiffness=gains.turn_stiffness,
                damping=gains.damping,
                translational_error_clip=np.asarray(gains.error_clip),
                rotational_error_clip=np.asarray(gains.turn_error_clip),
                posture_task=franky.PostureTask(
                    target=np.asarray(gains.posture),
                    stiffness=gains.posture_stiffness,
                    max_torque=POSTURE_TORQUE,
                ),
                **joints,
            )
        self._stopping = self._stiff_posture = False
        return tracker

    def stiffen_posture(self, stiff: bool) -> None:
        """Set the posture stiffness of a running controller: that of a reset, or the usual one."""
        if self._tracker is not None and not self._stopping and stiff != self._stiff_posture:
            gains, self._stiff_posture = self._gains, stiff
            with self._failing():
                self._tracker.set_gains(
                    posture_stiffness=gains.reset_posture_stiffness
                    if stiff
                    else gains.posture_stiffness
                )

    def rest(self) -> None:
        """Start to brake and end the controller, if it runs; `resting` is true afterwards.

        Raises:
            ArmError: the controller had failed.

        """
        if self._tracker is not None and not self._stopping:
            self._stopping = True
            with self._failing():
                self._connected.move(franky.TorqueStopMotion(), asynchronous=True)

    def recover(self) -> None:
        """Clear the robot's error state, at rest; connect again if the connection was lost.

        The collision thresholds are set again, because another client may have changed them.

        Raises:
            ArmError: the error remains.

        """
        if self._robot is None:
            self._connect()
        with self._failing():
            # `recover_from_errors` may judge by a state from before the recovery.
            end = time.monotonic() + RECOVERY_S
            recovered = self._connected.recover_from_errors()
            while not recovered and time.monotonic() < end:
                recovered = not self._connected.has_errors
        if not recovered:
            raise ArmError(
                FaultCode.CONTROL,
                'the robot does not recover; open Desk, release its stop, unlock the joints',
            )
        with self._failing():
            self._set_collision()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Convert franky's errors to ArmError; after an error the controller no longer runs."""
        try:
            yield
        except ERRORS as error:
            self._tracker = None
            code = FaultCode.CONTROL
            if isinstance(error, CONNECTION_LOST):
                code, self._robot = FaultCode.CONNECTION, None
            # libfranka's texts have several lines.
            text = ' '.join(str(error).split())
            if any(reflex in text for reflex in REFLEXES):
                text += (
                    '; the force was above collision_force or collision_torque: check what '
                    'the arm hit'
                )
            raise ArmError(code, f'{type(error).__name__}: {text}') from error


def connected(
    address: str, gains: ArmGains, collision: CollisionThresholds, realtime: bool, timeout_s: float
) -> FrankaArm:
    """Return the arm at an address as soon as it answers.

    Raises:
        ArmError: it does not answer within ``timeout_s``.

    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            return FrankaArm(address, gains, realtime, collision)
        except ArmError:
            if time.monotonic() > end:
                raise
            time.sleep(CONNECT_AGAIN_S)
