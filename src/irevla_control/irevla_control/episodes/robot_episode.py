# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An episode on a robot, which does not wait: what is told of it as `episode`, and when it ends.

A simulator tells of each observation. A robot's cameras go on while a policy thinks, so here an
observation counts when a command answers it; and one more, the first after what ended it.
"""

from dataclasses import dataclass

from irevla_control.errors import ConfigError

# Cameras' clocks run ahead by less; a stamp further ahead is of a clock that was set [ns].
MOST_AHEAD_NS = 1_000_000_000


@dataclass(frozen=True)
class EpisodeEvent:
    """What one `episode` message tells; the names are EpisodeState's.

    Attributes:
        stamp: of the observation it belongs to [ns].
        step: commands executed before it.
        reward: of the last of these.

    """

    stamp: int
    step: int
    reward: float = 0.0
    ended: bool = False
    terminated: bool = False
    truncated: bool = False
    aborted: bool = False
    success: bool = False
    text: str = ''


class RobotEpisode:
    """One episode from its beginning to its last event."""

    def __init__(self, horizon: int, linger: int = 0) -> None:
        """Truncate after ``horizon`` commands; go on for ``linger`` observations after success.

        Raises:
            ConfigError: no command at all, or less than none after success.

        """
        if horizon < 1:
            raise ConfigError(f'horizon is {horizon}; 1 command or more are needed')
        if linger < 0:
            raise ConfigError(f'linger is {linger}; 0 observations or more are needed')
        self._horizon, self._linger = horizon, linger
        self._step, self._newest = 0, -1
        # No observation from before this shows what was done.
        self._after = -1
        # How it ends at the next observation: terminated and success.
        self._outcome: tuple[bool, bool] | None = None
        self.ended = False

    def begin(self, stamp: int) -> EpisodeEvent:
        """Return the event that lets a policy act."""
        self._newest = stamp - 1
        return EpisodeEvent(stamp, 0)

    def command(self, stamp: int, executed: int) -> EpisodeEvent | None:
        """Take a command executed at a time [ns]; return what it tells of what it answers.

        Whatever the clocks say, the arm moved: it counts, though its stamp may be ahead. Commands
        after the verdict or the horizon do not count, although the arm executes them.
        """
        if self.ended or self._outcome is not None or stamp <= self._newest:
            return None
        event = EpisodeEvent(stamp, self._step)
        self._step, self._newest = self._step + 1, stamp
        # What it answered does not show what it did.
        self._after = max(executed, stamp) if stamp < executed + MOST_AHEAD_NS else executed
        if self._step == self._horizon:
            self._outcome = False, False
        return event

    def success(self, said: int) -> None:
        """Take the classifier's or operator's word, said at a time [ns], that the task is done."""
        self._end(True, said)

    def failure(self, said: int) -> None:
        """Take the operator's word, said at a time [ns], that it cannot be done any more."""
        if self._outcome != (True, True):
            self._end(False, said)

    def _end(self, success: bool, said: int) -> None:
        # The word counts even where the horizon was reached in the same moment.
        if not self.ended and self._step and self._outcome != (True, success):
            self._outcome = True, success
            self._after = max(self._after, said)

    def frame(self, stamp: int) -> EpisodeEvent | None:
        """Take a new observation; return its event, if it ends the episode or shows success."""
        if self.ended or self._outcome is None or stamp <= self._after:
            return None
        terminated, success = self._outcome
        # The last event is the newest, whatever a clock does.
        stamp = self._newest = max(stamp, self._newest + 1)
        if success and self._linger:
            self._linger -= 1
            return EpisodeEvent(stamp, self._step, success=True)
        self.ended = True
        return EpisodeEvent(stamp, self._step, float(success), ended=True, terminated=terminated,
                            truncated=not terminated, success=success)

    def abort(self, stamp: int, text: str) -> EpisodeEvent | None:
        """Break it off; return the last event, unless it has ended."""
        if self.ended:
            return None
        self.ended = True
        return EpisodeEvent(max(stamp, self._newest + 1), self._step, ended=True, aborted=True,
                            text=text)
