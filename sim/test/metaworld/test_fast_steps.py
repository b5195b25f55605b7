# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Steps and resets are those of Meta-World, bit for bit."""

import mujoco
import numpy as np
import pytest

from irevla_sim.metaworld.scene import LAYOUT_FIELDS, Scene
from irevla_sim.metaworld.tasks import load_catalogue

CATALOGUE = load_catalogue()
STEPS = 60
TASKS = ['drawer-open', 'window-close', 'pick-place', 'coffee-pull', 'stick-pull', 'basketball']


def stock_reset(scene, seed):
    """Reset a scene by Meta-World's own reset after drawing a layout; return its observation."""
    env = scene._env
    for name, values in scene._layout.items():
        getattr(scene.model, name)[:] = values
    mujoco.mj_resetData(scene.model, scene.data)
    mujoco.mj_forward(scene.model, scene.data)
    env.seed(seed)
    env._freeze_rand_vec = False
    env.reset_model()
    env._freeze_rand_vec = True
    env.reset()
    mujoco.mj_forward(scene.model, scene.data)
    env._prev_obs = env._get_curr_obs_combined_no_goal()
    return env._get_obs()


def stock_scene(task):
    """Return a scene whose environment has the methods of its class."""
    scene = Scene(CATALOGUE[task], 48)
    for name in ('_get_curr_obs_combined_no_goal', 'touching_object', 'do_simulation'):
        delattr(scene._env, name)
    return scene


def count_steps(counts):
    """Return MuJoCo's function, which then notes its numbers of steps."""
    original = mujoco.mj_step

    def step(model, data, nstep=1):
        counts.append(nstep)
        original(model, data, nstep=nstep)

    return step


def full_state(scene):
    size = mujoco.mj_stateSize(scene.model, mujoco.mjtState.mjSTATE_INTEGRATION)
    state = np.empty(size)
    mujoco.mj_getState(scene.model, scene.data, state, mujoco.mjtState.mjSTATE_INTEGRATION)
    return state


@pytest.mark.parametrize('task', [*TASKS, 'door-lock', 'box-close', 'faucet-open'])
def test_a_reset_is_that_of_metaworld(task, monkeypatch):
    """It moves the hand once instead of three times, and ends in the same state."""
    ours, stock = Scene(CATALOGUE[task], 48), stock_scene(task)
    for seed in (3, 4):
        with monkeypatch.context() as patch:
            moves = []
            patch.setattr(mujoco, 'mj_step', count_steps(moves))
            observation = ours.reset(seed)
        assert 250 <= sum(moves) < 300
        assert observation.tobytes() == stock_reset(stock, seed).tobytes()
        assert full_state(ours).tobytes() == full_state(stock).tobytes()
        for name in LAYOUT_FIELDS:
            np.testing.assert_array_equal(getattr(ours.model, name), getattr(stock.model, name))


@pytest.mark.parametrize('task', TASKS)
def test_a_step_is_that_of_metaworld(task):
    """Results of earlier versions, seeds and recorded episodes, must stay what they were."""
    ours, stock = Scene(CATALOGUE[task], 48), stock_scene(task)
    ours._env.max_path_length = STEPS
    np.testing.assert_array_equal(ours.reset(3), stock_reset(stock, 3))
    random = np.random.default_rng(0)
    drift = np.array([*(ours._env._get_pos_objects()[:3] - ours._steps._hand), 0.2]) * 3
    for _ in range(STEPS):
        action = np.clip(random.uniform(-0.5, 0.5, 4) + drift, -1, 1)
        observation, success = ours.step(action)
        expected, _, _, _, info = stock._env.step(action)
        np.testing.assert_array_equal(observation, expected)
        assert success == bool(info['success'])
        assert ours.data.qpos.tobytes() == stock.data.qpos.tobytes()
        assert ours.data.qvel.tobytes() == stock.data.qvel.tobytes()
    with pytest.raises(ValueError, match=f'after {STEPS} steps'):
        ours.step(action)


def test_contact_of_both_pads_is_found_as_by_metaworld():
    scene = Scene(CATALOGUE['pick-place'], 48)
    scene.reset(0)
    env, found = scene._env, set()
    objects = scene.model.geom('objGeom').id, scene.model.geom('leftpad_geom').id, 0
    for phase in range(4):
        for _ in range(25):
            gap = env._get_pos_objects() - env.tcp_center
            gap[2] = gap[2] if phase else gap[2] + 0.15
            move = np.zeros(3) if phase > 1 else gap * 10
            scene.step(np.clip([*move, 1.0 if phase > 1 else -1.0], -1, 1))
            for geom in objects:
                expected = type(env).touching_object(env, geom)
                assert env.touching_object(geom) == expected
                found.add(expected)
    assert found == {False, True}
