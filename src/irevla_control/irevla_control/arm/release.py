# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""First part of a reset: the arm comes to rest, the hand opens or stays closed, the arm rises."""

from collections.abc import Iterator
import enum
from typing import Protocol

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.minimum_jerk import least_time_s, share_done
from irevla_control.arm.pose import Pose
from irevla_control.arm.setpoint import Setpoint
from irevla_control.errors import IrevlaError

# An arm rests when it moves and rotates by less than this for this time.
STILL_M, STILL_RAD, STILL_S = 0.001, 0.01, 0.2
# Distance from the top at which the rise is complete [m].
RISEN = 0.02


class ResetRelease(enum.Enum):
    """Where a reset opens the hand: at the start, at home after the operator's press, or never."""

    HERE = 'here'
    HOME = 'home'
    KEEP = 'keep'


class Hand(Protocol):
    """The part of a hand's interface that a reset uses."""

    # Why the last order failed or is late, or ''.
    complaint: str

    @property
    def resting(self) -> bool:
        """Whether the fingers are still and no pending order will open them."""

    @property
    def opened(self) -> bool:
        """Whether the fingers have opened since `open` was called, and rest."""

    @property
    def patience_s(self) -> float:
        """The longest time that its orders may take [s]."""

    def open(self) -> None:
        """Start to open the fingers."""

    def halt(self) -> None:
        """Start no new order; the current one finishes."""


class ReleaseError(IrevlaError):
    """The path home cannot start; the text has the reason and the remedy."""

    def __init__(self, reason: str, hand: Hand | None = None) -> None:
        """Append the complaint of the hand, if the hand is the reason."""
        super().__init__(reason + (f' ({hand.complaint})' if hand and hand.complaint else ''))
        self.reason, self.of_hand = reason, hand is not None


class Release:
    """The part of a reset before the path home; the fingers open only while the arm rests."""

    def __init__(self, hand: Hand | None, opens: bool, lift_m: float, held_back_s: float) -> None:
        """Start, with the arm in motion or at rest.

        Args:
            hand: hand of the arm, or None.
            opens: whether the fingers open before the arm rises.
            lift_m: height of the rise [m].
            held_back_s: time for which an obstacle may block the arm [s].

        """
        self._hand, self._opens, self._lift_m = hand, opens, lift_m
        self._held_back_s = held_back_s
        self._script = self._steps()
        # Whether the arm is rising.
        self.rising = False

    def advance(
        self, dt: float, setpoint: Setpoint, measured: Pose, home: Pose, limits: ArmLimits
    ) -> bool:
        """Advance by ``dt`` seconds; return whether the path home may start.

        Raises:
            ReleaseError: the path home cannot start.

        """
        self._dt, self._setpoint, self._measured = dt, setpoint, measured
        self._home, self._limits = home, limits
        return next(self._script, self) is self

    def _steps(self) -> Iterator[None]:
        """Yield once per tick."""
        if self._hand is not None:
            self._hand.halt()
        yield from self._come_to_rest()
        if self._hand is not None and self._opens:
            yield from self._open(self._hand)
        # Near home no rise is needed.
        if np.linalg.norm(self._measured.to(self._home)[0]) > self._lift_m > 0:
            yield from self._rise()

    def _come_to_rest(self) -> Iterator[None]:
        hand, place = self._hand, self._measured
        waited_s = still_s = 0.0
        while True:
            self._setpoint.brake()
            waited_s += self._dt
            still_s += self._dt
            translation, rotation = place.to(self._measured)
            if np.linalg.norm(translation) > STILL_M or np.linalg.norm(rotation) > STILL_RAD:
                place, still_s = self._measured, 0.0
            rests = still_s > STILL_S
            if rests and (hand is None or hand.resting):
                return
            if not rests and waited_s > self._held_back_s:
                raise ReleaseError(
                    'the arm does not come to rest before its path home; is it being pushed?'
                )
            if hand is not None and waited_s > self._held_back_s + hand.patience_s:
                raise ReleaseError(
                    'the fingers do not come to rest before the path home; check the hand', hand
                )
            yield

    def _open(self, hand: Hand) -> Iterator[None]:
        hand.open()
        waited_s = 0.0
        while not hand.opened:
            waited_s += self._dt
            if waited_s > hand.patience_s:
                raise ReleaseError(
                    f'the hand did not open for {hand.patience_s:.0f} s, so the arm does not '
                    'move; free the fingers, or open them in Desk',
                    hand,
                )
            yield

    def _rise(self) -> Iterator[None]:
        self.rising = True
        start, limits = self._setpoint.pose, self._limits
        up = np.array([0, 0, self._lift_m])
        # Not `clamped`: a yaw outside its range is corrected on the path home, not here.
        top = limits.upright(start.translated(up, np.zeros(3)))
        duration_s = least_time_s(up, np.zeros(3), limits)
        done_s = blocked_s = 0.0
        while True:
            if done_s >= duration_s:
                self._setpoint.target = top
                if np.linalg.norm(self._measured.to(top)[0]) < RISEN:
                    return
                blocked_s += self._dt
            elif np.linalg.norm(self._measured.to(self._setpoint.pose)[0]) > limits.max_lead:
                self._setpoint.brake()
                blocked_s += self._dt
            else:
                done_s += self._dt
                share = share_done(done_s, duration_s)
                self._setpoint.target = limits.upright(start.translated(share * up, np.zeros(3)))
            if blocked_s > self._held_back_s:
                opened = self._opens and self._hand is not None
                remedy = (
                    'is an obstacle in its way, although the hand opened (reset_release: here)?'
                    if opened
                    else 'if the hand holds a fixed object, set reset_release: here, which opens '
                    'the hand first'
                )
                raise ReleaseError(f'the arm does not rise at the start of a reset; {remedy}')
            yield
