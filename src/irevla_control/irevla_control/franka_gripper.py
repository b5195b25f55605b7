# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's hand in a thread of its own: a grasp takes a second, and nobody waits for it."""

from dataclasses import dataclass
import threading

import franky

from irevla_control.errors import ConfigError

# How often the wish is looked at, and the width read.
PERIOD_S = 0.02


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
    """Carries out the newest wish; tells the opening and what went wrong."""

    def __init__(self, address: str, settings: GripperSettings) -> None:
        """Connect, and begin the thread; the fingers stay as they are.

        Raises:
            franky.Exception: there is no gripper at this robot.

        """
        self._address, self._settings = address, settings
        self._gripper = franky.Gripper(address)
        self._wish: bool | None = None
        self._done: bool | None = None
        self._running: franky.BoolFuture | None = None
        self.opening = 1.0
        self.grasped = False
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

    def recover(self) -> None:
        """Forget the last problem and wish; connect again where there was a problem."""
        self._wish = self._done = None
        if self.problem:
            # The hand talks to one client: the old connection must be gone before the next.
            self._gripper = None
        self.problem = ''

    def close(self) -> None:
        """End the thread; the fingers stay as they are."""
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.wait(PERIOD_S):
            if self.problem:
                continue
            try:
                if self._gripper is None:
                    self._gripper = franky.Gripper(self._address)
                self._read()
                self._act()
            # A connection that is cut comes as a RuntimeError.
            except (franky.Exception, RuntimeError) as error:
                self._running = None
                self.problem = f'{type(error).__name__}: {error}'

    def _read(self) -> None:
        state = self._gripper.state
        self.opening = min(max(state.width / state.max_width, 0.0), 1.0)
        self.grasped = state.is_grasped

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
