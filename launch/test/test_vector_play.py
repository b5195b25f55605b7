# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Several copies of Meta-World played at once: each episode is what one copy alone would give."""

from itertools import repeat

import numpy as np
import pytest
import torch

from irevla_control.errors import ConfigError
from irevla_learner.vector_play import VectorPlayer, make_copies
from irevla_policy.config import load_preset
from irevla_policy.exploration import SmoothNoise
from irevla_policy.statistics import Statistics
from irevla_policy.vla import VLA
from irevla_sim.metaworld_env import MetaWorldEnv

TASK = 'drawer-close'
HORIZON = 4


@pytest.fixture(scope='module')
def vla():
    from graph import CONFIG
    env = MetaWorldEnv(cameras=())
    states = np.stack([env.reset(seed=seed, options={'task': TASK})[0]['state']
                       + 0.01 * np.random.default_rng(seed).standard_normal(10)
                       for seed in range(5)])
    actions = np.random.default_rng(0).uniform(-0.03, 0.03, (50, 7))
    actions[:, 3:6] = 0
    actions[:, 6] = np.random.default_rng(1).uniform(0, 1, 50)
    torch.manual_seed(0)
    return VLA(load_preset(CONFIG / 'presets/tiny.yaml'), Statistics.from_data(states, actions),
               ['close the drawer', 'open the door']).eval()


@pytest.fixture(scope='module')
def copies(vla):
    copies = make_copies('irevla_sim:MetaWorld-v0', 2, cameras=vla.config.cameras,
                         horizon=HORIZON)
    yield copies
    copies.close()


def test_each_seed_is_played_once_as_in_one_environment(vla, copies):
    player = VectorPlayer(copies, vla, TASK)
    between = []
    played = {one.result.seed: one for one in player.play(range(5), between=between.append)}
    assert sorted(played) == list(range(5))
    assert player.decisions == sum(between) == sum(one.result.steps for one in played.values())
    env = MetaWorldEnv(cameras=vla.config.cameras, horizon=HORIZON)
    for seed, one in played.items():
        observation, info = env.reset(seed=seed, options={'task': TASK})
        assert one.instruction == info['instruction']
        for step in range(one.result.steps):
            for camera in vla.config.cameras:
                np.testing.assert_array_equal(one.images[camera][step], observation[camera])
            np.testing.assert_array_equal(one.states[step], observation['state'])
            alone = vla.step(observation, observation['state'], one.instruction)
            np.testing.assert_allclose(one.latents.latents[step], alone.latent, atol=0.02)
            np.testing.assert_allclose(one.labels[step], alone.action, atol=1e-3)
            observation, _, terminated, truncated, info = env.step(one.labels[step])
        assert (terminated, truncated, info['success']) == (
            one.result.terminated, one.result.truncated, one.result.success)
        last = vla.step(observation, observation['state'], one.instruction)
        np.testing.assert_allclose(one.latents.latents[-1], last.latent, atol=0.02)
        np.testing.assert_allclose(one.latents.proprioception[-1], last.proprioception, atol=1e-5)


def test_noise_changes_what_is_done_and_is_kept_in_range(vla, copies):
    player = VectorPlayer(copies, vla, TASK)
    noises = [SmoothNoise(vla.statistics.action_size, 0.7, 0.5, 2.0, index) for index in range(2)]
    without, = player.play([3])
    with_noise, = player.play([3], noises)
    assert (np.abs(without.latents.actions[0] - with_noise.latents.actions[0]) > 0.01).any()
    assert np.abs(with_noise.latents.actions).max() <= 1


def test_endless_seeds_may_be_left_at_any_time(vla, copies):
    player = VectorPlayer(copies, vla, TASK)
    for count, _ in enumerate(player.play(repeat(1))):
        if count == 3:
            break
    again = [one.result.seed for one in player.play([7, 8, 9])]
    assert sorted(again) == [7, 8, 9]


def test_an_unknown_task_is_named(vla, copies):
    with pytest.raises(ConfigError, match='no-such-task'):
        list(VectorPlayer(copies, vla, 'no-such-task').play([1]))
