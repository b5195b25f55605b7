# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which commander moves the robot: the operator wins, the policy takes over again later."""

from collections.abc import Callable
import time
from typing import Any


class CommandMux:
    """Decides for each command whether it goes on to the robot.

    An operator's command goes through at once and silences the policy for ``teleop_timeout_s`` of
    steady time. Each observation is answered once: a command whose stamp is not newer than the
    last one forwarded is refused. The policy's newest overruled command is held: if the operator
    stops without answering its observation, it goes on after all: in lock-step nobody else would.
    """

    def __init__(self, teleop_timeout_s: float,
                 clock: Callable[[], float] = time.monotonic) -> None:
        """Start with the policy in charge; ``clock`` returns steady seconds."""
        self._timeout_s = teleop_timeout_s
        self._clock = clock
        self._last_teleop = float('-inf')
        self._last_stamp = -1
        self._held: tuple[int, Any] | None = None

    def start_episode(self) -> None:
        """Forget the last stamp and what is held: a new episode's clock may begin anew."""
        self._last_stamp = -1
        self._held = None

    def end_episode(self) -> None:
        """Forget what is held: nothing may answer the last observation."""
        self._held = None

    @property
    def teleop_active(self) -> bool:
        """Whether the operator is in charge."""
        return self._clock() - self._last_teleop < self._timeout_s

    def teleop(self, stamp: int) -> str:
        """Return '' when an operator's command goes on, else why not; stamp in nanoseconds."""
        self._last_teleop = self._clock()
        return self._answer(stamp)

    def policy(self, stamp: int, command: Any) -> str:
        """Return '' when a policy's command goes on, else why not; stamp in nanoseconds."""
        if self.teleop_active:
            self._held = stamp, command
            return 'the operator is in charge'
        self._held = None
        return self._answer(stamp)

    def release(self) -> Any | None:
        """Return the held command, once, when it goes on after all, else None."""
        if self._held is None or self.teleop_active:
            return None
        (stamp, command), self._held = self._held, None
        return None if self._answer(stamp) else command

    def _answer(self, stamp: int) -> str:
        if stamp <= self._last_stamp:
            return f'command for stamp {stamp}, but {self._last_stamp} was answered already'
        self._last_stamp = stamp
        return ''
