# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What an arm may do and when: commands, resets, silence, faults; without ROS or a robot.

All times are steady seconds of one clock, so that no clock set anew moves the arm.
"""

from collections import Counter, deque
from dataclasses import dataclass
import enum

import numpy as np

from irevla_control.arm.box_guard import BoxGuard
from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.minimum_jerk import MinimumJerk
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import Release, ReleaseError
from irevla_control.arm.setpoint import Setpoint
from irevla_control.arm.way_home import Bounds, JointWay, NoWayHomeError, StraightWay, way_home
from irevla_control.errors import ConfigError
from irevla_control.observation import BASE_FRAME, action_problem

# How near to home an arm is there [m, rad].
HOME_WAY, HOME_TURN = 0.02, 0.1
# Held back for so long, a way home that is broken off by the next has failed [s].
HELD_S = 1.0
HELD_BACK = ('the arm does not follow its way home; is something in its way, or does it carry too '
             'much?')
MOVE_IT = '; move the arm towards home by hand (guiding in Desk) or clear what holds it'


class Mode(enum.IntEnum):
    """As RobotState.MODE_*."""

    IDLE = 1
    READY = 2
    RESETTING = 3
    HOLDING = 4
    FAULT = 5
    STOPPED = 6


class FaultCode(enum.IntEnum):
    """As RobotState.FAULT_*."""

    NONE = 0
    CONTROL = 1
    CONNECTION = 2
    GRIPPER = 3


@dataclass(frozen=True)
class ArmTiming:
    """Times [s] and budgets.

    Attributes:
        response_s: time constant in which the setpoint does the last part of its way.
        hold_after_s: silence after which the arm comes to rest and holds.
        stop_after_s: silence after which its controller is ended.
        settle_s: at the end of a reset, rest before commands are taken.
        held_back_s: for which something may hold the arm back on its way home.
        recoveries: faults that may be recovered from within `recovery_window_s`.
        recovery_window_s: see `recoveries`.

    """

    response_s: float = 0.05
    hold_after_s: float = 0.3
    stop_after_s: float = 30.0
    settle_s: float = 0.3
    held_back_s: float = 5.0
    recoveries: int = 3
    recovery_window_s: float = 600.0

    def __post_init__(self) -> None:
        """Raise ConfigError when silence would stop the arm before it holds."""
        if not 0 < self.hold_after_s < self.stop_after_s:
            raise ConfigError(f'hold_after_s {self.hold_after_s} and stop_after_s '
                              f'{self.stop_after_s}; 0 < hold_after_s < stop_after_s is needed')


class ArmController:
    """Decides which setpoint the arm gets; the caller asks with `tick` and carries it out.

    IDLE: no setpoint, the robot's own brakes or position control hold it. A reset leads through
    RESETTING to READY, where commands move the setpoint. Silence leads to HOLDING, from which the
    next command leads back, and then to IDLE. FAULT and STOPPED give no setpoint and stay until
    `recover`.
    """

    def __init__(self, limits: ArmLimits, timing: ArmTiming,
                 bounds: Bounds | None = None) -> None:
        """Begin IDLE; with bounds, `reset`, `command` and `tick` need the joints (7,) [rad]."""
        self.limits, self.timing, self.bounds = limits, timing, bounds
        self.mode = Mode.IDLE
        self.fault, self.fault_text = FaultCode.NONE, ''
        self.counts: Counter[str] = Counter()
        self._setpoint: Setpoint | None = None
        self._box = BoxGuard(limits)
        self._reset: MinimumJerk | StraightWay | JointWay | None = None
        # What comes before the way home, while it lasts, and where that leads.
        self._release: Release | None = None
        self._home: Pose | None = None
        # Why the last reset failed, until one succeeds.
        self._failed_reset = ''
        # Time on the way home, and time that the arm was held back there.
        self._way_s = self._held_s = self._heard = 0.0
        self._cause = ''
        self._newest_stamp = -1
        self._recoveries: deque[float] = deque()

    @property
    def setpoint(self) -> Pose | None:
        """Where the arm is led, or None when it is not led."""
        return self._setpoint.pose if self._setpoint else None

    @property
    def going_home(self) -> bool:
        """Whether it is on its way home, after what a reset begins with."""
        return self.mode == Mode.RESETTING and self._release is None

    @property
    def moves(self) -> bool:
        """Whether a controller must run on the robot."""
        return self.mode in (Mode.READY, Mode.RESETTING, Mode.HOLDING)

    def reset(self, measured: Pose, home: Pose, joints: np.ndarray | None = None,
              release: Release | None = None) -> str:
        """Begin to lead the arm home from where it is; return why not, or ''.

        The second reset in a row that fails for the same reason is a fault.

        Args:
            measured: where it is.
            home: where it goes.
            joints: measured (7,) [rad].
            release: what comes before the way home.

        """
        if self.mode == Mode.RESETTING and self._held_s > HELD_S:
            self._note_failed_reset(self._hindrance(joints))
        if self.mode in (Mode.FAULT, Mode.STOPPED):
            return self._why_not()
        setpoint = self._setpoint or Setpoint(self.limits, self.timing.response_s, measured)
        try:
            # After a release it is planned anew from where the arm is then.
            way = self._way_home(setpoint.pose, measured, home, joints)
        except NoWayHomeError as error:
            self._note_failed_reset(str(error))
            return self._why_not() if self.mode == Mode.FAULT else str(error)
        self._setpoint, self._home, self._release = setpoint, home, release
        self._newest_stamp = -1
        self.mode = Mode.RESETTING
        self._way_s = self._held_s = 0.0
        if release is None:
            self._begin_way_home(way)
        return ''

    def _way_home(self, start: Pose, measured: Pose, home: Pose,
                  joints: np.ndarray | None) -> MinimumJerk | StraightWay | JointWay:
        if self.bounds is None:
            return MinimumJerk(start, home, self.limits)
        return way_home(start, joints, measured, home, self.bounds)

    def _begin_way_home(self, way: MinimumJerk | StraightWay | JointWay) -> None:
        self._reset, self._release = way, None
        self._way_s = self._held_s = 0.0
        self.counts['ways home in joint space'] += int(way.joint_space)

    def _hindrance(self, joints: np.ndarray | None) -> str:
        """Return what holds the arm back on its way home, without numbers."""
        problem = self.bounds and self.bounds.joints.problem(joints)
        return f'the arm does not follow its way home, {problem}' if problem else HELD_BACK

    def _note_failed_reset(self, reason: str, code: FaultCode = FaultCode.CONTROL,
                           help_text: str = MOVE_IT) -> None:
        if reason == self._failed_reset:
            self.fail(code, f'two resets in a row failed: {reason}{help_text}')
        self._failed_reset = reason

    def command(self, action: np.ndarray, stamp: int, frame: str, measured: Pose,
                now: float, joints: np.ndarray | None = None) -> str:
        """Take a command received at ``now``; return why it is refused, or ''.

        Args:
            action: (7,), delta [m], rotation vector [rad], gripper, see `observation`.
            stamp: of the observation that it answers [ns].
            frame: the command is given in; only the base frame is understood.
            measured: where the arm is.
            now: when it was received.
            joints: measured (7,) [rad].

        """
        problem = self._problem(action, stamp, frame)
        if problem:
            self.counts['commands refused'] += 1
            return problem
        self._heard, self._newest_stamp = now, stamp
        self.mode = Mode.READY
        asked = self._setpoint.target.moved(action[:3], action[3:6])
        self._setpoint.step(action[:3], action[3:6], measured)
        self.counts['commands'] += 1
        self.counts['commands shortened by max_yaw'] += int(
            abs(self.limits.yaw(asked)) > self.limits.max_yaw)
        self.counts['commands shortened by joint limits'] += self._limit_joints(measured, joints)
        return ''

    def _limit_joints(self, measured: Pose, joints: np.ndarray | None) -> bool:
        """Shorten what leads joints towards their limits; return whether something did."""
        if self.bounds is None:
            return False
        target, nearer = self.bounds.joints.led(joints, measured, self._setpoint.target)
        if nearer:
            self._setpoint.target = self.limits.clamped(target)
        return bool(nearer)

    def _problem(self, action: np.ndarray, stamp: int, frame: str) -> str:
        if self.mode not in (Mode.READY, Mode.HOLDING):
            return self._why_not()
        if frame != BASE_FRAME:
            return f'frame {frame!r}; give it in {BASE_FRAME!r}'
        if stamp <= self._newest_stamp:
            return (f'stamp {stamp} is not after {self._newest_stamp}, the newest executed; begin '
                    'a new episode if a clock was set back')
        return action_problem(action) or self.limits.step_problem(action[:3], action[3:6])

    def _why_not(self) -> str:
        return {Mode.IDLE: 'the arm is idle; call go_home',
                Mode.RESETTING: 'the arm is on its way home; wait for the end of the reset',
                Mode.FAULT: f'the arm has a fault: {self.fault_text}; call recover',
                Mode.STOPPED: 'the emergency stop was pressed; release it and call recover',
                }[self.mode]

    def tick(self, now: float, dt: float, measured: Pose,
             joints: np.ndarray | None = None) -> Setpoint | None:
        """Go on by ``dt`` seconds; return the setpoint, or None when the arm is not led."""
        if not self.moves:
            return None
        silence = now - self._heard
        if self.mode == Mode.RESETTING:
            if self._release is not None:
                self._let_go(dt, measured, joints)
            else:
                self._go_home(now, dt, measured, joints)
            if not self.moves:
                return None
        elif silence > self.timing.stop_after_s:
            self.counts['stops after silence'] += 1
            self._rest(Mode.IDLE)
            return None
        elif silence > self.timing.hold_after_s and self.mode == Mode.READY:
            self.counts['holds after silence'] += 1
            self.hold()
        if self.mode != Mode.RESETTING:
            # The way home is planned within the limits, and leads back where the arm is beyond.
            self._limit_joints(measured, joints)
        self._box.look(measured, dt)
        self._setpoint.advance(dt, self._box.led(self._setpoint.target))
        return self._setpoint

    def _let_go(self, dt: float, measured: Pose, joints: np.ndarray | None) -> None:
        try:
            done = self._release.advance(dt, self._setpoint, measured, self._home, self.limits)
            # A rise ends where the joints allow no more of it.
            if done or (self._release.rising and self._limit_joints(measured, joints)):
                self._begin_way_home(self._way_home(self._setpoint.pose, measured, self._home,
                                                    joints))
        except ReleaseError as error:
            if error.of_hand:
                # A hand that refuses is no fault of the arm: only the second time in a row.
                self._rest(Mode.IDLE)
                self._note_failed_reset(error.reason, FaultCode.GRIPPER,
                                        str(error).removeprefix(error.reason))
            else:
                self.fail(FaultCode.CONTROL, str(error))
        except NoWayHomeError as error:
            self.fail(FaultCode.CONTROL, str(error))

    def _go_home(self, now: float, dt: float, measured: Pose,
                 joints: np.ndarray | None) -> None:
        at_end = self._way_s > self._reset.duration_s + self.timing.settle_s
        most, most_turn = (HOME_WAY, HOME_TURN) if at_end else (
            self.limits.max_lead, self.limits.max_lead_turn)
        way, turn = measured.to(self._setpoint.pose)
        if np.linalg.norm(way) > most or np.linalg.norm(turn) > most_turn:
            # The path waits for an arm that something holds back.
            self._held_s += dt
            self._setpoint.hold()
            if self._held_s > self.timing.held_back_s:
                self.fail(FaultCode.CONTROL, self._hindrance(joints))
            return
        self._way_s += dt
        self._setpoint.target = self.limits.upright(self._reset.at(self._way_s))
        if at_end:
            self._failed_reset = ''
            self._heard = now
            self.mode = Mode.READY

    def hold(self) -> None:
        """Bring an arm that follows commands to rest where it is; the next command goes on."""
        if self.mode == Mode.READY:
            self._setpoint.hold()
            self.mode = Mode.HOLDING

    def fail(self, code: FaultCode, text: str) -> None:
        """Latch a fault; the first keeps its cause, and a stop stays a stop."""
        if self.fault:
            return
        self.counts['faults'] += 1
        self.fault, self.fault_text, self._cause = code, text, text
        self._rest(Mode.STOPPED if self.mode == Mode.STOPPED else Mode.FAULT)

    def note_recovery(self, text: str) -> None:
        """Tell beside the cause how the last attempt to recover went."""
        self.fault_text = '; '.join(filter(None, (self._cause, text)))

    def emergency_stop(self) -> None:
        """Latch the stop; it outranks a fault."""
        self._rest(Mode.STOPPED)

    def recovery_problem(self, now: float) -> str:
        """Return why nothing can be recovered from now, or ''."""
        while self._recoveries and now - self._recoveries[0] > self.timing.recovery_window_s:
            self._recoveries.popleft()
        if self.mode not in (Mode.FAULT, Mode.STOPPED):
            return 'there is nothing to recover from'
        if self.fault and len(self._recoveries) >= self.timing.recoveries:
            return (f'{len(self._recoveries)} recoveries within '
                    f'{self.timing.recovery_window_s:g} s are the limit; find the cause of '
                    f'{self.fault_text!r}, then start the node anew')
        return ''

    def recover(self, now: float) -> str:
        """Leave FAULT or STOPPED for IDLE; return why not, or ''."""
        problem = self.recovery_problem(now)
        if not problem:
            if self.fault:
                self._recoveries.append(now)
            self.fault, self.fault_text, self._cause = FaultCode.NONE, '', ''
            self._failed_reset = ''
            self._rest(Mode.IDLE)
        return problem

    def _rest(self, mode: Mode) -> None:
        self.mode, self._setpoint, self._reset, self._release = mode, None, None, None
        self._box.forget()
