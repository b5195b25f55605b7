# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's hand in its own thread: a grasp takes a second and must not delay the arm."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
import threading
import time

import franky

from irevla_control.arm.controller import FaultCode
from irevla_control.errors import ConfigError
from irevla_control.franka.franka_arm import CONNECTION_LOST, ERRORS, ArmError
from irevla_control.parameters.parameter_fields import parameter

# Period of the thread: it reads the width and compares it with the target [s].
PERIOD_S = 0.02
# Time allowed for the thread to end [s].
ENDING_S = 3.0
# Time after which a refused order is tried again, and a late one reported again [s].
AGAIN_S = 1.0
# Time allowed for the hand to answer a stop [s].
STOP_S = 1.0
# Fingers rest when their opening, 0 to 1, changes by less than this for this time.
STILL, STILL_S = 0.01, 0.2
WARNINGS = 100


@dataclass(frozen=True)
class GripperSettings:
    """How a commanded opening (0 closed to 1 open) becomes an order to grasp or to open.

    An opening between the two thresholds changes nothing.
    """

    close_below: float = parameter(
        0.4, 'commanded opening below which the gripper grasps', 0.0, 1.0
    )
    open_above: float = parameter(0.6, 'commanded opening above which it opens', 0.0, 1.0)
    grasp_force: float = parameter(40.0, 'force of a grasp [N]', 1.0, 70.0)
    finger_speed: float = parameter(0.1, 'speed of the fingers [m/s]', 0.01, 0.1)
    hand_timeout_s: float = parameter(
        5.0,
        'time beyond the full stroke of the fingers after which an order is reported as '
        'late, and stopped for the next [s]',
        0.2,
        60.0,
    )

    def __post_init__(self) -> None:
        """Raise ConfigError unless `close_below` is below `open_above`."""
        if not self.close_below < self.open_above:
            raise ConfigError(
                f'close_below {self.close_below} is not below open_above {self.open_above}'
            )


class Order:
    """One order in its own thread, because the hand may never answer it.

    franky's asynchronous orders are not used: each waits for the previous one.
    """

    def __init__(self, opens: bool | None, call: Callable[[], bool]) -> None:
        """Start the order: ``opens`` is true to open, false to grasp, None to stop."""
        self.opens, self.began = opens, time.monotonic()
        self.over, self.refusal = False, ''
        # When it was last reported as late.
        self.reported: float | None = None
        # The exception of a lost connection.
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
        """The order in words."""
        return {True: 'opening', False: 'grasping', None: 'stopping'}[self.opens]

    @property
    def age_s(self) -> float:
        """Time since the order started [s]."""
        return time.monotonic() - self.began


