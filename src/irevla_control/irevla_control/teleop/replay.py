# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Selects the recorded command that answers an observation during a replay."""

import numpy as np

from irevla_control.errors import ConfigError


class Replay:
    """Returns recorded actions in order, then zero motion with the last gripper opening."""

    def __init__(
        self, actions: np.ndarray, stamps: np.ndarray, paced: bool, unjoined: str = ''
    ) -> None:
        """Replay one episode.

        Args:
            actions: float64 (T, 7), see `observation`.
            stamps: int64 (T,) [ns], stamps of the observations that they answered.
            paced: whether actions keep their recorded times; else each observation gets one.
            unjoined: reason why there are no actions.

        Raises:
            ConfigError: the episode has no actions.

        """
        if not len(actions):
            reason = unjoined or 'it contains no commands'
            remedy = 'give a larger bag_max_skew_s, or ' if 'max_skew_s' in reason else ''
            raise ConfigError(
                f'the episode cannot be replayed: {reason}; {remedy}choose another one'
            )
        self._actions, self._paced = actions, paced
        self._times = stamps - stamps[0]
        # Up to half a period early, an action is closer to its recorded time than one image later.
        self._early = float(np.median(np.diff(stamps))) / 2 if len(stamps) > 1 else 0.0
        self.restart()

    def restart(self) -> None:
        """Start again with the first action."""
        self._next, self._first_ns = 0, -1

    def answer(self, stamp: int) -> np.ndarray | None:
        """Return the action (7,) that answers an observation [ns], or None when none is due."""
        if self._first_ns < 0:
            self._first_ns = stamp
        if self._next == len(self._actions):
            return np.array([0.0] * 6 + [self._actions[-1, 6]])
        due = self._times[self._next] - self._early <= stamp - self._first_ns
        if self._paced and not due:
            return None
        # Even with a slower camera no action is skipped: the path matters more than its timing.
        self._next += 1
        return self._actions[self._next - 1]
