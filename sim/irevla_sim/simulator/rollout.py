# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations collected in process, with the same content as recorded by the ROS graph."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.simulator.simulator_env import SimulatorEnv


@dataclass(frozen=True)
class Demonstration:
    """One episode of T commands; the observation after the last is left out.

    Attributes:
        task, instruction: task and instruction of the episode.
        seed: seed of its layout.
        success: whether the task succeeded.
        images: camera name to uint8 (T, size, size, 3) RGB.
        states: float64 (T, 10).
        actions: float64 (T, 7), executed actions.
        labels: float64 (T, 7), actions to learn, before noise.

    """

    task: str
    instruction: str
    seed: int
    success: bool
    images: dict[str, np.ndarray]
    states: np.ndarray
    actions: np.ndarray
    labels: np.ndarray


def collect_demonstrations(
    tasks: Iterable[str],
    episodes_per_task: int,
    seed: int = 0,
    noise_std: float = NOISE_STD.default,
    *,
    env: SimulatorEnv,
    only_successes: bool = False,
) -> Iterator[Demonstration]:
    """Yield demonstrations, task by task.

    Args:
        tasks: names in the environment's catalogue.
        episodes_per_task: number of episodes played; with ``only_successes`` fewer may be yielded.
        seed: episode i of each task has layout seed ``seed + i``.
        noise_std: see `Simulator.expert`.
        env: the environment.
        only_successes: whether to leave out failed episodes.

    """
    for name in tasks:
        for episode_seed in range(seed, seed + episodes_per_task):
            demonstration = demonstrate(env, name, episode_seed, noise_std)
            if demonstration.success or not only_successes:
                yield demonstration


def demonstrate(
    env: SimulatorEnv, task: str, seed: int, noise_std: float = NOISE_STD.default
) -> Demonstration:
    """Play one episode with the scripted expert, whose noise has the episode's seed."""
    observation, info = env.reset(seed=seed, options={'task': task})
    expert = env.simulator.expert(env.catalogue[task], noise_std, seed, env.action_repeat)
    observations, actions, labels = [], [], []
    ended = False
    while not ended:
        action, label = expert.act(info['simulator_state'])
        observations.append(observation)
        actions.append(action)
        labels.append(label)
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    stacked = {key: np.stack([one[key] for one in observations]) for key in observations[0]}
    states = stacked.pop('state')
    return Demonstration(
        task,
        info['instruction'],
        seed,
        info['success'],
        stacked,
        states,
        np.stack(actions),
        np.stack(labels),
    )
