# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Joins the messages of several topics into episodes, by the stamps of the observations."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from irevla_learner.replay.latent_episode import LatentEpisode

# Number of newest episodes that may be incomplete; older incomplete ones are discarded.
MOST_OPEN = 3
# Largest number of commands that are not joined yet.
MOST_COMMANDS = 10_000


@dataclass(frozen=True)
class SeenStep:
    """Input and action of the policy's head at one stamp.

    ``chunk_index`` is above 0 for an action of an earlier pass, which has no input of its own.
    """

    latent: np.ndarray | None
    proprioception: np.ndarray | None
    action: np.ndarray
    version: int
    chunk_index: int = 0


@dataclass(frozen=True)
class Outcome:
    """How an episode ended, and whether it is of an easier task of a curriculum."""

    terminated: bool
    success: bool
    aborted: bool
    easier: bool = False


@dataclass
class _Open:
    """An incomplete episode."""

    steps: dict[int, SeenStep] = field(default_factory=dict)
    # By the number of commands executed before: stamps, and rewards of the last such command.
    order: dict[int, int] = field(default_factory=dict)
    rewards: dict[int, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    last: int = -1


@dataclass(frozen=True)
class _Parts:
    """All parts of an episode of T commands, in order.

    Attributes:
        stamps: stamps of the T observations that a command answered.
        steps: policy steps of these, and of the last observation if it is needed.
        commands: executed actions, and whether a person commanded them.
        rewards: rewards of the commands.
        outcome: how the episode ended.

    """

    stamps: list[int]
    steps: list[SeenStep]
    commands: list[tuple[np.ndarray, bool]]
    rewards: list[float]
    outcome: Outcome

    def joined(self) -> LatentEpisode:
        """Return the episode, which must have a command."""
        commanded = self.steps[: len(self.commands)]
        passes = [number for number, step in enumerate(commanded) if step.latent is not None]
        return LatentEpisode(
            latents=np.stack([one.latent for one in self.steps if one.latent is not None]),
            proprioception=np.stack(
                [one.proprioception for one in self.steps if one.proprioception is not None]
            ),
            # The policy's action itself: its command is converted to physical units and back.
            actions=np.stack(
                [
                    action if by_human else step.action
                    for step, (action, by_human) in zip(self.steps, self.commands)
                ]
            ).astype(np.float32),
            rewards=np.array(self.rewards, np.float32),
            terminated=self.outcome.terminated,
            success=self.outcome.success,
            human=np.array([by_human for _, by_human in self.commands]),
            versions=np.array([step.version for step in commanded], np.uint64),
            stamps=np.array(self.stamps, np.int64),
            easier=self.outcome.easier,
            encoded=np.array(passes) if len(passes) < len(commanded) else None,
        )

    def consistent(self) -> bool:
        """Whether each action is that number of its chunk which follows the last latent."""
        expected = 0
        for step in self.steps:
            expected = expected + 1 if step.chunk_index else 0
            if step.chunk_index != expected:
                return False
        last_observation = self.steps[len(self.commands) :]
        return not self.steps or not any(
            one.chunk_index for one in (self.steps[0], *last_observation)
        )


class EpisodeJoiner:
    """Joins policy steps, executed commands and episode states into episodes.

    Messages are joined by equal stamps and may arrive in any order. An episode with a missing
    message is counted and discarded. The only exception is a missing last latent: such an
    episode is returned without it, once it is the oldest incomplete one.
    """

    def __init__(self) -> None:
        """Start without episodes."""
        # None for a completed episode, so that late messages do not start it again.
        self._newest: dict[str, _Open | None] = {}
        self._commands: dict[int, tuple[np.ndarray, bool]] = {}
        self._whole: list[LatentEpisode] = []
        self.counts: Counter[str] = Counter()

    def take(self) -> list[LatentEpisode]:
        """Return the episodes completed since the last call."""
        whole, self._whole = self._whole, []
        return whole

    def add_step(self, episode_id: str, stamp: int, step: SeenStep) -> None:
        """Add a policy step."""
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

    def add_event(
        self, episode_id: str, stamp: int, step: int, reward: float, outcome: Outcome | None
    ) -> None:
        """Add the episode state of the observation after ``step`` commands.

        ``reward`` is that of the last command; ``outcome`` is given for the last observation.
        """
        episode = self._find(episode_id)
        if episode is None:
            return
        # The message of an abort has the number of the running step.
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

    def _finish_if_whole(
        self, episode_id: str, episode: _Open, without_last: bool = False
    ) -> bool:
        """Join an episode if it is complete; return whether it is."""
        parts = self._parts(episode, without_last)
        if parts is None:
            return False
        self._newest[episode_id] = None
        for stamp in parts.stamps:
            del self._commands[stamp]
        if not parts.consistent():
            # The head has no input for some of the actions.
            self.counts['incomplete'] += 1
            self.counts['steps of incomplete episodes'] += len(parts.steps)
            return True
        # An episode without a command is not used.
        if parts.commands:
            self._whole.append(parts.joined())
            self.counts['episodes'] += 1
            self.counts['transitions'] += len(parts.commands)
            self.counts['interventions'] += sum(by_human for _, by_human in parts.commands)
        return True

    def _parts(self, episode: _Open, without_last: bool) -> _Parts | None:
        """Return the parts of an episode, or None if some are missing.

        ``without_last``: the last latent may be missing.
        """
        if episode.outcome is None or len(episode.order) != episode.last + 1:
            return None
        stamps = [episode.order[step] for step in range(episode.last + 1)]
        commanded = stamps[:-1]
        # After the end of a task the value of the last observation is not used.
        needed = commanded if episode.outcome.terminated or without_last else stamps
        if not (episode.steps.keys() >= set(needed) and self._commands.keys() >= set(commanded)):
            return None
        return _Parts(
            commanded,
            [episode.steps[stamp] for stamp in needed],
            [self._commands[stamp] for stamp in commanded],
            [episode.rewards[step + 1] for step in range(episode.last)],
            episode.outcome,
        )
