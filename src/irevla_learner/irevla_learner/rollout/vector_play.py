# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes of a policy in parallel environments, without ROS."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
import multiprocessing
from typing import Any

import gymnasium
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
import numpy as np
import torch

from irevla_control.episodes.curriculum import Curriculum
from irevla_control.errors import ConfigError, one_line
from irevla_learner.classifier.success_classifier import Debounce, SuccessClassifier
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.rollout.played import Played
from irevla_learner.rollout.vector_policy import Decision, Seen, VectorPolicy
from irevla_learner.runs.evaluation import EpisodeResult
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.vla import VLA


def _make(environment: str, options: dict[str, Any]) -> gymnasium.Env:
    torch.set_num_threads(1)
    return gymnasium.make(environment, disable_env_checker=True, **options).unwrapped


def make_envs(environment: str, num_envs: int, **options: Any) -> AsyncVectorEnv:
    """Start registered environments, each in a process.

    Raises:
        ConfigError: the environment is not registered, fails, or does not take the options.

    """
    # torch and the policy are imported once, in the process that all others are forked from.
    multiprocessing.set_forkserver_preload([__name__])
    try:
        return AsyncVectorEnv(
            [partial(_make, environment, options)] * num_envs,
            shared_memory=True,
            context='forkserver',
            autoreset_mode=AutoresetMode.DISABLED,
        )
    except ConfigError:
        raise
    # A user's module may raise anything.
    except Exception as error:
        raise ConfigError(
            f'environment {environment} with {", ".join(options)}: {type(error).__name__}: '
            f'{one_line(error)}'
        ) from error


@dataclass(frozen=True)
class _Outcome:
    """Outcome of a step for each environment; ``truth`` is the environment's own success."""

    rewards: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    success: np.ndarray
    truth: np.ndarray


class _Track:
    """The running episode of the environment with this index."""

    def __init__(
        self,
        index: int,
        task: str,
        seed: int,
        cameras: Sequence[str],
        debounce: Debounce | None,
    ) -> None:
        self.index, self.task, self.debounce = index, task, debounce
        self._seed, self._cameras = seed, cameras
        self._steps: list[dict[str, Any]] = []
        # Of the encoded observations: step, latent, state.
        self._passes: list[int] = []
        self._latents: list[np.ndarray] = []
        self._states: list[np.ndarray] = []

    def add(self, seen: Seen, decision: Decision, outcome: _Outcome) -> None:
        """Add a step: observation, action and outcome."""
        row, observation = self.index, seen.observation
        if row in seen.latent_rows:
            self._passes.append(len(self._steps))
            self._latents.append(seen.latent_rows[row])
            self._states.append(seen.state_rows[row])
        self._steps.append(
            {
                **{name: observation[name][row] for name in self._cameras},
                'state': observation['state'][row],
                'command': decision.commands[row],
                'action': decision.actions[row],
                'drawn': decision.drawn[row],
                'reward': np.float32(outcome.rewards[row]),
                'version': decision.versions[row],
            }
        )

    def finish(self, easier: bool, instruction: str, last: Seen, outcome: _Outcome) -> Played:
        """Return the completed episode.

        Args:
            easier: whether its task is an easier one than the one that is learned.
            instruction: instruction of the episode.
            last: the last observation.
            outcome: outcome of the last step.

        """
        columns = {name: np.stack([step[name] for step in self._steps]) for name in self._steps[0]}
        count = len(self._steps)
        ended = {
            name: bool(getattr(outcome, name)[self.index])
            for name in ('success', 'terminated', 'truncated')
        }
        result = EpisodeResult(
            task=self.task,
            seed=self._seed,
            steps=count,
            aborted=False,
            episode_id=f'{self.task}-{self._seed}',
            **ended,
        )
        latents = LatentEpisode(
            np.stack([*self._latents, last.latent_rows[self.index]]),
            np.stack([*self._states, last.state_rows[self.index]]),
            columns['action'].astype(np.float32),
            columns['reward'].astype(np.float32),
            terminated=ended['terminated'],
            success=ended['success'],
            human=np.zeros(count, bool),
            versions=columns['version'],
            stamps=np.arange(count, dtype=np.int64),
            encoded=np.array(self._passes),
            easier=easier,
        )
        return Played(
            result,
            instruction,
            {name: columns[name] for name in self._cameras},
            columns['state'],
            columns['command'],
            columns['drawn'],
            bool(outcome.truth[self.index]),
            latents,
        )


