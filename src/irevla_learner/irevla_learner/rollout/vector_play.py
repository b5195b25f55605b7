# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes of a policy in several copies of an environment at once, without ROS."""

from collections.abc import Callable, Iterable, Iterator, Sequence
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


class _Track:
    """One running episode."""

    def __init__(self, seed: int, debounce: Debounce | None) -> None:
        self.seed, self.debounce = seed, debounce
        self.steps: list[dict[str, Any]] = []

    def finish(self, task: str, instruction: str, outcome: dict[str, bool], truth: bool,
               latent: np.ndarray, proprioception: np.ndarray,
               cameras: Sequence[str]) -> Played:
        columns = {name: np.stack([step[name] for step in self.steps])
                   for name in self.steps[0]}
        count = len(self.steps)
        result = EpisodeResult(
            task=task, seed=self.seed, steps=count, aborted=False,
            episode_id=f'{task}-{self.seed}', **outcome)
        latents = LatentEpisode(
            np.concatenate([columns['latent'], latent[None]]),
            np.concatenate([columns['proprioception'], proprioception[None]]),
            columns['action'].astype(np.float32), columns['reward'].astype(np.float32),
            terminated=outcome['terminated'], success=outcome['success'],
            human=np.zeros(count, bool), versions=columns['version'],
            stamps=np.arange(count, dtype=np.int64))
        return Played(result, instruction, {name: columns[name] for name in cameras},
                      columns['state'], columns['command'], columns['drawn'], truth, latents)


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
        tracks: list[_Track | None] = [None] * self._copies.num_envs
        observation = self._restart(tracks, waiting, noises, range(len(tracks)))
        latents, states = self._perceive(observation)
        self._judged(tracks, latents, states)
        while any(tracks):
            means = self._vla.act(latents, states).detach().cpu().numpy()
            if noises is not None:
                means = means + np.stack([noise() for noise in noises])
            means = means.astype(np.float32)
            actions = np.clip(means, -1, 1)
            commands = self._vla.statistics.denormalise_action(actions)
            self._copies.step_async(commands)
            version = np.uint64(self.version)
            running = sum(track is not None for track in tracks)
            self.decisions += running
            between(running)
            following, rewards, terminated, truncated, info = self._copies.step_wait()
            seen = latents.cpu().numpy(), states.cpu().numpy()
            latents, states = self._perceive(following)
            success = info['success']
            if self._judge is not None:
                success = self._judged(tracks, latents, states)
                rewards, terminated, truncated = success, success, (
                    ~success & (terminated | truncated))
            for index, track in enumerate(tracks):
                if track is not None:
                    track.steps.append({
                        **{name: observation[name][index] for name in self._cameras},
                        'state': observation['state'][index], 'command': commands[index],
                        'latent': seen[0][index], 'proprioception': seen[1][index],
                        'action': actions[index], 'drawn': means[index],
                        'reward': np.float32(rewards[index]), 'version': version})
            observation = following
            ended = np.flatnonzero(terminated | truncated)
            for index in ended:
                track, tracks[index] = tracks[index], None
                if track is not None:
                    outcome = {'success': bool(success[index]),
                               'terminated': bool(terminated[index]),
                               'truncated': bool(truncated[index])}
                    yield track.finish(
                        self._task, self._instruction, outcome, bool(info['success'][index]),
                        latents[index].cpu().numpy(), states[index].cpu().numpy(), self._cameras)
            if len(ended):
                observation = self._restart(tracks, waiting, noises, ended)
                latents, states = self._perceive(observation)
                fresh = [track if index in ended else None for index, track in enumerate(tracks)]
                self._judged(fresh, latents, states)

    def _judged(self, tracks: Sequence[_Track | None], latents: torch.Tensor,
                states: torch.Tensor) -> np.ndarray:
        """Show the judge an observation; return which of these episodes it takes for done."""
        if self._judge is None:
            return np.zeros(len(tracks), bool)
        probabilities = self._judge.probability(latents, states).cpu().numpy()
        return np.array([track is not None and track.debounce(float(probability))
                         for track, probability in zip(tracks, probabilities)])

    def _restart(self, tracks: list[_Track | None], waiting: Iterator[int],
                 noises: Sequence[SmoothNoise] | None,
                 ended: Iterable[int]) -> dict[str, np.ndarray]:
        # A copy without an episode goes on with any seed: all must step together.
        seeds: list[int | None] = [None] * len(tracks)
        mask = np.zeros(len(tracks), bool)
        for index in ended:
            seed = next(waiting, None)
            mask[index], seeds[index] = True, 0 if seed is None else seed
            if noises is not None:
                noises[index].start_episode()
            if seed is not None:
                tracks[index] = _Track(seed, self._judge and self._judge.new_debounce())
        fresh, info = self._copies.reset(
            seed=seeds, options={'task': self._task, 'reset_mask': mask})
        self._instruction = info['instruction'][np.argmax(mask)]
        return fresh

    @torch.no_grad()
    def _perceive(self, observation: dict[str, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        images = np.stack([observation[name] for name in self._cameras], 1)
        return self._vla.perceive(images, observation['state'], [self._instruction] * len(images))
