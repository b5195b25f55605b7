# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Steps/s of Franka Kitchen in process; its physics and arm against the stock environment's."""

import argparse
import json
import time

import gymnasium
import gymnasium_robotics
import numpy as np

from irevla_sim.simulator.simulator_env import SimulatorEnv

TASKS = ('microwave-open', 'knob-on', 'light-on', 'slide-door-open', 'left-door-open')
BURST = 20
CAMERAS = ('front', 'wrist')


class Ours:
    """Plays the noisy expert of one task after another, so that the hand touches things."""

    def __init__(self, cameras: tuple[str, ...]) -> None:
        """Play with these cameras."""
        self._env = SimulatorEnv('kitchen', cameras=cameras, horizon=1_000, linger=1_000)

    def burst(self, number: int) -> float:
        """Return the mean time of a step [s]; its time in simulation is `step_s`."""
        env, spent = self._env, 0.0
        for task in TASKS:
            _, info = env.reset(seed=number, options={'task': task})
            expert = env.simulator.expert(env.catalogue[task], 0.3, number, env.action_repeat)
            for _ in range(BURST):
                action = expert.act(info['simulator_state'])[0]
                start = time.perf_counter()
                *_, info = env.step(action)
                spent += time.perf_counter() - start
        return spent / BURST / len(TASKS)

    @property
    def step_s(self) -> float:
        """Time in simulation of a step [s]."""
        return self._env.simulator.step_s * self._env.action_repeat


class Stock:
    """Plays random joint velocities in `FrankaKitchen-v1`, without rendering."""

    def __init__(self) -> None:
        """Make the environment."""
        gymnasium.register_envs(gymnasium_robotics)
        self._env = gymnasium.make(
            'FrankaKitchen-v1', tasks_to_complete=['microwave'], disable_env_checker=True
        )
        self.step_s = self._env.unwrapped.robot_env.dt

    def burst(self, number: int) -> float:
        """Return the mean time of a step [s]."""
        random = np.random.default_rng(number)
        self._env.reset(seed=number)
        actions = random.uniform(-1, 1, (BURST * len(TASKS), 9))
        start = time.perf_counter()
        for action in actions:
            self._env.step(action)
        return (time.perf_counter() - start) / len(actions)


def measure(rounds: int = 5) -> dict[str, float]:
    """Alternate bursts; compare the medians per second in simulation."""
    players = {'cameras': Ours(CAMERAS), 'blind': Ours(()), 'stock': Stock()}
    times_s: dict[str, list[float]] = {name: [] for name in players}
    for number in range(rounds + 1):
        for name, player in players.items():
            times_s[name].append(player.burst(number))
    # The first round is a warm-up.
    median_s = {name: float(np.median(values[1:])) for name, values in times_s.items()}
    cost = {name: median_s[name] / player.step_s for name, player in players.items()}
    return {
        'kitchen_env_steps_per_s': round(1 / median_s['cameras'], 1),
        'kitchen_env_steps_per_s_without_cameras': round(1 / median_s['blind'], 1),
        'kitchen_physics_vs_stock': round(cost['stock'] / cost['blind'], 2),
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=5)
    print(json.dumps(measure(parser.parse_args().rounds), indent=2))
