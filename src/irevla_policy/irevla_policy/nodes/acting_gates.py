# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The conditions under which a policy processes an observation and publishes the command."""

from dataclasses import dataclass

from irevla_control.episode import PHASE_ENDED, PHASE_RUNNING
from irevla_control.observation import Observation


@dataclass(frozen=True)
class EpisodeStatus:
    """Content of the newest `episode` message.

    Attributes:
        episode_id, instruction, aborted: as in EpisodeState.
        phase: PHASE_RUNNING, PHASE_ENDED, or 0 before any message.
        stamp: stamp of its observation [ns].

    """

    episode_id: str = ''
    instruction: str = ''
    phase: int = 0
    aborted: bool = False
    stamp: int = 0

    @property
    def running(self) -> bool:
        """Whether commands may be given."""
        return self.phase == PHASE_RUNNING

    @property
    def completed(self) -> bool:
        """Whether it ended without an abort, so that its last observation counts."""
        return self.phase == PHASE_ENDED and not self.aborted


@dataclass(frozen=True)
class Job:
    """An observation to act on.

    Attributes:
        observation: a complete observation.
        episode: status of its episode when the job was made.
        received_s: time at which the observation was complete [steady s].

    """

    observation: Observation
    episode: EpisodeStatus
    received_s: float


class ActingGates:
    """Five gates between an observation and a command; all must be open.

    1. The episode runs, or has ended and its last observation is to be encoded.
    2. The observation's stamp belongs to the episode: it equals that of the newest `episode`
       message in lock-step or after the end, else it is not older.
    3. The observation is newer than the last command (with ``see_effects``).
    4. The observation is at most ``max_age_s`` old (`refusal`, before the pass).
    5. The episode still runs (`may_command`, after the pass).

    Call `next_job` after each `observe` and each change of ``episode``, which arrive in any order.
    `refusal` and `may_command` may be called from the model's thread.

    Attributes:
        episode: the newest status.

    """

    def __init__(
        self, lock_step: bool, see_effects: bool, encode_last: bool, max_age_s: float
    ) -> None:
        """Begin without an episode.

        Args:
            lock_step: the environment waits for the command of each observation.
            see_effects: whether gate 3 applies.
            encode_last: the last observation of an episode is encoded too, without a command.
            max_age_s: largest age of an observation, for gate 4 [s].

        """
        self.episode = EpisodeStatus()
        self._lock_step, self._see_effects = lock_step, see_effects
        self._encode_last, self._max_age_s = encode_last, max_age_s
        self._waiting: tuple[Observation, float] | None = None
        self._sent_ns = 0

    def observe(self, observation: Observation, received_s: float) -> None:
        """Add a complete observation; it replaces a waiting one."""
        self._waiting = observation, received_s

    def next_job(self) -> Job | None:
        """Return the waiting observation if gates 1 to 3 are open; each observation once."""
        episode = self.episode
        if self._waiting is None or not (
            episode.running or (self._encode_last and episode.completed)
        ):
            return None
        observation, received_s = self._waiting
        exact = self._lock_step or episode.completed
        if observation.stamp < episode.stamp or (exact and observation.stamp > episode.stamp):
            return None
        self._waiting = None
        if self._see_effects and episode.running and observation.stamp <= self._sent_ns:
            return None
        return Job(observation, episode, received_s)

    def refusal(self, job: Job, now_s: float, now_ns: int, ready_s: float) -> str:
        """Return why a job is too old (gate 4), or ''.

        Args:
            job: job that is about to start.
            now_s: present time [steady s].
            now_ns: present time on the clock of the stamps [ns]. It is ignored in lock-step, where
                that clock stops while the environment waits.
            ready_s: time at which the model became ready [steady s]. Earlier waiting does not
                count, because a newer observation would have replaced this one.

        """
        age_s = now_s - max(job.received_s, ready_s)
        if not self._lock_step:
            age_s = max(age_s, (now_ns - job.observation.stamp) * 1e-9)
        if age_s <= self._max_age_s:
            return ''
        return f'observation is {age_s:.3f} s old, the limit is {self._max_age_s} s: not acted on'

    def may_command(self, job: Job) -> bool:
        """Return whether a command may answer the job (gate 5)."""
        episode = self.episode
        over = job.episode.episode_id == episode.episode_id and not episode.running
        return job.episode.running and not over

    def command_sent(self, stamp_ns: int) -> None:
        """Store the time of a command, on the clock of the stamps [ns]."""
        self._sent_ns = stamp_ns
