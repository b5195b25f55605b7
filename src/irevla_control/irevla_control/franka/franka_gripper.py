# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's hand in a thread of its own: a grasp takes a second, and nobody waits for it."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
import threading
import time

import franky

from irevla_control.arm.controller import FaultCode
from irevla_control.errors import ConfigError
from irevla_control.franka.franka_arm import CONNECTION_LOST, ERRORS, ArmError

# How often the wish is looked at, and the width read.
PERIOD_S = 0.02
# In which the thread ends.
ENDING_S = 3.0
# A refused order is tried again after this time, and a late one reported again.
AGAIN_S = 1.0
# In which a hand that can hear answers a stop.
STOP_S = 1.0
# Fingers rest when their opening, 0 to 1, changes by less than this for this time.
STILL, STILL_S = 0.01, 0.2
WARNINGS = 100


@dataclass(frozen=True)
class GripperSettings:
    """How the wanted opening (0 closed to 1 open) becomes a grasp or an opening.

    Attributes:
        close_below, open_above: openings; what lies between changes nothing.
        force: of a grasp [N].
        speed: of the fingers [m/s].
        timeout_s: how much longer than the fingers' way at this speed an order may take before
            it is late.

    """

    close_below: float = 0.4
    open_above: float = 0.6
    force: float = 40.0
    speed: float = 0.1
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Raise ConfigError when one wish would mean both."""
        if not self.close_below < self.open_above:
            raise ConfigError(f'close_below {self.close_below} is not below open_above '
                              f'{self.open_above}')


class Order:
    """One order, in a thread of its own: the hand may never answer it.

    franky's own asynchronous orders do not serve: each waits for the one before it.
    """

    def __init__(self, opens: bool | None, call: Callable[[], bool]) -> None:
        """Begin it; ``opens`` is what it is for, None for a stop."""
        self.opens, self.began = opens, time.monotonic()
        self.over, self.refusal = False, ''
        # When it was last reported as late.
        self.reported: float | None = None
        # That of a lost connection.
        self.error: Exception | None = None
        threading.Thread(target=self._run, args=(call,), name='hand order', daemon=True).start()

    def _run(self, call: Callable[[], bool]) -> None:
        try:
            if not call():
                self.refusal = 'not successful'
        except CONNECTION_LOST as error:
            self.error = error
        except Exception as error:
            self.refusal = str(error)
        self.over = True

    @property
    def name(self) -> str:
        """What it does, in words."""
        return {True: 'opening', False: 'grasping', None: 'stopping'}[self.opens]

    @property
    def age_s(self) -> float:
        """How long ago it began [s]."""
        return time.monotonic() - self.began


class FrankaGripper:
    """Carries out the newest wish, one order at a time.

    An order that the hand refuses is tried again, and one that it does not finish is stopped for
    the next wish; both are warnings. Only a lost connection is a `problem`.
    """

    def __init__(self, address: str, settings: GripperSettings) -> None:
        """Connect, and begin the thread; the fingers stay as they are.

        Raises:
            ArmError: there is no gripper at this robot.
            ConfigError: it does not know how wide it opens.

        """
        self._address, self._settings = address, settings
        try:
            self._gripper: franky.Gripper | None = franky.Gripper(address)
            state = self._gripper.state
        except ERRORS as error:
            raise ArmError(FaultCode.GRIPPER, f'gripper of {address}: {error}; set gripper to '
                           'false if there is none') from error
        self._wish: bool | None = None
        self._done: bool | None = None
        self._order: Order | None = None
        self._stop: Order | None = None
        # Which wish was refused, and when it may be tried again.
        self._refused: tuple[bool | None, float] = None, 0.0
        self._reconnect = False
        self.opening = 1.0
        # Where the fingers were when they moved last, and when.
        self._moved = 1.0, 0.0
        self.problem = self.complaint = ''
        self.counts: Counter[str] = Counter()
        # What to tell people, the oldest first; who tells it takes it away.
        self.warnings: deque[str] = deque(maxlen=WARNINGS)
        self._ended = threading.Event()
        self._see(state)
        self._thread = threading.Thread(target=self._work, name='gripper', daemon=True)
        self._thread.start()

    @property
    def resting(self) -> bool:
        """Whether the fingers stand still, and no order will open them."""
        order = self._order
        still = time.monotonic() - self._moved[1] > STILL_S
        return still and (order is None or (order.opens is False and self._late(order)))

    @property
    def opened(self) -> bool:
        """Whether the fingers were told to open, did, and rest."""
        return self._wish is self._done is True and self.resting

    @property
    def closed(self) -> bool:
        """Whether the fingers are not as wide apart as open ones."""
        return self.opening < self._settings.open_above

    @property
    def patience_s(self) -> float:
        """How long an order may take, one before it included [s]."""
        return 2 * (self._way_s + self._settings.timeout_s)

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
                self._see(self._gripper.state)
                self._act()
            except Exception as error:
                # Whatever it is: a thread that ended would look like a hand that does not move.
                self._order = self._stop = None
                self.problem = f'{type(error).__name__}: {error}'

    def _see(self, state: franky.GripperState) -> None:
        if not state.max_width > 0:
            raise ConfigError(f'the hand of {self._address} does not know how wide it opens; home '
                              'it in Desk, or with franky.Gripper(...).homing()')
        self._max_width = state.max_width
        self.opening = min(max(state.width / state.max_width, 0.0), 1.0)
        if abs(self.opening - self._moved[0]) > STILL:
            self._moved = self.opening, time.monotonic()

    @property
    def _way_s(self) -> float:
        return self._max_width / self._settings.speed

    def _late(self, order: Order) -> bool:
        return order.age_s > self._way_s + self._settings.timeout_s

    def _act(self) -> None:
        """Go on with the order that runs, or begin what is wished for."""
        if self._order is not None and self._order.over:
            self._finish(self._order)
        if self._order is not None:
            if self._late(self._order):
                self._give_way(self._order)
            return
        wish = self._wish
        if wish is None or wish == self._done:
            return
        refused, again = self._refused
        if wish != refused or time.monotonic() > again:
            self._begin(wish)

    def _begin(self, wish: bool) -> None:
        # The hand takes one order at a time; the next waits until this one is over.
        gripper, settings, width = self._gripper, self._settings, self._max_width
        self._done = None
        if wish:
            self._order = Order(True, lambda: gripper.move(width, settings.speed))
        else:
            # Whatever is between the fingers is grasped, also nothing.
            self._order = Order(False, lambda: gripper.grasp(
                0.0, settings.speed, settings.force, epsilon_outer=width))

    def _finish(self, order: Order) -> None:
        stopped = self._stop is not None
        self._order = self._stop = None
        if order.error is not None:
            raise order.error
        if not order.refusal:
            self._done, self._refused, self.complaint = order.opens, (None, 0.0), ''
        elif not stopped:
            self.counts['hand orders refused'] += 1
            self._refused = order.opens, time.monotonic() + AGAIN_S
            self._warn(f'the hand refused {order.name}: {order.refusal}')

    def _give_way(self, order: Order) -> None:
        """Report a late order; stop it, unless it may hold something."""
        now = time.monotonic()
        if order.reported is None:
            self.counts['hand orders late'] += 1
        if order.reported is None or now - order.reported > AGAIN_S:
            order.reported = now
            self._warn(f'the hand has not finished {order.name} for {order.age_s:.0f} s')
        # Only a wish to open lets go of what a late grasp may hold.
        if order.opens is False and self._wish is not True:
            return
        if self._stop is None:
            self._stop = Order(None, self._gripper.stop)
        elif self._stop.error is not None:
            raise self._stop.error
        elif self._stop.over or self._stop.age_s > STOP_S:
            # The hand does not tell of its end: the next order may reach it.
            self._order = self._stop = None

    def _warn(self, text: str) -> None:
        self.complaint = text
        self.warnings.append(text)
