# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that reads the robot and leads it, at a steady rate, whatever else the node does."""

from collections import deque
from collections.abc import Callable
import threading
import time

import numpy as np

from irevla_control.arm_controller import ArmController, FaultCode
from irevla_control.franka_arm import ArmError, ArmState, FrankaArm
from irevla_control.franka_gripper import FrankaGripper
from irevla_control.pose import Pose

# A tick that comes later than this is as long as this: nothing is caught up in a leap.
LONGEST_TICK_S = 0.05


class ArmLoop:
    """Robot, gripper and controller together; its methods are for any thread."""

    def __init__(self, arm: FrankaArm, gripper: FrankaGripper | None, controller: ArmController,
                 rate_hz: float, on_state: Callable[[ArmState, ArmController], None]) -> None:
        """Be ready; ``on_state`` is called in the thread after each tick."""
        self._arm, self._gripper, self._controller = arm, gripper, controller
        self._period_s = 1 / rate_hz
        self._on_state = on_state
        self._lock = threading.Lock()
        self._state = arm.read()
        self._recover = False
        self._ended = threading.Event()
        # What ended the thread against all expectation.
        self.crash: Exception | None = None
        self.lateness_s: deque[float] = deque(maxlen=1000)
        self._thread = threading.Thread(target=self._run, name='arm', daemon=True)

    def start(self) -> None:
        """Begin to read and lead."""
        self._thread.start()

    def close(self) -> None:
        """Bring the arm to rest, and end the thread."""
        with self._lock:
            self._controller.emergency_stop()
        end = time.monotonic() + 3
        while not self._arm.resting and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        self._ended.set()
        self._thread.join()

    @property
    def state(self) -> ArmState:
        """Return what was read last."""
        return self._state

    def command(self, action: np.ndarray, stamp: int, frame: str) -> str:
        """Take a command, see `ArmController.command`; the gripper gets its wish."""
        now = time.monotonic()
        with self._lock:
            problem = self._controller.command(action, stamp, frame, self._state.pose, now)
        if not problem and self._gripper:
            self._gripper.want(action[6])
        return problem

    def reset(self, home: Pose) -> str:
        """Begin the way home, fingers open; return why not, or ''."""
        with self._lock:
            if not self._controller.moves and not self._arm.resting:
                return 'the arm is still braking; try again'
            problem = self._controller.reset(self._state.pose, home, time.monotonic())
        if not problem and self._gripper:
            self._gripper.want(1.0)
        return problem

    def emergency_stop(self) -> None:
        """Stop, and stay so until recovery."""
        with self._lock:
            self._controller.emergency_stop()

    def recover(self) -> str:
        """Recover from a fault or stop, in the loop's thread; return why not, or ''."""
        with self._lock:
            problem = self._controller.recovery_problem(time.monotonic())
            if not problem:
                self._recover = True
        return problem

    def _run(self) -> None:
        try:
            self._lead()
        except Exception as error:
            self.crash = error

    def _lead(self) -> None:
        due = before = time.monotonic()
        while not self._ended.is_set():
            now = time.monotonic()
            self.lateness_s.append(now - due)
            self._tick(now, min(now - before, LONGEST_TICK_S))
            before = now
            due = max(due + self._period_s, time.monotonic() - LONGEST_TICK_S)
            self._ended.wait(max(0.0, due - time.monotonic()))

    def _tick(self, now: float, dt: float) -> None:
        try:
            if self._recover:
                self._do_recover(now)
            self._state = self._arm.read()
            with self._lock:
                setpoint = self._controller.tick(now, dt)
            if setpoint is None:
                self._arm.rest()
            else:
                self._arm.lead(setpoint)
        except ArmError as error:
            self._fail(error.code, str(error))
        if self._gripper and self._gripper.problem:
            self._fail(FaultCode.GRIPPER, f'gripper: {self._gripper.problem}')
        self._on_state(self._state, self._controller)

    def _do_recover(self, now: float) -> None:
        self._recover = False
        try:
            self._arm.recover()
        except ArmError as error:
            with self._lock:
                self._controller.fault_text += f'; recovery failed: {error}'
            return
        if self._gripper:
            self._gripper.recover()
        with self._lock:
            self._controller.recover(now)

    def _fail(self, code: FaultCode, text: str) -> None:
        with self._lock:
            self._controller.fail(code, text)
