# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A Franka Panda or FR3 through franky: 1 kHz impedance control in C++, setpoints from here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import time

import franky
import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.controller import FaultCode
from irevla_control.arm.pose import Pose
from irevla_control.arm.setpoint import Setpoint
from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.franka.collision import CollisionThresholds
from irevla_control.franka.franky_version import lacking, mismatch
from irevla_control.franka.gains import ArmGains

# franky's are not all of one family, and a connection that is cut can be a bare RuntimeError.
ERRORS = (franky.Exception, franky.InvalidMotionTypeException,
          getattr(franky, 'MotionReuseException', franky.Exception), RuntimeError)
CONNECTION_LOST = (franky.NetworkException, franky.ProtocolException, RuntimeError)
# Errors of libfranka that the collision thresholds decide about.
REFLEXES = ('cartesian_reflex', 'joint_reflex')
# After which a robot that is starting is tried again.
CONNECT_AGAIN_S = 0.2
# With which a joint is drawn to its posture at most [Nm].
POSTURE_TORQUE = 10.0
# In which a recovered robot says so.
RECOVERY_S = 1.0


class ArmError(IrevlaError):
    """The robot refused, stopped, or cannot be reached; tells which fault that is."""

    def __init__(self, code: FaultCode, text: str) -> None:
        """Say what happened, and what helps."""
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class ArmState:
    """What the robot measured at one instant, in the base frame.

    Attributes:
        stamp: when it was read, nanoseconds since 1970.
        pose: of the end effector.
        twist: (6,) [m/s, rad/s]: the robot's estimate; while no controller runs there is none,
            and it is the way since the reading before, over its time.
        wrench: (6,) external [N, Nm].
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
    """One connection to a robot, for one thread.

    Only connecting takes longer than a state needs: up to a minute while nobody answers.
    """

    def __init__(self, address: str, gains: ArmGains, realtime: bool,
                 collision: CollisionThresholds | None = None) -> None:
        """Connect; nothing moves.

        Args:
            address: IP of the robot.
            gains: of the impedance controller.
            realtime: refuse to control without a real-time kernel, as Franka recommends.
            collision: what the robot takes for a collision; as shipped if None.

        Raises:
            ArmError: it cannot be reached.
            ConfigError: it speaks another version of the protocol than the installed franky.

        """
        self._address, self._gains = address, gains
        self._collision = collision or CollisionThresholds()
        self._realtime = franky.RealtimeConfig.Enforce if realtime else \
            franky.RealtimeConfig.Ignore
        self._tracker: franky.CartesianImpedanceTracker | None = None
        self._stopping = self._stiff_posture = False
        self._before: tuple[float, Pose] | None = None
        self._connect()

    def _connect(self) -> None:
        problem = lacking(franky)
        if problem:
            raise ConfigError(problem)
        try:
            self._robot = franky.Robot(self._address, realtime_config=self._realtime)
            self._set_collision()
        except franky.IncompatibleVersionException as error:
            raise ConfigError(f'robot {self._address}: {mismatch(str(error)) or error}') from error
        except ERRORS as error:
            raise ArmError(FaultCode.CONNECTION, f'robot {self._address}: {error}; is it switched '
                           'on, unlocked, with FCI active, and is no other program connected?'
                           ) from error

    def _set_collision(self) -> None:
        self._robot.set_collision_behavior(self._collision.collision_torque,
                                           self._collision.collision_force)

    def torque_at_joints(self) -> np.ndarray:
        """Return the torque (7,) [Nm] of the gains' bound in any one direction, at home.

        Raises:
            ArmError: the robot does not answer.

        """
        with self._failing():
            state = self._robot.state
            jacobian = self._robot.model.zero_jacobian(
                franky.Frame.EndEffector, np.asarray(self._gains.posture), state.F_T_EE,
                state.EE_T_K)
        return (np.abs(jacobian) * self._gains.bound[:, None]).max(axis=0)

    @property
    def resting(self) -> bool:
        """Whether no controller runs: the robot holds itself, and may be led anew."""
        return self._tracker is None

    def read(self) -> ArmState:
        """Return the newest state.

        Raises:
            ArmError: the controller ended by itself, or the robot does not answer.

        """
        if self._robot is None:
            raise ArmError(FaultCode.CONNECTION, f'not connected to {self._address}')
        with self._failing():
            if self._tracker is not None and self._robot.poll_motion():
                self._tracker = None
                if not self._stopping:
                    raise ArmError(FaultCode.CONTROL, 'the controller ended by itself; see the '
                                   "robot's log in Desk")
            state = self._robot.state
        pose = Pose(state.O_T_EE.translation, Rotation.from_quat(state.O_T_EE.quaternion))
        return ArmState(
            time.time_ns(), pose, self._twist(pose, state.O_dP_EE_est),
            np.asarray(state.O_F_ext_hat_K), np.asarray(state.q), np.asarray(state.dq),
            np.asarray(state.tau_J))

    def _twist(self, pose: Pose, estimate: franky.Twist | None) -> np.ndarray:
        now, before = time.monotonic(), self._before
        self._before = now, pose
        if estimate:
            return np.concatenate([estimate.linear, estimate.angular])
        return np.zeros(6) if before is None else before[1].twist_to(pose, now - before[0])

    def lead(self, setpoint: Setpoint) -> None:
        """Have the arm follow a setpoint; the first starts the controller, where the arm is.

        Raises:
            ArmError: the controller cannot be started, or is ending.

        """
        if self._tracker is None:
            self._start()
        elif self._stopping:
            raise ArmError(FaultCode.CONTROL, 'the controller is ending; wait until it rests')
        with self._failing():
            leading = self._gains.leading(setpoint.velocity, setpoint.angular_velocity)
            self._tracker.set_target(
                franky.Affine(translation=setpoint.pose.position,
                              quaternion=setpoint.pose.quaternion),
                franky.Twist(leading[:3], leading[3:]))

    def _start(self) -> None:
        gains = self._gains
        with self._failing():
            self._tracker = franky.CartesianImpedanceTracker(
                self._robot, translational_stiffness=gains.stiffness,
                rotational_stiffness=gains.turn_stiffness, damping=gains.damping,
                translational_error_clip=np.asarray(gains.error_clip),
                rotational_error_clip=np.asarray(gains.turn_error_clip),
                lower_joint_limits=gains.joint_low, upper_joint_limits=gains.joint_high,
                joint_limit_activation_distance=gains.joint_margin,
                posture_task=franky.PostureTask(
                    target=np.asarray(gains.posture), stiffness=gains.posture_stiffness,
                    max_torque=POSTURE_TORQUE))
        self._stopping = self._stiff_posture = False

    def stiffen_posture(self, stiff: bool) -> None:
        """Draw the elbow home with the stiffness of the way home, or the usual; while led."""
        if self._tracker is not None and not self._stopping and stiff != self._stiff_posture:
            gains, self._stiff_posture = self._gains, stiff
            with self._failing():
                self._tracker.set_gains(posture_stiffness=gains.reset_posture_stiffness if stiff
                                        else gains.posture_stiffness)

    def rest(self) -> None:
        """Begin to brake and end the controller, if it runs; `resting` tells when that is done.

        Raises:
            ArmError: the controller had failed.

        """
        if self._tracker is not None and not self._stopping:
            self._stopping = True
            with self._failing():
                self._robot.move(franky.TorqueStopMotion(), asynchronous=True)

    def recover(self) -> None:
        """Clear the robot's own error state, at rest; connect again if the connection was lost.

        What it takes for a collision is set again, whatever else was at it meanwhile.

        Raises:
            ArmError: it stays.

        """
        if self._robot is None:
            self._connect()
        with self._failing():
            # The state that it judges by may be from before.
            end = time.monotonic() + RECOVERY_S
            recovered = self._robot.recover_from_errors()
            while not recovered and time.monotonic() < end:
                recovered = not self._robot.has_errors
        if not recovered:
            raise ArmError(FaultCode.CONTROL, 'the robot does not recover; look at Desk, release '
                           'its stop, unlock the joints')
        with self._failing():
            self._set_collision()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn franky's errors into ours; a controller that met one does not run any more."""
        try:
            yield
        except ERRORS as error:
            self._tracker = None
            code = FaultCode.CONTROL
            if isinstance(error, CONNECTION_LOST):
                code, self._robot = FaultCode.CONNECTION, None
            # libfranka breaks its lines.
            text = ' '.join(str(error).split())
            if any(reflex in text for reflex in REFLEXES):
                text += ('; it met more than collision_force or collision_torque: look what the '
                         'arm hit')
            raise ArmError(code, f'{type(error).__name__}: {text}') from error


def connected(address: str, gains: ArmGains, collision: CollisionThresholds, realtime: bool,
              timeout_s: float) -> FrankaArm:
    """Return the arm at an address, as soon as it answers.

    Raises:
        ArmError: it does not within ``timeout_s``.

    """
    end = time.monotonic() + timeout_s
    while True:
        try:
            return FrankaArm(address, gains, realtime, collision)
        except ArmError:
            if time.monotonic() > end:
                raise
            time.sleep(CONNECT_AGAIN_S)