class VectorPlayer:
    """Plays episodes in parallel environments: of the task that is learned, or of any tasks."""

    def __init__(
        self,
        envs: AsyncVectorEnv,
        vla: VLA,
        task: str = '',
        judge: SuccessClassifier | None = None,
        easier: Mapping[str, int] | None = None,
    ) -> None:
        """Prepare episodes with this policy; ``task`` is the one that is learned, if any.

        With a judge, its verdict gives success, reward and termination, as on a robot; an end by
        the environment is then a truncation. It judges the observations with a pass. With easier
        tasks, the first episodes are of these, see `Curriculum`.
        """
        self._envs, self._judge = envs, judge
        self._policy = VectorPolicy(vla, envs.num_envs)
        self.curriculum = Curriculum(task, easier or {})
        self._cameras = vla.config.cameras
        # Instruction of the newest reset of each environment.
        self._instructions = [''] * envs.num_envs
        # Task and seed of the newest episode; an idle environment repeats it.
        self._newest = (task, 0)
        self.env_steps = 0
        self.version = 0

    @property
    def num_envs(self) -> int:
        """Number of parallel episodes."""
        return self._envs.num_envs

    def play(
        self,
        seeds: Iterable[int],
        noises: Sequence[SmoothNoise] | None = None,
        between: Callable[[int], None] = lambda env_steps: None,
    ) -> Iterator[Played]:
        """Yield episodes of the task that is learned, or of easier ones before it, as they end.

        Args:
            seeds: seeds of the layouts, one per episode.
            noises: noise of each environment, added to the normalised action; None: no noise.
            between: called with the number of running episodes while the environments compute.

        Raises:
            ValueError: the player has no task.

        """
        if not self.curriculum.goal:
            raise ValueError('play needs a VectorPlayer with a task; use play_episodes')
        # The task is that of the curriculum when the episode begins.
        episodes = ((self.curriculum.task, seed) for seed in seeds)
        return self.play_episodes(episodes, noises, between)

    def play_episodes(
        self,
        episodes: Iterable[tuple[str, int]],
        noises: Sequence[SmoothNoise] | None = None,
        between: Callable[[int], None] = lambda env_steps: None,
    ) -> Iterator[Played]:
        """Yield episodes of these tasks and seeds as they end; see `play`."""
        waiting = iter(episodes)
        first = next(waiting, None)
        if first is None:
            return
        self._newest, waiting = first, chain([first], waiting)
        # By index of the environment; steps of other environments are ignored.
        running: dict[int, _Track] = {}
        seen = self._begin(running, waiting, noises, range(self.num_envs))
        while running:
            decision = self._policy.decide(seen, noises, self.version)
            self._envs.step_async(decision.commands)
            self.env_steps += len(running)
            between(len(running))
            before, (seen, outcome) = seen, self._step_wait(running)
            for track in running.values():
                track.add(before, decision, outcome)
            ended = np.flatnonzero(outcome.terminated | outcome.truncated).tolist()
            for index in ended:
                if index in running:
                    track = running.pop(index)
                    easier = track.task in self.curriculum.easier
                    played = track.finish(easier, self._instructions[index], seen, outcome)
                    self.curriculum.add(played.task, played.result.success)
                    yield played
            if ended:
                seen = self._begin(running, waiting, noises, ended)

    def _begin(
        self,
        running: dict[int, _Track],
        waiting: Iterator[tuple[str, int]],
        noises: Sequence[SmoothNoise] | None,
        free: Iterable[int],
    ) -> Seen:
        """Reset free environments and start waiting episodes; return all observations."""
        fresh, seeds_of = {}, dict[str, dict[int, int]]()
        for index in free:
            episode = next(waiting, None)
            if episode:
                self._newest = episode
            # An environment without an episode must step, too, because all step together.
            task, seed = self._newest
            seeds_of.setdefault(task, {})[index] = seed
            if noises is not None:
                noises[index].start_episode()
            if episode:
                debounce = self._judge.new_debounce() if self._judge else None
                fresh[index] = _Track(index, task, seed, self._cameras, debounce)
        for task, seeds in seeds_of.items():
            observation = self._reset(task, seeds)
        seen = self._policy.encode(observation, self._instructions, self._policy.due)
        self._judged(fresh, seen)
        running |= fresh
        return seen

    def _reset(self, task: str, seeds: Mapping[int, int]) -> dict[str, np.ndarray]:
        """Reset these environments (index to seed) to a task; return the observations of all."""
        mask = np.isin(np.arange(self.num_envs), list(seeds))
        observation, info = self._envs.reset(
            seed=[seeds.get(index) for index in range(self.num_envs)],
            options={'task': task, 'reset_mask': mask},
        )
        for index in seeds:
            self._instructions[index] = info['instruction'][index]
        self._policy.end_chunks(seeds)
        return observation

    def _step_wait(self, running: dict[int, _Track]) -> tuple[Seen, _Outcome]:
        """Wait for the environments; return observations and outcomes."""
        observation, rewards, terminated, truncated, info = self._envs.step_wait()
        truth = info['success']
        # The last observation of an episode has a value, too.
        self._policy.end_chunks(np.flatnonzero(terminated | truncated))
        seen = self._policy.encode(observation, self._instructions, self._policy.due)
        if self._judge is None:
            return seen, _Outcome(rewards, terminated, truncated, truth, truth)
        success = self._judged(running, seen)
        return seen, _Outcome(
            success, success, ~success & (terminated | truncated), success, truth
        )

    def _judged(self, tracks: dict[int, _Track], seen: Seen) -> np.ndarray:
        """Return for each environment whether the judge classifies the task as done."""
        done = np.zeros(self.num_envs, bool)
        if self._judge is not None and seen.encoded:
            probabilities = self._judge.probability(seen.latents, seen.states).cpu().numpy()
            for index, probability in zip(seen.encoded, probabilities.tolist()):
                track = tracks.get(index)
                if track is not None and track.debounce is not None:
                    done[index] = track.debounce(probability)
        return done
