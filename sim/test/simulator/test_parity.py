# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Every simulator gives the same episodes in process and over DDS, bit for bit, for a seed."""

from dataclasses import dataclass

from client import Client, running
import numpy as np
import pytest

from irevla_control.ros.conversions import stamp_to_ns
from irevla_msgs.msg import EpisodeState
from irevla_sim.simulator.rollout import demonstrate
from irevla_sim.simulator.simulator import SHIPPED
from irevla_sim.simulator.simulator_env import SimulatorEnv


@dataclass(frozen=True)
class Case:
    """A simulator, and its episodes (task, seed) to compare."""

    simulator: str
    moved: tuple[tuple[str, int], ...]
    demonstrated: tuple[tuple[str, int], ...]
    horizon: int = 30


CASES = (
    Case(
        'metaworld',
        (('drawer-open', 3), ('button-press-new', 4), ('drawer-open', 3)),
        (('drawer-close', 5), ('window-open-new', 6)),
    ),
    Case(
        'kitchen',
        (('slide-door-open-red', 3), ('knob-on', 4), ('slide-door-open-red', 3)),
        (('light-on', 5),),
        horizon=50,
    ),
    Case(
        'toy',
        (('reach-red', 3), ('reach-blue', 4), ('reach-red', 3)),
        (('reach-red', 5), ('reach-blue', 6)),
    ),
)


def test_every_shipped_simulator_has_a_case():
    assert set(SHIPPED) <= {case.simulator for case in CASES}


@pytest.fixture(params=CASES, ids=lambda case: case.simulator, scope='module')
def case(request, toy):
    return request.param


@pytest.fixture(scope='module')
def remote(ros, case):
    """A client of a case's simulator and expert."""
    namespace = f'/{case.simulator}'
    client = Client(namespace=namespace)
    shared = {'simulator': case.simulator}
    with (
        running('simulator_node', namespace, horizon=case.horizon, **shared),
        running('expert_node', namespace, noise_std=0.2, **shared),
    ):
        client.wait_for_simulator()
        client.wait_for_expert(case.demonstrated[0][0])
        yield client
    client.close()


def random_actions(env, seed):
    """Yield actions of up to the largest translation."""
    random, reach = np.random.default_rng(seed), env.action_space.high[0]
    while True:
        yield np.concatenate(
            [random.uniform(-reach, reach, 3), random.uniform(-0.02, 0.02, 3), random.random(1)]
        )


def assert_same(remote, observation, info):
    for part, value in observation.items():
        np.testing.assert_array_equal(remote[part], value)
    np.testing.assert_array_equal(remote['simulator_state'], info['simulator_state'])


def test_lock_step_gives_the_observations_of_the_environment_in_process(remote, case):
    env = SimulatorEnv(case.simulator, horizon=case.horizon)
    for task, seed in case.moved:
        there = remote.start(task, seed)
        observation, info = env.reset(seed=seed, options={'task': task})
        assert_same(there, observation, info)
        assert remote.episode.instruction == info['instruction']
        steps, ended, actions = 0, False, random_actions(env, seed)
        while not ended:
            action = next(actions)
            there = remote.step(action)
            observation, reward, terminated, truncated, info = env.step(action)
            steps, ended = steps + 1, terminated or truncated
            assert_same(there, observation, info)
            episode = remote.episode
            assert (episode.terminated, episode.truncated, episode.success, episode.reward) == (
                terminated,
                truncated,
                info['success'],
                reward,
            )
        assert episode.phase == EpisodeState.PHASE_ENDED and episode.step == steps
        assert terminated or steps == case.horizon
    env.close()


def play(client, task, seed):
    """Forward the expert's commands until the end; return stamps and states."""
    states, stamps = [client.start(task, seed)['state']], []
    while client.episode.phase == EpisodeState.PHASE_RUNNING:
        stamp = stamp_to_ns(client.episode.header.stamp)
        client.spin_until(lambda: stamp in client.commands and stamp in client.labels)  # noqa: B023
        stamps.append(stamp)
        states.append(client.step(client.commands[stamp])['state'])
    return stamps, states[:-1]


def test_the_graph_gives_the_in_process_demonstration(remote, case):
    env = SimulatorEnv(case.simulator, cameras=(), horizon=case.horizon)
    for task, seed in case.demonstrated:
        remote.commands.clear()
        remote.labels.clear()
        stamps, states = play(remote, task, seed)
        expected = demonstrate(env, task, seed, 0.2)
        np.testing.assert_array_equal(states, expected.states)
        np.testing.assert_array_equal([remote.commands[s] for s in stamps], expected.actions)
        np.testing.assert_array_equal([remote.labels[s] for s in stamps], expected.labels)
        assert np.abs(expected.actions - expected.labels).max() > 0.001
        assert remote.episode.success == expected.success
        remote.spin_for(0.3)
        # The last answers to an earlier episode may arrive after this one has begun.
        answered = [stamp for stamp in remote.commands if stamp >= stamps[0]]
        assert answered == stamps, 'the expert answered after the end'


def test_a_seed_gives_the_same_episode_after_any_other_and_in_another_environment(case):
    (task, seed), (other, _) = case.moved[:2]

    def episode(env, task, seed):
        observation, info = env.reset(seed=seed, options={'task': task})
        parts = [*observation.values(), info['simulator_state']]
        for action, _ in zip(random_actions(env, 0), range(3)):
            observation, *_, info = env.step(action)
            parts += [*observation.values(), info['simulator_state']]
        return b''.join(np.ascontiguousarray(part).tobytes() for part in parts)

    first, second = (SimulatorEnv(case.simulator, image_size=32) for _ in range(2))
    expected = episode(first, task, seed)
    assert episode(first, task, seed + 1) != expected
    episode(first, other, seed)
    assert episode(first, task, seed) == expected
    episode(second, other, seed)
    assert episode(second, task, seed) == expected
    first.close()
    second.close()


def test_the_layouts_of_a_task_differ(case):
    env = SimulatorEnv(case.simulator, cameras=())
    task = case.moved[0][0]
    states = [
        env.reset(seed=seed, options={'task': task})[1]['simulator_state'] for seed in range(5)
    ]
    assert len({state.tobytes() for state in states}) == 5
