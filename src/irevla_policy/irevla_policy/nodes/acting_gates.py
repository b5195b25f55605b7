# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The conditions under which a policy acts on an observation, and commands what it computed."""

from dataclasses import dataclass

from irevla_control.episode import PHASE_ENDED, PHASE_RUNNING
from irevla_control.observation import Observation


@dataclass(frozen=True)
class EpisodeStatus:
    """What the newest `episode` message says.

    Attributes:
        episode_id, instruction, aborted: as in EpisodeState.
        phase: PHASE_RUNNING, PHASE_ENDED, or 0 before any message.
        stamp: of its observation [ns].

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
        """Whether it ended as episodes should, so that its last observation counts."""
        return self.phase == PHASE_ENDED and not self.aborted


@dataclass(frozen=True)
class Job:
    """An observation to act on.

    Attributes:
        observation: complete.
        episode: to which it belongs, as it was when the job was made.
        received_s: when the observation was complete [steady s].

    """

    observation: Observation
    episode: EpisodeStatus
    received_s: float


class ActingGates:
    """Five gates between an observation and a command; all must be open.

    1. The episode runs, or has ended and its last observation is to be encoded.
    2. The observation belongs to the episode by its stamp: exactly where the environment waits or
       the episode has ended, else not before the newest `episode` message.
    3. It was taken after the last command was sent (with ``see_effects``).
    4. It has not waited longer than ``max_age_s`` (`refusal`, before the pass).
    5. The episode runs still (`may_command`, after the pass).

    `next_job` is called after each `observe` and each change of ``episode``: the two come in any
    order. The last two gates may be asked from the thread of the model.

    Attributes:
        episode: the newest status.

    """

    def __init__(
        self, lock_step: bool, see_effects: bool, encode_last: bool, max_age_s: float
    ) -> None:
        """Begin without an episode.

        Args:
            lock_step: the environment waits for the command of each observation.
            see_effects: gate 3 counts.
            encode_last: the last observation of an episode is encoded too, without a command.
            max_age_s: of gate 4 [s].

        """
        self.episode = EpisodeStatus()
        self._lock_step, self._see_effects = lock_step, see_effects
        self._encode_last, self._max_age_s = encode_last, max_age_s
        self._waiting: tuple[Observation, float] | None = None
        self._sent_ns = 0

    def observe(self, observation: Observation, received_s: float) -> None:
        """Take a complete observation; it replaces one that waits."""
        self._waiting = observation, received_s

    def next_job(self) -> Job | None:
        """Return the waiting observation once gates 1 to 3 let it pass; each one once."""
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
        """Return why a job has become too old (gate 4), or ''.

        Args:
            job: about to begin.
            now_s: present time [steady s].
            now_ns: present time on the clock of the stamps [ns]. It does not count in lock-step,
                where the time of stamps stands still while the environment waits.
            ready_s: when the model became ready [steady s]. Waiting for it is not the
                observation's fault: a newer one would replace it.

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
        """Take note of the time of a command, on the clock of the stamps [ns]."""
        self._sent_ns = stamp_ns
