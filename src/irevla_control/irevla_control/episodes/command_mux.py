# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Selects the commands that move the robot: the operator's before the policy's."""

from collections.abc import Callable
import time
from typing import Any


class CommandMux:
    """Decides for each command whether it is forwarded to the robot.

    An operator's command is forwarded at once and overrules the policy for ``teleop_timeout_s``
    of steady time. Each observation is answered once: a command whose stamp is not newer than the
    last forwarded one is refused. The newest overruled command of the policy is stored and
    forwarded if the operator stops without answering its observation, because a simulator in
    lock-step would otherwise wait forever.
    """

    def __init__(
        self, teleop_timeout_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Start with the policy in control; ``clock`` returns steady seconds."""
        self._timeout_s = teleop_timeout_s
        self._clock = clock
        self._last_teleop = float('-inf')
        self._last_stamp = -1
        self._overruled: tuple[int, Any] | None = None

    def start_episode(self) -> None:
        """Discard the last stamp and the stored command: a new episode may set the clock back."""
        self._last_stamp = -1
        self._overruled = None

    def end_episode(self) -> None:
        """Discard the stored command: no command answers the last observation."""
        self._overruled = None

    @property
    def teleop_active(self) -> bool:
        """Whether the operator is in control."""
        return self._clock() - self._last_teleop < self._timeout_s

    def teleop(self, stamp: int) -> str:
        """Return why an operator's command is refused, or ''; stamp in nanoseconds."""
        self._last_teleop = self._clock()
        return self._answer(stamp)

    def policy(self, stamp: int, command: Any) -> str:
        """Return why a policy's command is refused, or ''; stamp in nanoseconds."""
        if self.teleop_active:
            self._overruled = stamp, command
            return 'the operator is in control'
        self._overruled = None
        return self._answer(stamp)

    def take_overruled(self) -> Any | None:
        """Return the stored command, once, if it is to be forwarded now, else None."""
        if self._overruled is None or self.teleop_active:
            return None
        (stamp, command), self._overruled = self._overruled, None
        return None if self._answer(stamp) else command

    def _answer(self, stamp: int) -> str:
        if stamp <= self._last_stamp:
            return f'command for stamp {stamp}, but {self._last_stamp} was already answered'
        self._last_stamp = stamp
        return ''
