# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's hand in a thread of its own: a grasp takes a second, and nobody waits for it."""

from dataclasses import dataclass
import threading

import franky

from irevla_control.arm.controller import FaultCode
from irevla_control.arm.franka_arm import ERRORS, ArmError
from irevla_control.errors import ConfigError

# How often the wish is looked at, and the width read.
PERIOD_S = 0.02
# In which the thread ends, unless an order is still running.
ENDING_S = 3.0


@dataclass(frozen=True)
class GripperSettings:
    """How the wanted opening (0 closed to 1 open) becomes a grasp or an opening.

    Attributes:
        close_below, open_above: openings; what lies between changes nothing.
        force: of a grasp [N].
        speed: of the fingers [m/s].

    """

    close_below: float = 0.4
    open_above: float = 0.6
    force: float = 40.0
    speed: float = 0.1

    def __post_init__(self) -> None:
        """Raise ConfigError when one wish would mean both."""
        if not self.close_below < self.open_above:
            raise ConfigError(f'close_below {self.close_below} is not below open_above '
                              f'{self.open_above}')


class FrankaGripper:
    """Carries out the newest wish, one order at a time; tells the opening and what went wrong."""

    def __init__(self, address: str, settings: GripperSettings) -> None:
        """Connect, and begin the thread; the fingers stay as they are.

        Raises:
            ArmError: there is no gripper at this robot.
            ConfigError: it does not know how wide it opens.

        """
        self._address, self._settings = address, settings
        try:
            self._gripper: franky.Gripper | None = franky.Gripper(address)
        except ERRORS as error:
            raise ArmError(FaultCode.GRIPPER, f'gripper of {address}: {error}; set gripper to '
                           'false if there is none') from error
        self._wish: bool | None = None
        self._done: bool | None = None
        self._running: franky.BoolFuture | None = None
        self._reconnect = False
        self.opening = 1.0
        self.problem = ''
        self._ended = threading.Event()
        self._read()
        self._thread = threading.Thread(target=self._work, name='gripper', daemon=True)
        self._thread.start()

    def want(self, opening: float) -> None:
        """Wish for an opening, 0 closed to 1 open."""
        if opening < self._settings.close_below:
            self._wish = False
        elif opening > self._settings.open_above:
            self._wish = True

    def open(self) -> None:
        """Wish for open fingers, even if they were told so before."""
        self._wish, self._done = True, None

    def halt(self) -> None:
        """Begin nothing new; an order that runs is finished, so that nothing is dropped."""
        self._wish = None

    def recover(self) -> None:
        """Forget the last problem and wish; connect again where there was a problem."""
        self._wish = self._done = None
        self._reconnect = bool(self.problem)
        self.problem = ''

    def close(self) -> None:
        """End the thread; the fingers stay as they are."""
        self._ended.set()
        self._thread.join(ENDING_S)

    def _work(self) -> None:
        while not self._ended.wait(PERIOD_S):
            if self.problem:
                continue
            try:
                if self._reconnect:
                    # The hand talks to one client: the old connection must be gone first.
                    self._gripper = None
                    self._gripper = franky.Gripper(self._address)
                    self._reconnect = False
                self._read()
                self._act()
            except Exception as error:
                # Whatever it is: a thread that ended would look like a hand that does not move.
                self._running = None
                self.problem = f'{type(error).__name__}: {error}'

    def _read(self) -> None:
        state = self._gripper.state
        if not state.max_width > 0:
            raise ConfigError(f'the hand of {self._address} does not know how wide it opens; home '
                              'it in Desk, or with franky.Gripper(...).homing()')
        self.opening = min(max(state.width / state.max_width, 0.0), 1.0)

    def _act(self) -> None:
        # The hand takes one order at a time; the next waits until this one is done.
        if self._running is not None:
            if not self._running.wait(0.0):
                return
            self._running.get()
            self._running = None
        wish = self._wish
        if wish is None or wish == self._done:
            return
        settings, width = self._settings, self._gripper.max_width
        if wish:
            self._running = self._gripper.move_async(width, settings.speed)
        else:
            # Whatever is between the fingers is grasped, also nothing.
            self._running = self._gripper.grasp_async(
                0.0, settings.speed, settings.force, epsilon_outer=width)
        self._done = wish
