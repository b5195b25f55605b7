# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that reads the robot and sends setpoints: at a steady rate, and at each command."""

from collections import deque
from collections.abc import Callable
import threading
import time

import numpy as np

from irevla_control.arm.controller import ArmController, FaultCode, Mode
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import Release, ResetRelease
from irevla_control.franka.franka_arm import ArmError, ArmState, FrankaArm
from irevla_control.franka.franka_gripper import FrankaGripper

# Longest time step of one tick [s]: after a delay the setpoint does not jump to catch up.
LONGEST_TICK_S = 0.05
# Shortest time from a tick to one that a command causes [s]: the robot takes a new setpoint once
# per millisecond.
SHORTEST_TICK_S = 0.001
# Time allowed for the arm to brake [s].
BRAKING_S = 3.0
# Modes of an arm that has reached home and is controlled there.
AT_HOME = (Mode.READY, Mode.HOLDING)


class ArmLoop:
    """Robot, gripper and controller together; its methods may be called from any thread.

    Ticks are periodic; a command or a stop causes one more, so that it need not wait for the next
    period. No setpoint is sent while a path home is planned (tens of milliseconds; a command or a
    stop waits, too), and while a lost connection is recovered, until the robot answers.
    """

    def __init__(
        self,
        arm: FrankaArm,
        gripper: FrankaGripper | None,
        controller: ArmController,
        rate_hz: float,
        release: ResetRelease,
        lift_m: float,
        on_state: Callable[[ArmState, ArmController], None],
    ) -> None:
        """Read the first state; `start` starts the thread.

        Args:
            arm: the robot.
            gripper: the robot's hand, or None.
            controller: computes the setpoints.
            rate_hz: rate of the periodic ticks [Hz].
            release: where a reset opens the hand.
            lift_m: height by which the arm rises before its path home [m].
            on_state: called in the loop's thread after each periodic tick, with the lock held.

        """
        self._release, self._lift_m = release, lift_m
        self._home: Pose | None = None
        # Whether the hand stays closed at home until the operator presses; whether the operator
        # pressed while the arm was not at home.
        self._awaits_press = self._pressed = False
        self._arm, self._gripper, self._controller = arm, gripper, controller
        self._period_s = 1 / rate_hz
        self._on_state = on_state
        self._lock = threading.RLock()
        self._state = arm.read()
        # Whether a recovery is pending; number of stops so far, and when the recovery was asked.
        self._recovering, self._stops, self._stops_then = False, 0, 0
        self._ended = threading.Event()
        # Set by what must not wait for the next period.
        self._woken = threading.Event()
        # Unexpected exception that ended the thread.
        self.crash: Exception | None = None
        self.lateness_s: deque[float] = deque(maxlen=1000)
        self._thread = threading.Thread(target=self._run, name='arm', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Bring the arm to rest and end the thread."""
        self.emergency_stop()
        end = time.monotonic() + BRAKING_S
        while not self._arm.resting and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        self._ended.set()
        self._woken.set()
        self._thread.join(BRAKING_S)

    def counts(self) -> dict[str, int]:
        """Return the controller's counters."""
        with self._lock:
            return dict(self._controller.counts)

    def command(self, action: np.ndarray, stamp: int, frame: str) -> str:
        """Pass a command to the controller, see `ArmController.command`, and to the gripper."""
        now = time.monotonic()
        with self._lock:
            problem = self._controller.command(
                action, stamp, frame, self._state.pose, now, self._state.joint_position
            )
            if not problem:
                self._awaits_press = False
                if self._gripper:
                    self._gripper.command(action[6])
                self._woken.set()
        return problem

    def hold(self) -> None:
        """Brake an arm that follows commands, see `ArmController.hold`."""
        with self._lock:
            before = self._controller.mode
            self._controller.hold()
            # Not for each command of a flood.
            if self._controller.mode != before:
                self._woken.set()

    def reset(self, home: Pose) -> str:
        """Start a reset, which ends at home; return why it is refused, or ''."""
        with self._lock:
            if not self._controller.moves and not self._arm.resting:
                return 'the arm is still braking; try again'
            self._home = home
            return self._begin(home, self._release == ResetRelease.HERE, self._lift_m)

    def press(self) -> None:
        """Handle the press of an operator who starts an episode: a closed hand at home opens."""
        with self._lock:
            if self._awaits_press:
                self._awaits_press, self._pressed = False, True
                if self._controller.mode in AT_HOME:
                    self._open_at_home()

    def _begin(self, home: Pose, opens: bool, lift_m: float) -> str:
        return self._controller.reset(
            self._state.pose,
            home,
            self._state.joint_position,
            Release(self._gripper, opens, lift_m, self._controller.timing.held_back_s),
        )

    def _open_at_home(self) -> None:
        self._pressed = False
        # An arm at home was moved there by a reset.
        assert self._home is not None
        self._begin(self._home, True, 0.0)

    def _arrive(self) -> None:
        """At the end of a reset, open the hand after a press, or wait for the press."""
        if self._release != ResetRelease.HOME or self._gripper is None:
            return
        if self._pressed:
            self._open_at_home()
        else:
            self._awaits_press = self._gripper.closed

    def emergency_stop(self) -> None:
        """Stop the arm; it stays stopped until a later call of `recover`.

        The gripper finishes its current order, so that it drops nothing, and starts no new one.
        """
        with self._lock:
            self._stops += 1
            self._controller.emergency_stop()
            self._rest_hand()
            self._woken.set()

    def recover(self) -> str:
        """Start a recovery in the loop's thread; return why it is refused, or ''."""
        with self._lock:
            problem = self._controller.recovery_problem(time.monotonic())
            if problem:
                return problem
            if self._recovering:
                return 'a recovery is in progress; robot_state reports its end'
            if not self._arm.resting:
                return 'the arm is still braking; try again'
            self._recovering, self._stops_then = True, self._stops
        return ''

    def _run(self) -> None:
        try:
            self._loop()
        except Exception as error:
            self.crash = error
        finally:
            # Needed if a stop came while a controller was being started.
            self._brake()

    def _brake(self) -> None:
        end = time.monotonic() + BRAKING_S
        try:
            self._arm.rest()
            while not self._arm.resting and time.monotonic() < end:
                self._arm.read()
                time.sleep(self._period_s)
        except Exception:
            # The controller has ended, or the connection is lost: nothing is left to brake.
            return

    def _loop(self) -> None:
        due = before = time.monotonic()
        while not self._ended.is_set():
            now = time.monotonic()
            periodic = now >= due
            if periodic:
                self.lateness_s.append(now - due)
                due = max(due + self._period_s, now - LONGEST_TICK_S)
            # Cleared before the tick: what arrives during it causes another one.
            self._woken.clear()
            self._tick(now, min(now - before, LONGEST_TICK_S))
            if periodic:
                with self._lock:
                    self._on_state(self._state, self._controller)
            before = now
            if self._woken.wait(max(0.0, due - time.monotonic())):
                self._ended.wait(max(0.0, min(due, now + SHORTEST_TICK_S) - time.monotonic()))

    def _tick(self, now: float, dt: float) -> None:
        if self._recovering:
            self._recover(now)
        try:
            self._state = self._arm.read()
            with self._lock:
                before = self._controller.mode
                setpoint = self._controller.tick(
                    now, dt, self._state.pose, self._state.joint_position
                )
                after = self._controller.mode
                if before == Mode.RESETTING and after == Mode.READY:
                    self._arrive()
                elif after != before and (after == Mode.FAULT or before == Mode.RESETTING):
                    self._rest_hand()
            if setpoint is None:
                self._arm.rest()
            else:
                self._arm.follow(setpoint)
                self._arm.stiffen_posture(self._controller.going_home)
        except ArmError as error:
            self._fail(error.code, str(error))
        if self._gripper and self._gripper.problem:
            self._fail(FaultCode.GRIPPER, f'gripper: {self._gripper.problem}')

    def _recover(self, now: float) -> None:
        try:
            self._arm.recover()
            # The next path starts at the pose measured now, not at the one before the fault.
            self._state = self._arm.read()
        except ArmError as error:
            with self._lock:
                self._recovering = False
                self._controller.note_recovery(f'recovery failed: {error}')
            return
        with self._lock:
            self._recovering = False
            # A stop pressed during the recovery stays in force.
            if self._stops == self._stops_then:
                if self._gripper:
                    self._gripper.recover()
                self._controller.recover(now)

    def _fail(self, code: FaultCode, text: str) -> None:
        with self._lock:
            self._controller.fail(code, text)
            self._rest_hand()

    def _rest_hand(self) -> None:
        """Discard pending actions of the hand; its current order finishes."""
        self._awaits_press = self._pressed = False
        if self._gripper:
            self._gripper.halt()
