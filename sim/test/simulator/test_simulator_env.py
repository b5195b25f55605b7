# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes of a simulator, here Meta-World, are reproducible and end as specified."""

from dataclasses import replace

import gymnasium
from gymnasium.utils.env_checker import check_env
import numpy as np
import pytest

from irevla_control.errors import BadMessageError, ConfigError
from irevla_sim.metaworld.expert import ScriptedExpert
from irevla_sim.metaworld.scene import Scene
from irevla_sim.metaworld.tasks import load_catalogue
from irevla_sim.simulator.rollout import demonstrate
from irevla_sim.simulator.simulator_env import SimulatorEnv

HOLD = np.array([0, 0, 0, 0, 0, 0, 1.0])
ACTIONS = np.random.default_rng(0).uniform(
    [-0.04] * 3 + [0] * 4, [0.04] * 3 + [0] * 3 + [1], (6, 7)
)


def play(env, task, seed):
    """Return all observations and infos of an episode as one list of arrays."""
    observation, info = env.reset(seed=seed, options={'task': task})
    arrays = [*observation.values(), info['simulator_state']]
    for action in ACTIONS:
        observation, _, terminated, _, info = env.step(action)
        arrays += [*observation.values(), info['simulator_state']]
        if terminated:
            break
    return arrays


def assert_equal_episodes(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_environment_passes_gymnasium_s_check():
    env = SimulatorEnv('metaworld', ['drawer-open', 'button-press-new'], image_size=32)
    check_env(env, skip_render_check=False)
    env.close()


@pytest.mark.parametrize(
    'task', ['drawer-open', 'button-press-unseen', 'stick-pull', 'basketball', 'door-lock']
)
def test_a_seed_reproduces_an_episode_after_any_other(env, task):
    first = play(env, task, 3)
    play(env, task, 4)
    play(env, 'door-open', 5)
    env.reset(seed=6, options={'task': task})
    env.step(ACTIONS[0])
    assert_equal_episodes(first, play(env, task, 3))


def test_a_seed_reproduces_an_episode_in_another_environment(env):
    other = SimulatorEnv('metaworld', image_size=48)
    play(other, 'window-close-new', 1)
    assert_equal_episodes(play(env, 'door-open-new', 3), play(other, 'door-open-new', 3))
    other.close()
    play(env, 'door-open-new', 3)


@pytest.mark.parametrize('task', ['drawer-open', 'window-close', 'door-lock', 'lever-pull'])
def test_the_first_observation_shows_the_layout_that_follows(blind_env, task):
    for seed in range(3):
        _, first = blind_env.reset(seed=seed, options={'task': task})
        second = blind_env.step(HOLD)[-1]
        np.testing.assert_allclose(
            first['simulator_state'][4:7], second['simulator_state'][4:7], atol=0.01
        )


def test_different_seeds_give_different_layouts(env):
    first, second = play(env, 'drawer-open', 3), play(env, 'drawer-open', 4)
    assert not np.array_equal(first[0], second[0])


def test_the_drawn_seed_reproduces_an_unseeded_episode(env):
    observation, info = env.reset(options={'task': 'drawer-open'})
    again, _ = env.reset(seed=info['seed'], options={'task': 'drawer-open'})
    np.testing.assert_array_equal(observation['front'], again['front'])


def test_scenes_beyond_the_limit_are_rebuilt_alike(monkeypatch):
    monkeypatch.setattr('irevla_sim.simulator.simulator_env.MAX_SCENES', 2)
    env = SimulatorEnv('metaworld', image_size=32)
    first = play(env, 'drawer-open', 3)
    for task in ('door-open', 'window-open'):
        play(env, task, 3)
    assert_equal_episodes(first, play(env, 'drawer-open', 3))
    env.close()


@pytest.mark.parametrize('part', range(5))
def test_all_metaworld_tasks_reset(part):
    tasks = [task for task in load_catalogue().values() if task.split == 'expert'][part::5]
    for task in tasks:
        scene = Scene(task, image_size=32)
        state = scene.reset(0)
        assert state.shape == (39,) and np.isfinite(state).all()
    # Rendering doubles the time, so only one task of each part is rendered.
    assert scene.render('front').std() > 10
    scene.close()


def test_the_hand_follows_the_action_in_metres(env):
    start = env.reset(seed=0, options={'task': 'drawer-open'})[0]['state']
    for _ in range(5):
        state = env.step(np.array([0.02, 0, 0.01, 0, 0, 0, 0]))[0]['state']
    np.testing.assert_allclose(state[:3] - start[:3], [0.1, 0, 0.05], atol=0.03)
    assert state[9] < 0.7 < start[9]


def test_the_horizon_truncates_and_does_not_terminate():
    env = SimulatorEnv('metaworld', ['drawer-open'], image_size=32, horizon=3, action_repeat=200)
    env.reset(seed=0)
    for expected in (False, False, True):
        _, reward, terminated, truncated, info = env.step(HOLD)
        assert (reward, terminated, truncated, info['success']) == (0.0, False, expected, False)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(HOLD)
    env.close()


@pytest.mark.parametrize(
    ('action', 'message'),
    [
        (np.zeros(4), r'shape \(4,\)'),
        (HOLD * np.nan, 'not finite'),
        (HOLD * 1.5, 'gripper opening 1.5'),
    ],
)
def test_an_action_that_cannot_be_executed_is_refused_with_its_value(env, action, message):
    env.reset(seed=0, options={'task': 'drawer-open'})
    with pytest.raises(BadMessageError, match=message):
        env.step(action)
    env.step(HOLD)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'tasks': ['drawer']}, 'unknown task'),
        ({'cameras': ['side']}, "unknown camera 'side'; known: front"),
        ({'horizon': 0}, 'horizon 0'),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        SimulatorEnv('metaworld', **arguments)


