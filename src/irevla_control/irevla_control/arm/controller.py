# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's modes: commands, resets, silence, faults; without ROS or a robot.

All times are seconds of one steady clock, so a change of the system time cannot move the arm.
"""

from collections import Counter, deque
from dataclasses import dataclass
import enum

import numpy as np

from irevla_control.arm.box_guard import BoxGuard
from irevla_control.arm.home_path import (
    Bounds,
    JointPath,
    NoHomePathError,
    StraightPath,
    home_path,
)
from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.minimum_jerk import MinimumJerk
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import Release, ReleaseError
from irevla_control.arm.setpoint import Setpoint
from irevla_control.errors import ConfigError
from irevla_control.observation import BASE_FRAME, action_problem
from irevla_control.parameters.parameter_fields import parameter

# Largest distance [m] and angle [rad] from home at which a reset may end.
HOME_DISTANCE_M, HOME_ANGLE_RAD = 0.02, 0.1
# A reset that the next one replaces has failed if the arm was blocked for longer than this [s].
BLOCKED_S = 1.0
BLOCKED = (
    'the arm does not follow its path home; is an obstacle in its way, or is its load too heavy?'
)
MOVE_BY_HAND = '; move the arm towards home by hand (guiding in Desk) or remove the obstacle'


class Mode(enum.IntEnum):
    """Modes of the arm, as in RobotState.MODE_*."""

    IDLE = 1
    READY = 2
    RESETTING = 3
    HOLDING = 4
    FAULT = 5
    STOPPED = 6


class FaultCode(enum.IntEnum):
    """Kinds of fault, as in RobotState.FAULT_*."""

    NONE = 0
    CONTROL = 1
    CONNECTION = 2
    GRIPPER = 3


@dataclass(frozen=True)
class ArmTiming:
    """Times [s] and budgets of the modes."""

    response_s: float = parameter(
        0.05, 'time constant of the final approach to a target [s]', 0.0, 1.0
    )
    hold_after_s: float = parameter(
        0.3, 'time without a command after which the arm holds [s]', 0.02, 10.0
    )
    stop_after_s: float = parameter(
        30.0, 'time without a command after which the controller ends [s]', 0.1, 3600.0
    )
    held_back_s: float = parameter(
        5.0, 'time for which an obstacle may block the arm during a reset [s]', 0.1, 60.0
    )
    settle_s: float = parameter(0.3, 'rest at home before commands are accepted [s]', 0.0, 5.0)
    recoveries: int = parameter(
        3, 'recoveries from faults allowed within recovery_window_s', 0, 100
    )
    recovery_window_s: float = parameter(
        600.0, 'time over which recoveries are counted [s]', 1.0, 86400.0
    )

    def __post_init__(self) -> None:
        """Raise ConfigError unless `hold_after_s` comes before `stop_after_s`."""
        if not 0 < self.hold_after_s < self.stop_after_s:
            raise ConfigError(
                f'hold_after_s {self.hold_after_s} and stop_after_s '
                f'{self.stop_after_s}; 0 < hold_after_s < stop_after_s is needed'
            )


class ArmController:
    """Computes the arm's setpoint; the caller calls `tick` and sends the setpoint to the robot.

    IDLE has no setpoint: the robot's own brakes or position control keep it still. A reset goes
    from RESETTING to READY, where commands move the target. Without commands READY becomes HOLDING
    (the next command returns to READY), and later IDLE. FAULT and STOPPED have no setpoint and
    last until `recover`.
    """

    def __init__(self, limits: ArmLimits, timing: ArmTiming, bounds: Bounds | None = None) -> None:
        """Start in IDLE; with bounds, `reset`, `command` and `tick` need the joints (7,) [rad]."""
        self.limits, self.timing, self.bounds = limits, timing, bounds
        self.mode = Mode.IDLE
        self.fault, self.fault_text = FaultCode.NONE, ''
        self.counts: Counter[str] = Counter()
        self._setpoint: Setpoint | None = None
        self._box = BoxGuard(limits)
        self._path: MinimumJerk | StraightPath | JointPath | None = None
        # First part of a reset, None once the path home started; and the pose at its end.
        self._release: Release | None = None
        self._home: Pose | None = None
        # Reason why the last reset failed, '' after one that succeeded.
        self._failed_reset = ''
        # Time on the path home and time blocked there [s]; steady time of the last command [s].
        self._path_s = self._blocked_s = self._last_command_s = 0.0
        self._cause = ''
        self._newest_stamp = -1
        self._recoveries: deque[float] = deque()

    @property
    def setpoint(self) -> Pose | None:
        """The pose that the impedance controller follows, or None when there is none."""
        return self._setpoint.pose if self._setpoint else None

    @property
    def going_home(self) -> bool:
        """Whether a reset follows its path home, after the release."""
        return self.mode == Mode.RESETTING and self._release is None

    @property
    def moves(self) -> bool:
        """Whether the impedance controller must run on the robot."""
        return self.mode in (Mode.READY, Mode.RESETTING, Mode.HOLDING)

    def reset(
        self,
        measured: Pose,
        home: Pose,
        joints: np.ndarray | None = None,
        release: Release | None = None,
    ) -> str:
        """Start to move the arm home; return why this is refused, or ''.

        The second reset in a row that fails for the same reason is a fault.

        Args:
            measured: measured pose.
            home: pose at the end.
            joints: measured (7,) [rad].
            release: first part of the reset, before the path home; None for none.

        """
        if self.mode == Mode.RESETTING and self._blocked_s > BLOCKED_S:
            self._note_failed_reset(self._block_reason(joints))
        if self.mode in (Mode.FAULT, Mode.STOPPED):
            return self._refusal()
        setpoint = self._setpoint or Setpoint(self.limits, self.timing.response_s, measured)
        try:
            # After a release the path is planned again, from the pose at that time.
            path = self._plan_path_home(setpoint.pose, measured, home, joints)
        except NoHomePathError as error:
            self._note_failed_reset(str(error))
            return self._refusal() if self.fault else str(error)
        self._setpoint, self._home, self._release = setpoint, home, release
        self._newest_stamp = -1
        self.mode = Mode.RESETTING
        self._path_s = self._blocked_s = 0.0
        if release is None:
            self._start_path_home(path)
        return ''

    def _plan_path_home(
        self, start: Pose, measured: Pose, home: Pose, joints: np.ndarray | None
    ) -> MinimumJerk | StraightPath | JointPath:
        if self.bounds is None:
            return MinimumJerk(start, home, self.limits)
        return home_path(start, _needed(joints), measured, home, self.bounds)

    def _start_path_home(self, path: MinimumJerk | StraightPath | JointPath) -> None:
        self._path, self._release = path, None
        self._path_s = self._blocked_s = 0.0
        self.counts['joint-space paths home'] += int(path.joint_space)

    def _block_reason(self, joints: np.ndarray | None) -> str:
        """Return why the arm does not follow its path home; equal causes give equal texts."""
        problem = self.bounds and self.bounds.joints.problem(_needed(joints))
        return f'the arm does not follow its path home, {problem}' if problem else BLOCKED

    def _note_failed_reset(
        self, reason: str, code: FaultCode = FaultCode.CONTROL, help_text: str = MOVE_BY_HAND
    ) -> None:
        if reason == self._failed_reset:
            self.fail(code, f'two resets in a row failed: {reason}{help_text}')
        self._failed_reset = reason

    def command(
        self,
        action: np.ndarray,
        stamp: int,
        frame: str,
        measured: Pose,
        now: float,
        joints: np.ndarray | None = None,
    ) -> str:
        """Accept a command received at ``now``; return why it is refused, or ''.

        Args:
            action: (7,), delta [m], rotation vector [rad], gripper, see `observation`.
            stamp: stamp of the observation that the command answers [ns].
            frame: frame of the command; only the base frame is accepted.
            measured: measured pose.
            now: steady time at which the command was received [s].
            joints: measured (7,) [rad].

        """
        problem = self._problem(action, stamp, frame)
        if problem:
            self.counts['commands refused'] += 1
            return problem
        self._last_command_s, self._newest_stamp = now, stamp
        self.mode = Mode.READY
        setpoint = self._setpoint
        # READY and HOLDING have a setpoint.
        assert setpoint is not None
        requested = setpoint.target.translated(action[:3], action[3:6])
        setpoint.step(action[:3], action[3:6], measured)
        self.counts['commands'] += 1
        self.counts['commands shortened by max_yaw'] += int(
            abs(self.limits.yaw(requested)) > self.limits.max_yaw
        )
        self.counts['commands shortened by joint limits'] += self._limit_joints(
            setpoint, measured, joints
        )
        return ''

    def _limit_joints(self, setpoint: Setpoint, measured: Pose, joints: np.ndarray | None) -> bool:
        """Shorten the part of the lead that moves joints into their limits; return whether any."""
        if self.bounds is None:
            return False
        target, shortened = self.bounds.joints.limit_lead(
            _needed(joints), measured, setpoint.target
        )
        if shortened:
            setpoint.target = self.limits.clamped(target)
        return bool(shortened)

    def _problem(self, action: np.ndarray, stamp: int, frame: str) -> str:
        if self.mode not in (Mode.READY, Mode.HOLDING):
            return self._refusal()
        if frame != BASE_FRAME:
            return f'frame {frame!r}; give it in {BASE_FRAME!r}'
        if stamp <= self._newest_stamp:
            return (
                f'stamp {stamp} is not after {self._newest_stamp}, the newest executed; start '
                'a new episode if a clock was set back'
            )
        return action_problem(action) or self.limits.step_problem(action[:3], action[3:6])

    def _refusal(self) -> str:
        return {
            Mode.IDLE: 'the arm is idle; call go_home',
            Mode.RESETTING: 'the arm is moving home; wait for the end of the reset',
            Mode.FAULT: f'the arm has a fault: {self.fault_text}; call recover',
            Mode.STOPPED: 'the emergency stop was pressed; release it and call recover',
        }[self.mode]

    def tick(
        self, now: float, dt: float, measured: Pose, joints: np.ndarray | None = None
    ) -> Setpoint | None:
        """Advance by ``dt`` seconds; return the setpoint, or None when there is none."""
        setpoint = self._setpoint
        if setpoint is None:
            return None
        silence = now - self._last_command_s
        if self.mode == Mode.RESETTING:
            if self._release is not None:
                self._advance_release(self._release, setpoint, dt, measured, joints)
            elif self._path is not None:
                self._advance_home(self._path, setpoint, now, dt, measured, joints)
            if not self.moves:
                return None
        elif silence > self.timing.stop_after_s:
            self.counts['stops after silence'] += 1
            self._end_motion(Mode.IDLE)
            return None
        elif silence > self.timing.hold_after_s and self.mode == Mode.READY:
            self.counts['holds after silence'] += 1
            self.hold()
        if self.mode != Mode.RESETTING:
            # The path home keeps the limits, and returns inside them from outside.
            self._limit_joints(setpoint, measured, joints)
        self._box.update(measured, dt)
        setpoint.advance(dt, self._box.clamped(setpoint.target))
        return setpoint

    def _advance_release(
        self,
        release: Release,
        setpoint: Setpoint,
        dt: float,
        measured: Pose,
        joints: np.ndarray | None,
    ) -> None:
        home = self._home
        # Set by the reset that has the release.
        assert home is not None
        try:
            done = release.advance(dt, setpoint, measured, home, self.limits)
            # The rise ends early where a joint limit shortens it.
            if done or (release.rising and self._limit_joints(setpoint, measured, joints)):
                self._start_path_home(self._plan_path_home(setpoint.pose, measured, home, joints))
        except ReleaseError as error:
            if error.of_hand:
                # A hand that refuses once is no fault of the arm; twice in a row is.
                self._end_motion(Mode.IDLE)
                self._note_failed_reset(
                    error.reason, FaultCode.GRIPPER, str(error).removeprefix(error.reason)
                )
            else:
                self.fail(FaultCode.CONTROL, str(error))
        except NoHomePathError as error:
            self.fail(FaultCode.CONTROL, str(error))

    def _advance_home(
        self,
        path: MinimumJerk | StraightPath | JointPath,
        setpoint: Setpoint,
        now: float,
        dt: float,
        measured: Pose,
        joints: np.ndarray | None,
    ) -> None:
        at_end = self._path_s > path.duration_s + self.timing.settle_s
        max_distance, max_angle = (
            (HOME_DISTANCE_M, HOME_ANGLE_RAD)
            if at_end
            else (self.limits.max_lead, self.limits.max_lead_turn)
        )
        translation, rotation = measured.to(setpoint.pose)
        if np.linalg.norm(translation) > max_distance or np.linalg.norm(rotation) > max_angle:
            # The path waits for an arm that is blocked.
            self._blocked_s += dt
            setpoint.brake()
            if self._blocked_s > self.timing.held_back_s:
                self.fail(FaultCode.CONTROL, self._block_reason(joints))
            return
        self._path_s += dt
        setpoint.target = self.limits.upright(path.at(self._path_s))
        if at_end:
            self._failed_reset = ''
            self._last_command_s = now
            self.mode = Mode.READY

    def hold(self) -> None:
        """Brake an arm that follows commands; the next command resumes motion."""
        if self.mode == Mode.READY and self._setpoint is not None:
            self._setpoint.brake()
            self.mode = Mode.HOLDING

    def fail(self, code: FaultCode, text: str) -> None:
        """Latch a fault: later ones do not replace it, and STOPPED stays STOPPED."""
        if self.fault:
            return
        self.counts['faults'] += 1
        self.fault, self.fault_text, self._cause = code, text, text
        self._end_motion(Mode.STOPPED if self.mode == Mode.STOPPED else Mode.FAULT)

    def note_recovery(self, text: str) -> None:
        """Append the result of the last recovery attempt to the cause of the fault."""
        self.fault_text = '; '.join(filter(None, (self._cause, text)))

    def emergency_stop(self) -> None:
        """Latch the stop; it takes precedence over a fault."""
        self._end_motion(Mode.STOPPED)

    def recovery_problem(self, now: float) -> str:
        """Return why a recovery is refused now, or ''."""
        while self._recoveries and now - self._recoveries[0] > self.timing.recovery_window_s:
            self._recoveries.popleft()
        if self.mode not in (Mode.FAULT, Mode.STOPPED):
            return 'there is nothing to recover from'
        if self.fault and len(self._recoveries) >= self.timing.recoveries:
            return (
                f'{len(self._recoveries)} recoveries within '
                f'{self.timing.recovery_window_s:g} s are the limit; find the cause of '
                f'{self.fault_text!r}, then restart the node'
            )
        return ''

    def recover(self, now: float) -> str:
        """Change from FAULT or STOPPED to IDLE; return why this is refused, or ''."""
        problem = self.recovery_problem(now)
        if not problem:
            if self.fault:
                self._recoveries.append(now)
            self.fault, self.fault_text, self._cause = FaultCode.NONE, '', ''
            self._failed_reset = ''
            self._end_motion(Mode.IDLE)
        return problem

    def _end_motion(self, mode: Mode) -> None:
        self.mode, self._setpoint, self._path, self._release = mode, None, None, None
        self._box.reset()


def _needed(joints: np.ndarray | None) -> np.ndarray:
    if joints is None:
        raise ValueError('the measured joints are needed, because the controller has bounds')
    return joints
