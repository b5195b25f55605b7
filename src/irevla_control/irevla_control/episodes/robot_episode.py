# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An episode on a robot: the `episode` messages to publish, and the end of the episode.

A simulator in lock-step publishes one message per observation. A robot does not wait for the
policy, so here an observation counts when a command answers it. The last one is the first
observation after the event that ended the episode.
"""

from dataclasses import dataclass
import enum

from irevla_control.errors import ConfigError

# Largest lead of a camera's clock [ns]; a stamp further ahead is of a clock that was set.
MOST_AHEAD_NS = 1_000_000_000


@dataclass(frozen=True)
class EpisodeEvent:
    """Content of one `episode` message, with the names of EpisodeState.

    Attributes:
        stamp: stamp of its observation [ns].
        step: number of commands executed before it.
        reward: reward of the last of these commands.

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


class Outcome(enum.Enum):
    """How an episode will end at the next observation that shows the effect of its last command.

    Attributes:
        terminated: the task ended it; False at the horizon.
        success: the task was done.

    """

    NONE = 'the episode continues', False, False
    HORIZON = 'the last command was executed', False, False
    FAILURE = 'a verdict of failure', True, False
    SUCCESS = 'a verdict of success', True, True

    def __init__(self, _: str, terminated: bool, success: bool) -> None:
        """Keep what the last event says."""
        self.terminated, self.success = terminated, success


class RobotEpisode:
    """One episode from its start to its last event."""

    def __init__(self, horizon: int, linger: int = 0) -> None:
        """Truncate after ``horizon`` commands; continue for ``linger`` observations after success.

        Raises:
            ConfigError: ``horizon`` is below 1, or ``linger`` below 0.

        """
        if horizon < 1:
            raise ConfigError(f'horizon is {horizon}; 1 command or more are needed')
        if linger < 0:
            raise ConfigError(f'linger is {linger}; 0 observations or more are needed')
        self._horizon, self._linger = horizon, linger
        self._step, self._newest = 0, -1
        # Only an observation after this time shows the effect of the last command [ns].
        self._after = -1
        self._outcome = Outcome.NONE
        self.ended = False

    def begin(self, stamp: int) -> EpisodeEvent:
        """Return the first event, after which a policy may act."""
        self._newest = stamp - 1
        return EpisodeEvent(stamp, 0)

    def command(self, stamp: int, executed: int) -> EpisodeEvent | None:
        """Take a command executed at a time [ns]; return the event of the observation it answers.

        A command counts even if its stamp is ahead of the present time, because the arm moved.
        Commands after the verdict or the horizon do not count, although the arm executes them.
        """
        if self.ended or self._outcome is not Outcome.NONE or stamp <= self._newest:
            return None
        event = EpisodeEvent(stamp, self._step)
        self._step, self._newest = self._step + 1, stamp
        # The answered observation does not show the effect of the command.
        self._after = max(executed, stamp) if stamp < executed + MOST_AHEAD_NS else executed
        if self._step == self._horizon:
            self._outcome = Outcome.HORIZON
        return event

    def success(self, stamp: int) -> None:
        """Take a verdict of success by classifier or operator at a time [ns]."""
        self._end(Outcome.SUCCESS, stamp)

    def failure(self, stamp: int) -> None:
        """Take the operator's verdict of failure at a time [ns]."""
        if self._outcome is not Outcome.SUCCESS:
            self._end(Outcome.FAILURE, stamp)

    def _end(self, verdict: Outcome, stamp: int) -> None:
        # A verdict counts even if the horizon was reached at the same time.
        if not self.ended and self._step and self._outcome is not verdict:
            self._outcome = verdict
            self._after = max(self._after, stamp)

    def frame(self, stamp: int) -> EpisodeEvent | None:
        """Take a new observation; return its event if it ends the episode or shows success."""
        if self.ended or self._outcome is Outcome.NONE or stamp <= self._after:
            return None
        # Stamps of events increase, even if a clock was set back.
        stamp = self._newest = max(stamp, self._newest + 1)
        if self._outcome.success and self._linger:
            self._linger -= 1
            return EpisodeEvent(stamp, self._step, success=True)
        self.ended = True
        outcome = self._outcome
        return EpisodeEvent(
            stamp,
            self._step,
            float(outcome.success),
            ended=True,
            terminated=outcome.terminated,
            truncated=not outcome.terminated,
            success=outcome.success,
        )

    def abort(self, stamp: int, text: str) -> EpisodeEvent | None:
        """Abort the episode; return the last event, or None if the episode has ended."""
        if self.ended:
            return None
        self.ended = True
        return EpisodeEvent(
            max(stamp, self._newest + 1), self._step, ended=True, aborted=True, text=text
        )
