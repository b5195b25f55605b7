# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes of a policy in several copies of an environment at once, without ROS."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
import multiprocessing
from typing import Any

import gymnasium
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
import numpy as np
import torch

from irevla_learner.classifier.success_classifier import Debounce, SuccessClassifier
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.rollout.played import Played
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.vla import VLA


def _make(environment: str, options: dict[str, Any]) -> gymnasium.Env:
    torch.set_num_threads(1)
    return gymnasium.make(environment, disable_env_checker=True, **options).unwrapped


def make_copies(environment: str, copies: int, **options: Any) -> AsyncVectorEnv:
    """Start copies of a registered environment, each in a process of its own."""
    # torch and the policy are imported once, in the process that all copies are forked from.
    multiprocessing.set_forkserver_preload([__name__])
    return AsyncVectorEnv([partial(_make, environment, options)] * copies, shared_memory=True,
                          context='forkserver', autoreset_mode=AutoresetMode.DISABLED)


@dataclass(frozen=True)
class _Seen:
    """An observation of all copies, as the environment gives it and as the policy sees it.

    Attributes:
        observation: by name; a row for each copy.
        latents: (copies, m, d).
        states: (copies, p), normalised.

    """

    observation: dict[str, np.ndarray]
    latents: torch.Tensor
    states: torch.Tensor
    # The same in the processor's memory.
    latent_rows: np.ndarray
    state_rows: np.ndarray


@dataclass(frozen=True)
class _Decision:
    """What all copies do next; a row for each.

    Attributes:
        drawn: float32, normalised, before it is clipped to [-1, 1].
        actions: float32, normalised.
        commands: float64, in physical units.
        version: of the head that decided.

    """

    drawn: np.ndarray
    actions: np.ndarray
    commands: np.ndarray
    version: np.uint64


@dataclass(frozen=True)
class _Outcome:
    """What came of it, an entry for each copy; ``truth`` is the environment's own success."""

    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    success: np.ndarray
    truth: np.ndarray


class _Track:
    """One running episode, in the copy of this index."""

    def __init__(self, index: int, seed: int, cameras: Sequence[str],
                 debounce: Debounce | None) -> None:
        self.index, self.debounce = index, debounce
        self._seed, self._cameras = seed, cameras
        self._steps: list[dict[str, Any]] = []

    def add(self, seen: _Seen, decision: _Decision, outcome: _Outcome) -> None:
        """Keep a step: what was seen, what was done, what came of it."""
        row, observation = self.index, seen.observation
        self._steps.append({
            **{name: observation[name][row] for name in self._cameras},
            'state': observation['state'][row], 'command': decision.commands[row],
            'latent': seen.latent_rows[row], 'proprioception': seen.state_rows[row],
            'action': decision.actions[row], 'drawn': decision.drawn[row],
            'reward': np.float32(outcome.rewards[row]), 'version': decision.version})

    def finish(self, task: str, instruction: str, last: _Seen, outcome: _Outcome) -> Played:
        """Return the episode that ended so, with ``last`` as its last observation."""
        columns = {name: np.stack([step[name] for step in self._steps])
                   for name in self._steps[0]}
        count = len(self._steps)
        ended = {name: bool(getattr(outcome, name)[self.index])
                 for name in ('success', 'terminated', 'truncated')}
        result = EpisodeResult(
            task=task, seed=self._seed, steps=count, aborted=False,
            episode_id=f'{task}-{self._seed}', **ended)
        row = slice(self.index, self.index + 1)
        latents = LatentEpisode(
            np.concatenate([columns['latent'], last.latent_rows[row]]),
            np.concatenate([columns['proprioception'], last.state_rows[row]]),
            columns['action'].astype(np.float32), columns['reward'].astype(np.float32),
            terminated=ended['terminated'], success=ended['success'],
            human=np.zeros(count, bool), versions=columns['version'],
            stamps=np.arange(count, dtype=np.int64))
        return Played(result, instruction, {name: columns[name] for name in self._cameras},
                      columns['state'], columns['command'], columns['drawn'],
                      bool(outcome.truth[self.index]), latents)


