# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parallel episodes of an environment whose instruction depends on the seed."""

from types import SimpleNamespace

import gymnasium
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
import numpy as np
import pytest
import torch

from irevla_control.errors import ConfigError
from irevla_learner.rollout.vector_play import VectorPlayer, make_envs


def words(number):
    """Return the instruction of an episode: a longer one for a larger number."""
    return 'light' + ' again' * number


class Lights(gymnasium.Env):
    """Shows its seed; episode number n takes n + 1 steps and asks for light n."""

    observation_space = gymnasium.spaces.Dict(
        {
            'front': gymnasium.spaces.Box(0, 255, (2, 2, 3), np.uint8),
            'state': gymnasium.spaces.Box(-100, 100, (1,), np.float64),
        }
    )
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.number, self.left = seed, seed + 1
        return self.observe(), {'instruction': words(seed), 'success': False}

    def step(self, action):
        self.left -= 1
        ended = self.left <= 0
        return self.observe(), float(ended), ended, False, {'success': ended}

    def observe(self):
        return {
            'front': np.zeros((2, 2, 3), np.uint8),
            'state': np.array([self.number], np.float64),
        }


class Policy:
    """Keeps which light it saw with which instruction; a latent has a token for each word."""

    config = SimpleNamespace(cameras=('front',))
    statistics = SimpleNamespace(
        action_size=1, denormalise_action=lambda action: action.astype(float)
    )

    def __init__(self):
        self.read = []

    def encode_observation(self, images, states, instructions):
        self.read.append(list(zip(states[:, 0].astype(int).tolist(), instructions)))
        lengths = [len(one.split()) for one in instructions]
        latents = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
        return latents[..., None].half(), torch.from_numpy(states).float()

    def act(self, latents, states):
        assert (latents.sum((1, 2)) == states[:, 0] + 1).all()
        return torch.zeros(len(latents), 1)


@pytest.fixture
def envs():
    envs = AsyncVectorEnv([Lights] * 2, context='fork', autoreset_mode=AutoresetMode.DISABLED)
    yield envs
    envs.close()


def test_easier_tasks_are_played_until_each_has_its_successes(envs):
    player = VectorPlayer(envs, Policy(), 'light', easier={'dim': 1, 'dark': 2})
    played = list(player.play([0, 1, 0, 1, 0, 1]))
    # The second `dim` ran beside the first, and its success counts too.
    assert [one.task for one in played] == ['dim', 'dark', 'dim', 'light', 'light', 'light']
    assert [one.latents.easier for one in played] == [True] * 3 + [False] * 3
    assert [one.result.seed for one in played] == [0, 0, 1, 0, 1, 1]
    # A killed stage 1 continues with what was reached.
    player.curriculum.successes = 2
    assert [one.task for one in player.play([0, 1])] == ['dark', 'dark']


def test_each_copy_keeps_the_instruction_of_its_own_reset(envs):
    policy = Policy()
    played = list(VectorPlayer(envs, policy, 'light').play([3, 1, 2]))
    assert {one.result.seed: one.instruction for one in played} == {
        number: words(number) for number in (1, 2, 3)
    }
    # Also while the other copy begins a new episode.
    assert all(own == words(number) for rows in policy.read for number, own in rows)
    for one in played:
        assert one.latents.latents.shape == (one.result.steps + 1, one.result.seed + 1, 1)
        assert one.latents.latents.all()


def test_episodes_of_several_tasks_follow_one_another_without_a_pause(envs):
    policy, running = Policy(), []
    episodes = [('light', 3), ('dim', 1), ('dark', 1), ('dim', 0)]
    played = VectorPlayer(envs, policy).play_episodes(episodes, between=running.append)
    found = [(one.task, one.result.seed, one.latents.easier) for one in played]
    assert sorted(found) == sorted((*one, False) for one in episodes)
    # `dim` and `dark` beside the first; the last one's step is the only one alone.
    assert running == [2, 2, 2, 2, 1]
    assert all(own == words(number) for rows in policy.read for number, own in rows)


def test_without_episodes_nothing_is_reset_and_play_needs_a_task(envs):
    policy = Policy()
    player = VectorPlayer(envs, policy)
    assert not list(player.play_episodes([])) and not policy.read
    with pytest.raises(ValueError, match='needs a VectorPlayer with a task'):
        player.play([0])


class ChunkPolicy(Policy):
    """Decides three actions a pass: 0.1, 0.2 and 0.3."""

    def __init__(self):
        super().__init__()
        self.passes = 0

    def act(self, latents, states):
        self.passes += len(latents)
        return torch.tensor([[0.1, 0.2, 0.3]]).expand(len(latents), 3)


def test_an_environment_has_a_pass_for_each_chunk_and_for_its_last_observation(envs):
    policy = ChunkPolicy()
    player = VectorPlayer(envs, policy, 'light')
    versions = iter(range(1, 100))

    def new_head(_):
        player.version = next(versions)

    played = {one.result.seed: one for one in player.play([3, 1, 6], between=new_head)}
    for number, one in played.items():
        steps = number + 1
        assert one.latents.passes.tolist() == list(range(0, steps, 3))
        assert len(one.latents.latents) == len(one.latents.passes) + 1
        assert len(one.states) == len(one.drawn) == steps
        expected = np.tile([0.1, 0.2, 0.3], 3)[:steps]
        np.testing.assert_allclose(one.latents.actions[:, 0], expected)
        # A new head acts from the next pass on, even if there is one after each step.
        versions_of = one.latents.versions[one.latents.passes]
        np.testing.assert_array_equal(one.latents.versions, versions_of.repeat(3)[:steps])


def test_the_noise_of_each_step_is_part_of_its_action(envs):
    noises = [lambda number=number: np.array([0.01 * (number + 1)]) for number in range(2)]
    for noise in noises:
        noise.start_episode = lambda: None
    policy = ChunkPolicy()
    for one in VectorPlayer(envs, policy, 'light').play([3, 3], noises):
        difference = one.latents.actions[:, 0] - np.array([0.1, 0.2, 0.3, 0.1])
        assert np.allclose(difference, 0.01) or np.allclose(difference, 0.02)
    # Two chunks for each episode; also encoded: its last observation, at its end and once more.
    assert policy.passes == 2 * 2
    assert sum(map(len, policy.read)) == 2 * 3 + 2


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('absent', "NameError: name 'absent'"),
        ('def', 'SyntaxError: invalid syntax'),
        ('import json; json.absent', "AttributeError: .*'absent'"),
        ('import absent_library', "ModuleNotFoundError: .*'absent_library'"),
        ('raise ValueError("two\\nlines")', 'ValueError: two lines'),
    ],
)
def test_a_module_that_fails_is_named_in_one_line(tmp_path, monkeypatch, text, message):
    (tmp_path / 'failing.py').write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    expected = f'environment failing:Own-v0 with image_size: {message}'
    with pytest.raises(ConfigError, match=expected) as error:
        make_envs('failing:Own-v0', 2, image_size=8)
    assert '\n' not in str(error.value)


def test_an_error_of_the_configuration_keeps_its_words(tmp_path, monkeypatch):
    (tmp_path / 'refusing.py').write_text(
        'from irevla_control.errors import ConfigError\nraise ConfigError("task far: no disc")'
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match='^task far: no disc$'):
        make_envs('refusing:Own-v0', 2, image_size=8)
