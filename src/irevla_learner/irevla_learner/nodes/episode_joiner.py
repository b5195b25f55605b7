# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes put together from what several topics tell, by the observations' stamps."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from irevla_learner.replay.latent_episode import LatentEpisode

# Newest episodes whose parts are waited for; older ones are given up.
MOST_OPEN = 3
# Commands that no episode asked for yet.
MOST_COMMANDS = 10_000


@dataclass(frozen=True)
class SeenStep:
    """What the policy saw and chose at one stamp."""

    latent: np.ndarray
    proprioception: np.ndarray
    action: np.ndarray
    version: int


@dataclass(frozen=True)
class Outcome:
    """How an episode ended."""

    terminated: bool
    success: bool
    aborted: bool


@dataclass
class _Open:
    """An episode whose parts still come."""

    steps: dict[int, SeenStep] = field(default_factory=dict)
    # Stamps by the number of commands executed before them, and the reward of the last of these.
    order: dict[int, int] = field(default_factory=dict)
    rewards: dict[int, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    last: int = -1


@dataclass(frozen=True)
class _Parts:
    """All parts of an episode of T commands, in order.

    Attributes:
        stamps: of the T observations that a command answered.
        steps: what the policy saw of them, and of the last observation where it is needed.
        commands: executed actions, and whether a person commanded them.
        rewards: of the commands.
        outcome: how it ended.

    """

    stamps: list[int]
    steps: list[SeenStep]
    commands: list[tuple[np.ndarray, bool]]
    rewards: list[float]
    outcome: Outcome

    def joined(self) -> LatentEpisode:
        """Return the episode; there must be a command."""
        return LatentEpisode(
            latents=np.stack([step.latent for step in self.steps]),
            proprioception=np.stack([step.proprioception for step in self.steps]),
            # What the policy chose is known better than through the command's physical units.
            actions=np.stack([action if by_human else step.action for step, (action, by_human)
                              in zip(self.steps, self.commands)]).astype(np.float32),
            rewards=np.array(self.rewards, np.float32),
            terminated=self.outcome.terminated, success=self.outcome.success,
            human=np.array([by_human for _, by_human in self.commands]),
            versions=np.array([step.version for step in self.steps[:len(self.commands)]],
                              np.uint64),
            stamps=np.array(self.stamps, np.int64))


class EpisodeJoiner:
    """Joins policy steps, executed commands and the word of the environment into episodes.

    The topics' messages may come in any order. Joining is by equal stamps; what never found its
    partner is counted, and its episode given up, not patched. Only without the latent after the
    last command an episode is still worth something: it comes out later, as one that lacks it.
    """

    def __init__(self) -> None:
        """Begin without episodes."""
        # None for one that is done with: its late parts are not the beginning of another.
        self._newest: dict[str, _Open | None] = {}
        self._commands: dict[int, tuple[np.ndarray, bool]] = {}
        self._whole: list[LatentEpisode] = []
        self.counts: Counter[str] = Counter()

    def take(self) -> list[LatentEpisode]:
        """Return the episodes that became whole since the last call."""
        whole, self._whole = self._whole, []
        return whole

    def add_step(self, episode_id: str, stamp: int, step: SeenStep) -> None:
        """Add what the policy saw."""
        episode = self._find(episode_id)
        if episode is not None:
            episode.steps[stamp] = step
            self._finish_if_whole(episode_id, episode)

    def add_command(self, stamp: int, action: np.ndarray, human: bool) -> None:
        """Add an executed action (a,), normalised."""
        self._commands[stamp] = action, human
        if len(self._commands) > MOST_COMMANDS:
            self._commands.pop(next(iter(self._commands)))
        for episode_id, episode in self._newest.items():
            if episode is not None and stamp in episode.steps:
                self._finish_if_whole(episode_id, episode)
                return

    def add_event(self, episode_id: str, stamp: int, step: int, reward: float,
                  outcome: Outcome | None) -> None:
        """Add the environment's word on the observation after ``step`` commands.

        ``reward`` is that of the last of them; ``outcome`` comes with the last observation only.
        """
        episode = self._find(episode_id)
        if episode is None:
            return
        # An abort repeats the step that was running.
        if outcome is not None and outcome.aborted:
            self._newest[episode_id] = None
            self.counts['aborted'] += 1
            return
        episode.order[step], episode.rewards[step] = stamp, reward
        if outcome is not None:
            episode.outcome, episode.last = outcome, step
        self._finish_if_whole(episode_id, episode)

    def _find(self, episode_id: str) -> _Open | None:
        if episode_id not in self._newest:
            self._newest[episode_id] = _Open()
            if len(self._newest) > MOST_OPEN:
                oldest = next(iter(self._newest))
                lost = self._newest[oldest]
                if lost is not None and self._finish_if_whole(oldest, lost, without_last=True):
                    self.counts['without last latent'] += 1
                elif lost is not None:
                    self.counts['incomplete'] += 1
                    self.counts['steps of incomplete episodes'] += len(lost.steps)
                del self._newest[oldest]
        return self._newest[episode_id]

    def _finish_if_whole(self, episode_id: str, episode: _Open,
                         without_last: bool = False) -> bool:
        """Put out an episode of which nothing is missing; return whether it was one."""
        parts = self._parts(episode, without_last)
        if parts is None:
            return False
        self._newest[episode_id] = None
        for stamp in parts.stamps:
            del self._commands[stamp]
        # Without a command there is nothing to learn from.
        if parts.commands:
            self._whole.append(parts.joined())
            self.counts['episodes'] += 1
            self.counts['transitions'] += len(parts.commands)
            self.counts['interventions'] += sum(by_human for _, by_human in parts.commands)
        return True

    def _parts(self, episode: _Open, without_last: bool) -> _Parts | None:
        """Return the parts of an episode, if need be without its last latent; None: some lack."""
        if episode.outcome is None or len(episode.order) != episode.last + 1:
            return None
        stamps = [episode.order[step] for step in range(episode.last + 1)]
        commanded = stamps[:-1]
        # Where the task ended, nobody asks for the value of what came after.
        needed = commanded if episode.outcome.terminated or without_last else stamps
        if not (episode.steps.keys() >= set(needed) and self._commands.keys() >= set(commanded)):
            return None
        return _Parts(commanded, [episode.steps[stamp] for stamp in needed],
                      [self._commands[stamp] for stamp in commanded],
                      [episode.rewards[step + 1] for step in range(episode.last)],
                      episode.outcome)