def test_wrong_reset_options_are_named(env):
    with pytest.raises(ConfigError, match="'color'"):
        env.reset(options={'color': 'red'})
    for name in ('drawer', 5):
        with pytest.raises(ConfigError, match='unknown task'):
            env.reset(options={'task': name})


def test_a_reset_that_fails_ends_the_episode_before_it(toy, tmp_path):
    (tmp_path / 'own.yaml').write_text('long: {base: reach-red, action_repeat: 9, horizon: 90}')
    env = SimulatorEnv('toy', cameras=(), tasks_file=str(tmp_path / 'own.yaml'))
    working = env.simulator

    def refuse(*_):
        raise ConfigError('no such disc')

    env.reset(seed=0, options={'task': 'reach-red'})
    env.simulator = replace(working, scene=refuse)
    with pytest.raises(ConfigError, match='no such disc'):
        env.reset(seed=0, options={'task': 'long'})
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(HOLD)
    # A name that is unknown changes nothing of the running episode.
    env.simulator = working
    env.reset(seed=0, options={'task': 'reach-red'})
    with pytest.raises(ConfigError, match='unknown task'):
        env.reset(options={'task': 'reach'})
    env.step(HOLD)


def test_an_episode_may_linger_after_success():
    """After success there is one reward, and the episode ends ``linger`` actions later."""

    def play(linger):
        env = SimulatorEnv('metaworld', cameras=(), linger=linger, horizon=60)
        _, info = env.reset(seed=1, options={'task': 'drawer-close'})
        expert = ScriptedExpert(env.catalogue['drawer-close'], noise_std=0.0)
        rewards, successes, ended = [], [], False
        while not ended:
            action, _ = expert.act(info['simulator_state'])
            _, reward, terminated, truncated, info = env.step(action)
            rewards.append(reward)
            successes.append(info['success'])
            ended = terminated or truncated
        return rewards, successes, terminated

    for linger in (0, 5):
        rewards, successes, terminated = play(linger)
        assert terminated
        assert sum(rewards) == 1 and rewards[-1 - linger] == 1
        assert sum(successes) == 1 + linger
    rewards, successes, terminated = play(60)
    assert not terminated, 'the horizon truncates it'
    assert sum(rewards) == 1 and len(rewards) == 60
    with pytest.raises(ConfigError, match='linger -1'):
        SimulatorEnv('metaworld', linger=-1)


def test_user_defined_tasks_are_added_to_the_catalogue(tmp_path):
    (tmp_path / 'own.yaml').write_text(
        'my-drawer: {base: drawer-open, instruction: open mine, position: {x: [0.0, 0.1]}}'
    )
    env = SimulatorEnv('metaworld', tasks_file=str(tmp_path / 'own.yaml'), cameras=())
    assert env.reset(seed=0, options={'task': 'my-drawer'})[1]['instruction'] == 'open mine'
    assert 'drawer-open' in env.catalogue


def test_the_state_is_known_before_the_cameras_render():
    parts = []
    env = SimulatorEnv(
        'metaworld',
        on_state=lambda state, info: parts.append(('state', state, info)),
        on_picture=lambda name, picture: parts.append((name, picture)),
    )
    env.reset(seed=0, options={'task': 'drawer-open'})
    parts.clear()
    observation, _, _, _, info = env.step(np.array([0.03, 0, 0, 0, 0, 0, 1]))
    assert [part[0] for part in parts] == ['state', 'front', 'wrist']
    for name, value, *_ in parts:
        np.testing.assert_array_equal(value, observation[name])
    assert parts[0][2] is info
    env.close()


def test_an_easier_start_is_on_the_demonstration_of_the_same_seed(tmp_path):
    (tmp_path / 'own.yaml').write_text('near: {base: button-press-new, expert_share: 0.7}')
    env = SimulatorEnv('metaworld', tasks_file=str(tmp_path / 'own.yaml'), cameras=())
    for seed in (3, 4):
        whole = demonstrate(env, 'button-press-new', seed)
        done = int(0.7 * len(whole.actions))
        observation, info = env.reset(seed=seed, options={'task': 'near'})
        np.testing.assert_array_equal(observation['state'], whole.states[done])
        assert info['instruction'] == 'press the button' and not info['success']
        # The rest of the demonstration, and no action earlier, completes the task.
        for action in whole.actions[done:]:
            assert not info['success']
            _, reward, terminated, _, info = env.step(action)
        assert reward == 1 and terminated


def test_an_episode_has_its_whole_horizon_after_an_easier_start(tmp_path):
    (tmp_path / 'own.yaml').write_text('near: {base: button-press-new, expert_share: 0.9}')
    env = SimulatorEnv('metaworld', tasks_file=str(tmp_path / 'own.yaml'), cameras=())
    env.reset(seed=3, options={'task': 'near'})
    back = np.array([0, -0.03, 0, 0, 0, 0, 1.0])
    ended = [any(env.step(back)[2:4]) for _ in range(env.horizon)]
    assert ended == [False] * (env.horizon - 1) + [True]


def test_an_expert_that_does_not_succeed_leaves_the_usual_start(tmp_path):
    (tmp_path / 'own.yaml').write_text('near: {base: button-press-new, expert_share: 0.7}')
    env = SimulatorEnv('metaworld', tasks_file=str(tmp_path / 'own.yaml'), cameras=(), horizon=3)
    near, usual = (
        env.reset(seed=3, options={'task': task})[1]['simulator_state']
        for task in ('near', 'button-press-new')
    )
    np.testing.assert_array_equal(near, usual)
