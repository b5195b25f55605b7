# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The actions of one pass that answer the observations after it."""

from dataclasses import dataclass

import numpy as np

from irevla_policy.nodes.acting_gates import Job


@dataclass(frozen=True)
class NextAction:
    """An action of a running chunk.

    Attributes:
        index: its number j in the chunk, 1 or more.
        action: float32 (a,), normalised.
        latent_stamp: stamp of the observation of the pass [ns].

    """

    index: int
    action: np.ndarray
    latent_stamp: int


class RunningChunk:
    """Decides whether an observation is answered with the next action of the newest pass.

    It is, only if the robot executed the chunk's last action for the last observation. So the
    chunk ends when a person acts, and when a command is lost. It also ends with its episode or
    instruction, when a new head is there, and when an observation is missing: a next one must be
    taken at most ``max_gap_ns`` after the last one, or after the command to it was sent.

    `command_executed` may be called from another thread than the other methods.
    """

    def __init__(self, max_gap_ns: int) -> None:
        """Begin without a chunk; ``max_gap_ns`` 0: the environment waits for each command."""
        self._max_gap_ns = max_gap_ns
        self._actions: np.ndarray = np.empty((0, 0))
        self._of: tuple[str, str, int] = '', '', 0
        self._latent_stamp = 0
        # Number of sent actions; stamp of the last one's observation, and time of sending.
        self._sent, self._last, self._sent_ns = 0, 0, 0
        # Stamp of the newest executed command, and whether it is the policy's.
        self._executed: tuple[int, bool] = -1, False

    def begin(self, job: Job, actions: np.ndarray, version: int) -> None:
        """Begin with the actions (k, a) that a pass on this job's observation gave."""
        self._actions, self._of = actions, _source(job, version)
        self._latent_stamp, self._sent = job.observation.stamp, 0

    def command_sent(self, job: Job, now_ns: int) -> None:
        """Count an action that was published, at this time on the clock of the stamps."""
        self._sent, self._last, self._sent_ns = self._sent + 1, job.observation.stamp, now_ns

    def command_executed(self, stamp: int, by_policy: bool) -> None:
        """Store the newest command that the robot got: stamp [ns], and whose it is."""
        self._executed = stamp, by_policy

    def next_action(self, job: Job, version: int) -> NextAction | None:
        """Return the action that answers this job; None: a pass is needed.

        ``version`` is that of the newest head.
        """
        stamp, last = job.observation.stamp, max(self._last, self._sent_ns)
        follows = (
            0 < self._sent < len(self._actions)
            and self._of == _source(job, version)
            and self._executed == (self._last, True)
            and stamp > self._last
            and (not self._max_gap_ns or stamp - last <= self._max_gap_ns)
        )
        if not follows:
            self._sent = 0
            return None
        return NextAction(self._sent, self._actions[self._sent], self._latent_stamp)


def _source(job: Job, version: int) -> tuple[str, str, int]:
    return job.episode.episode_id, job.episode.instruction, version