class VectorPlayer:
    """Plays one task's episodes in all copies of an environment at once."""

    def __init__(self, copies: AsyncVectorEnv, vla: VLA, task: str,
                 judge: SuccessClassifier | None = None) -> None:
        """Use these copies for this task with this policy.

        With a judge, its word is success, reward and end of an episode, as on a robot; the
        environment's own end is then the end of time.
        """
        self._copies, self._vla, self._task, self._judge = copies, vla, task, judge
        self._cameras = vla.config.cameras
        self.decisions = 0
        self.version = 0

    @property
    def copies(self) -> int:
        """The number of episodes at once."""
        return self._copies.num_envs

    def play(self, seeds: Iterable[int], noises: Sequence[SmoothNoise] | None = None,
             between: Callable[[int], None] = lambda decisions: None) -> Iterator[Played]:
        """Yield episodes with these seeds as they end.

        Args:
            seeds: of the layouts, one per episode.
            noises: one per copy, added to the normalised action; none for the policy itself.
            between: called with the number of decisions while the copies compute.

        """
        waiting = iter(seeds)
        # By the index of the copy; one without an episode steps along unheeded.
        running: dict[int, _Track] = {}
        seen = self._begin(running, waiting, noises, range(self.copies))
        while running:
            decision = self._decide(seen, noises)
            self._copies.step_async(decision.commands)
            self.decisions += len(running)
            between(len(running))
            before, (seen, outcome) = seen, self._step_wait(running)
            for track in running.values():
                track.add(before, decision, outcome)
            ended = np.flatnonzero(outcome.terminated | outcome.truncated).tolist()
            for index in ended:
                if index in running:
                    yield running.pop(index).finish(self._task, self._instruction, seen, outcome)
            if ended:
                seen = self._begin(running, waiting, noises, ended)

    def _begin(self, running: dict[int, _Track], waiting: Iterator[int],
               noises: Sequence[SmoothNoise] | None, free: Iterable[int]) -> _Seen:
        """Reset the free copies, begin as many episodes as wait; return what all copies show."""
        # A copy without an episode goes on with any seed: all must step together.
        seeds: list[int | None] = [None] * self.copies
        fresh = {}
        for index in free:
            seed = next(waiting, None)
            seeds[index] = 0 if seed is None else seed
            if noises is not None:
                noises[index].start_episode()
            if seed is not None:
                fresh[index] = _Track(index, seed, self._cameras,
                                      self._judge and self._judge.new_debounce())
        mask = np.array([seed is not None for seed in seeds])
        observation, info = self._copies.reset(
            seed=seeds, options={'task': self._task, 'reset_mask': mask})
        self._instruction = info['instruction'][np.argmax(mask)]
        seen = self._look(observation)
        self._judged(fresh, seen)
        running |= fresh
        return seen

    @torch.no_grad()
    def _look(self, observation: dict[str, np.ndarray]) -> _Seen:
        images = np.stack([observation[name] for name in self._cameras], 1)
        latents, states = self._vla.perceive(images, observation['state'],
                                             [self._instruction] * len(images))
        return _Seen(observation, latents, states, latents.cpu().numpy(), states.cpu().numpy())

    def _decide(self, seen: _Seen, noises: Sequence[SmoothNoise] | None) -> _Decision:
        drawn = self._vla.act(seen.latents, seen.states).detach().cpu().numpy()
        if noises is not None:
            drawn = drawn + np.stack([noise() for noise in noises])
        drawn = drawn.astype(np.float32)
        actions = np.clip(drawn, -1, 1)
        return _Decision(drawn, actions, self._vla.statistics.denormalise_action(actions),
                         np.uint64(self.version))

    def _step_wait(self, running: dict[int, _Track]) -> tuple[_Seen, _Outcome]:
        """Wait for the copies; return what they show, and what came of the step."""
        observation, rewards, terminated, truncated, info = self._copies.step_wait()
        seen, truth = self._look(observation), info['success']
        if self._judge is None:
            return seen, _Outcome(rewards, terminated, truncated, truth, truth)
        success = self._judged(running, seen)
        return seen, _Outcome(success, success, ~success & (terminated | truncated), success,
                              truth)

    def _judged(self, tracks: dict[int, _Track], seen: _Seen) -> np.ndarray:
        """Show the judge an observation; return of which copies it takes the task for done."""
        done = np.zeros(self.copies, bool)
        if self._judge is not None:
            probabilities = self._judge.probability(seen.latents, seen.states).cpu().numpy()
            for index, track in tracks.items():
                done[index] = track.debounce(float(probabilities[index]))
        return done