class FrankaGripper:
    """Executes the newest target, one order at a time.

    An order that the hand refuses is tried again; an order that it does not finish is stopped for
    the next target. Both are warnings. Only a lost connection is a `problem`.
    """

    def __init__(self, address: str, settings: GripperSettings) -> None:
        """Connect and start the thread; the fingers do not move.

        Raises:
            ArmError: the robot has no gripper.
            ConfigError: the gripper does not know its largest width.

        """
        self._address, self._settings = address, settings
        try:
            self._gripper: franky.Gripper | None = franky.Gripper(address)
            state = self._gripper.state
        except ERRORS as error:
            raise ArmError(
                FaultCode.GRIPPER,
                f'gripper of {address}: {error}; set gripper to false if there is none',
            ) from error
        self._target: bool | None = None
        self._done: bool | None = None
        self._order: Order | None = None
        self._stop: Order | None = None
        # The target that was refused, and when it may be tried again [steady s].
        self._refused: tuple[bool | None, float] = None, 0.0
        self._reconnect = False
        self.opening = 1.0
        # Opening and time of the last movement of the fingers.
        self._moved = 1.0, 0.0
        self.problem = self.complaint = ''
        self.counts: Counter[str] = Counter()
        # Warnings to report, the oldest first; the reader removes them.
        self.warnings: deque[str] = deque(maxlen=WARNINGS)
        self._ended = threading.Event()
        self._take_state(state)
        self._thread = threading.Thread(target=self._work, name='gripper', daemon=True)
        self._thread.start()

    @property
    def resting(self) -> bool:
        """Whether the fingers are still and no pending order will open them."""
        order = self._order
        still = time.monotonic() - self._moved[1] > STILL_S
        return still and (order is None or (order.opens is False and self._late(order)))

    @property
    def opened(self) -> bool:
        """Whether the fingers have executed an order to open, and rest."""
        return self._target is self._done is True and self.resting

    @property
    def closed(self) -> bool:
        """Whether the measured opening is below `open_above`."""
        return self.opening < self._settings.open_above

    @property
    def patience_s(self) -> float:
        """The longest time for an order, including the one before it [s]."""
        return 2 * (self._stroke_s + self._settings.hand_timeout_s)

    def command(self, opening: float) -> None:
        """Set the target from a commanded opening, 0 closed to 1 open."""
        if opening < self._settings.close_below:
            self._target = False
        elif opening > self._settings.open_above:
            self._target = True

    def open(self) -> None:
        """Set the target to open, even if the last order opened the fingers."""
        self._target, self._done = True, None

    def halt(self) -> None:
        """Start no new order; the current one finishes, so that nothing is dropped."""
        self._target = None

    def recover(self) -> None:
        """Clear problem and target; connect again if there was a problem."""
        self._target = self._done = None
        self._reconnect = bool(self.problem)
        self.problem = ''

    def close(self) -> None:
        """End the thread; the fingers do not move."""
        self._ended.set()
        self._thread.join(ENDING_S)

    def _work(self) -> None:
        while not self._ended.wait(PERIOD_S):
            if self.problem:
                continue
            try:
                if self._reconnect:
                    # The hand accepts one client: the old connection must be closed first.
                    self._gripper = None
                    self._gripper = franky.Gripper(self._address)
                    self._reconnect = False
                self._take_state(self._connected.state)
                self._act()
            except Exception as error:
                # Any exception: a thread that ended would look like a hand that does not move.
                self._order = self._stop = None
                self.problem = f'{type(error).__name__}: {error}'

    def _take_state(self, state: franky.GripperState) -> None:
        if not state.max_width > 0:
            raise ConfigError(
                f'the hand of {self._address} does not know its largest width; home '
                'it in Desk, or with franky.Gripper(...).homing()'
            )
        self._max_width = state.max_width
        self.opening = min(max(state.width / state.max_width, 0.0), 1.0)
        if abs(self.opening - self._moved[0]) > STILL:
            self._moved = self.opening, time.monotonic()

    @property
    def _connected(self) -> franky.Gripper:
        if self._gripper is None:
            raise ArmError(FaultCode.GRIPPER, f'not connected to the hand of {self._address}')
        return self._gripper

    @property
    def _stroke_s(self) -> float:
        return self._max_width / self._settings.finger_speed

    def _late(self, order: Order) -> bool:
        return order.age_s > self._stroke_s + self._settings.hand_timeout_s

    def _act(self) -> None:
        """Handle the current order, or start one for the target."""
        if self._order is not None and self._order.over:
            self._finish(self._order)
        if self._order is not None:
            if self._late(self._order):
                self._handle_late(self._order)
            return
        target = self._target
        if target is None or target == self._done:
            return
        refused, again = self._refused
        if target != refused or time.monotonic() > again:
            self._begin(target)

    def _begin(self, target: bool) -> None:
        # The hand executes one order at a time; the next waits for the end of this one.
        gripper, settings, width = self._connected, self._settings, self._max_width
        self._done = None
        if target:
            self._order = Order(True, lambda: gripper.move(width, settings.finger_speed))
        else:
            # This outer tolerance accepts any object between the fingers, and none.
            self._order = Order(
                False,
                lambda: gripper.grasp(
                    0.0, settings.finger_speed, settings.grasp_force, epsilon_outer=width
                ),
            )

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

    def _handle_late(self, order: Order) -> None:
        """Report a late order; stop it, unless the hand may hold an object."""
        now = time.monotonic()
        if order.reported is None:
            self.counts['hand orders late'] += 1
        if order.reported is None or now - order.reported > AGAIN_S:
            order.reported = now
            self._warn(f'the hand has not finished {order.name} for {order.age_s:.0f} s')
        # A late grasp may hold an object: only the target to open ends it.
        if order.opens is False and self._target is not True:
            return
        if self._stop is None:
            self._stop = Order(None, self._connected.stop)
        elif self._stop.error is not None:
            raise self._stop.error
        elif self._stop.over or self._stop.age_s > STOP_S:
            # The stop ended or got no answer: allow the next order, which may succeed.
            self._order = self._stop = None

    def _warn(self, text: str) -> None:
        self.complaint = text
        self.warnings.append(text)
