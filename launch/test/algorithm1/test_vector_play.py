# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Several Meta-World environments run at once; each episode equals that of one alone."""

import copy
from functools import partial
from itertools import repeat

import numpy as np
import pytest
from safetensors.torch import load_file
import torch

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.ppo_stage import ppo_stage
from irevla_learner.classifier.success_classifier import Description, SuccessClassifier
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.rollout.vector_play import VectorPlayer, make_envs
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_sim.simulator.simulator_env import SimulatorEnv

TASK = 'drawer-close'
HORIZON = 4


@pytest.fixture(scope='module')
def vla():
    from graph import CONFIG

    env = SimulatorEnv('metaworld', cameras=())
    states = np.stack(
        [
            env.reset(seed=seed, options={'task': TASK})[0]['state']
            + 0.01 * np.random.default_rng(seed).standard_normal(10)
            for seed in range(5)
        ]
    )
    actions = np.random.default_rng(0).uniform(-0.03, 0.03, (50, 7))
    actions[:, 3:6] = 0
    actions[:, 6] = np.random.default_rng(1).uniform(0, 1, 50)
    torch.manual_seed(0)
    return VLA(
        load_preset(CONFIG / 'presets/tiny.yaml'),
        Statistics.from_data(states, actions),
        ['close the drawer', 'open the door'],
    ).eval()


@pytest.fixture(scope='module')
def envs(vla):
    envs = make_envs('irevla_sim:MetaWorld-v0', 2, cameras=vla.config.cameras, horizon=HORIZON)
    yield envs
    envs.close()


def test_each_seed_is_played_once_as_in_one_environment(vla, envs):
    player = VectorPlayer(envs, vla, TASK)
    between = []
    played = {one.result.seed: one for one in player.play(range(5), between=between.append)}
    assert sorted(played) == list(range(5))
    assert player.env_steps == sum(between) == sum(one.result.steps for one in played.values())
    env = SimulatorEnv('metaworld', cameras=vla.config.cameras, horizon=HORIZON)
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
            one.result.terminated,
            one.result.truncated,
            one.result.success,
        )
        last = vla.step(observation, observation['state'], one.instruction)
        np.testing.assert_allclose(one.latents.latents[-1], last.latent, atol=0.02)
        np.testing.assert_allclose(one.latents.proprioception[-1], last.proprioception, atol=1e-5)


def test_environments_play_different_tasks_at_the_same_time(vla, envs):
    episodes = [(TASK, 0), ('door-open-new', 0), ('door-open-new', 1)]
    env = SimulatorEnv('metaworld', cameras=vla.config.cameras, horizon=HORIZON)
    for one in VectorPlayer(envs, vla).play_episodes(list(episodes)):
        episodes.remove((one.task, one.result.seed))
        observation, info = env.reset(seed=one.result.seed, options={'task': one.task})
        assert one.instruction == info['instruction']
        np.testing.assert_array_equal(one.states[0], observation['state'])
        for camera in vla.config.cameras:
            np.testing.assert_array_equal(one.images[camera][0], observation[camera])
    assert not episodes


def test_noise_changes_the_actions_and_keeps_them_in_range(vla, envs):
    player = VectorPlayer(envs, vla, TASK)
    noises = [SmoothNoise(vla.statistics.action_size, 0.7, 0.5, 2.0, index) for index in range(2)]
    (without,) = player.play([3])
    (with_noise,) = player.play([3], noises)
    assert (np.abs(without.latents.actions[0] - with_noise.latents.actions[0]) > 0.01).any()
    assert np.abs(with_noise.latents.actions).max() <= 1


def test_a_player_with_endless_seeds_may_be_left_at_any_time(vla, envs):
    player = VectorPlayer(envs, vla, TASK)
    for count, _ in enumerate(player.play(repeat(1))):
        if count == 3:
            break
    again = [one.result.seed for one in player.play([7, 8, 9])]
    assert sorted(again) == [7, 8, 9]


@pytest.mark.parametrize('threshold, steps', [(0.0, 1), (1.1, HORIZON)])
def test_a_success_classifier_ends_the_episode_and_gives_the_reward(vla, envs, threshold, steps):
    """It classifies all or no observations as success; two in a row are needed."""
    statistics = vla.statistics
    classifier = SuccessClassifier(
        Description(
            vla.backbone_hash, vla.backbone.width, statistics.state_size, (8,), threshold, 2
        )
    )
    for played in VectorPlayer(envs, vla, TASK, classifier).play(range(3)):
        assert played.result.steps == steps
        assert played.result.success == played.result.terminated == (threshold == 0)
        assert played.latents.rewards.tolist() == [0.0] * (steps - 1) + [float(threshold == 0)]
        assert not played.truth


@pytest.mark.parametrize('whole', [False, True])
def test_ppo_continues_at_the_beginning_of_its_iteration(vla, envs, tmp_path, whole):
    config = PPOConfig(env_steps=9 * HORIZON, episodes=3, epochs=1, batch_size=8)
    episodes = []

    def stop(played, progress):
        episodes.append(progress.episodes)
        if len(episodes) == 5:
            raise KeyboardInterrupt

    def resume(played, progress):
        episodes.append(progress.episodes)

    stage = partial(ppo_stage, config=config, folder=tmp_path, seed=0, first=0, whole=whole)
    before = copy.deepcopy(vla)
    with pytest.raises(KeyboardInterrupt):
        stage(copy.deepcopy(vla), VectorPlayer(envs, vla, TASK), on_episode=stop)
    learned = copy.deepcopy(vla)
    progress = stage(learned, VectorPlayer(envs, learned, TASK), on_episode=resume)
    assert episodes == [1, 2, 3, 4, 5, 4, 5, 6, 7, 8, 9], 'the interrupted iteration runs again'
    assert progress.env_steps == 9 * HORIZON and progress.iterations == 3
    assert progress.updates > 0
    assert (learned.backbone_hash != before.backbone_hash) == whole
    assert not torch.equal(learned.head.mlp[0].weight, before.head.mlp[0].weight)
    state = load_file(tmp_path / 'learner.safetensors')
    for name, weight in learned.named_parameters():
        if whole or name.startswith('head.'):
            assert torch.equal(weight, state[f'policy/{name}']), name
    with pytest.raises(ConfigError, match='whole was'):
        ppo_stage(copy.deepcopy(vla), None, config, tmp_path, 0, 0, resume, whole=not whole)


@pytest.mark.parametrize(
    ('environment', 'words'),
    [
        ('irevla_sim:Absent-v0', 'environment irevla_sim:Absent-v0 with cameras: .*Absent'),
        ('absent_module:Toy-v0', 'absent_module:Toy-v0 .*absent_module'),
        ('CartPole-v1', "CartPole-v1 with cameras: .*'cameras'"),
    ],
)
def test_an_environment_that_cannot_be_made_is_named(environment, words):
    with pytest.raises(ConfigError, match=words) as error:
        make_envs(environment, 1, cameras=())
    assert '\n' not in str(error.value)


def test_an_unknown_task_is_named(vla, envs):
    """This test comes last, because its error ends the environments."""
    with pytest.raises(ConfigError, match='no-such-task'):
        list(VectorPlayer(envs, vla, 'no-such-task').play([1]))
