# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""PPO learns a small task on latents; its advantages follow the definition."""

from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from reach import WIDTH, HeadOnly, Reach, acting, beside_the_goal, success_rate
import torch
import yaml

from irevla_control.errors import ConfigError
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.ppo.ppo import PPO, advantages_of
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.config import BackboneConfig, PolicyConfig
from irevla_policy.model.head import Head

CONFIG = Path(__file__).resolve().parents[4] / 'config'


def episodes(head, world, noise, count):
    played = [world.play(acting(head), noise) for _ in range(count)]
    return [
        SimpleNamespace(latents=latents, drawn=drawn, instruction='reach')
        for latents, drawn in played
    ]


@pytest.mark.parametrize('terminated', [True, False])
def test_advantages_follow_the_definition(terminated):
    random = np.random.default_rng(0)
    rewards, values = random.uniform(size=5), random.uniform(size=6)
    found = advantages_of(rewards, values, terminated, 0.9, 0.8)
    following = np.append(values[1:-1], 0 if terminated else values[-1])
    surprise = rewards + 0.9 * following - values[:-1]
    expected = [
        sum((0.9 * 0.8) ** later * surprise[step + later] for later in range(5 - step))
        for step in range(5)
    ]
    np.testing.assert_allclose(found, expected)
    # With lambda 1 and zero values an advantage is the discounted return.
    np.testing.assert_allclose(
        advantages_of(rewards, np.zeros(6), terminated, 0.5, 1.0)[0],
        sum(0.5**step * rewards[step] for step in range(5)),
    )


def test_ppo_learns_a_task_that_the_policy_failed():
    head = beside_the_goal()
    before = success_rate(head)
    config = PPOConfig(learning_rate=3e-4, critic_learning_rate=2e-3, batch_size=128, std=0.3)
    ppo = PPO(HeadOnly(head), config, seed=0)
    world, noise = Reach(0), SmoothNoise(2, 0.0, config.std, config.std, 0)
    for _ in range(40):
        ppo.improve(episodes(head, world, noise, 60))
    after = success_rate(head)
    print(f'{before:.2f} -> {after:.2f}')
    assert before < 0.5
    assert after > before + 0.25


def test_the_critic_learns_first_and_a_saved_state_continues_exactly():
    head = beside_the_goal()
    world, noise = Reach(0), SmoothNoise(2, 0.0, 0.15, 0.15, 0)
    ppo = PPO(HeadOnly(head), PPOConfig(), seed=0)
    start = {name: value.clone() for name, value in head.state_dict().items()}
    critic = {name: value.clone() for name, value in ppo.critic.state_dict().items()}
    losses = ppo.improve(episodes(head, world, noise, 10))
    assert all(torch.equal(value, start[name]) for name, value in head.state_dict().items())
    assert not all(
        torch.equal(value, critic[name]) for name, value in ppo.critic.state_dict().items()
    )
    assert np.isnan(losses.policy)
    ppo.improve(episodes(head, world, noise, 10))
    assert ppo.updates
    state = {name: value.clone() for name, value in ppo.state().items()}
    again = PPO(HeadOnly(beside_the_goal()), PPOConfig(), seed=0, state=state)
    assert all(torch.equal(value, state[name]) for name, value in again.state().items())
    assert again.state().keys() == state.keys()
    # With the same episodes and random draws both PPOs give the same weights.
    again.iterations = ppo.iterations
    played = episodes(head, world, noise, 10)
    for one in (ppo, again):
        one._random = np.random.default_rng(7)
        one.improve(played)
    assert all(torch.equal(value, ppo.state()[name]) for name, value in again.state().items())


def test_the_learning_rate_follows_the_divergence():
    head = beside_the_goal()
    world, noise = Reach(0), SmoothNoise(2, 0.0, 0.15, 0.15, 0)

    def rates(**changes):
        ppo = PPO(HeadOnly(head), PPOConfig(critic_iterations=0, **changes), seed=0)
        return [ppo.improve(episodes(head, world, noise, 10)).learning_rate for _ in range(3)]

    assert rates(learning_rate=0.1)[0] == 0.05
    np.testing.assert_allclose(rates(learning_rate=1e-7), 1e-7 * 1.5 ** np.arange(1, 4))


def test_steps_become_smaller_towards_the_end_of_the_stage():
    played = episodes(beside_the_goal(), Reach(0), SmoothNoise(2, 0.0, 0.15, 0.15, 0), 10)

    def divergence(remaining, **changes):
        head = beside_the_goal()
        settings = {'critic_iterations': 0, 'learning_rate': 4e-5, 'epochs': 40, 'std': 0.15}
        config = PPOConfig(**settings, **changes)
        ppo = PPO(HeadOnly(head), config, seed=0)
        rollout = ppo.roll_out(played)
        before = head(rollout.latents, rollout.states).detach()
        ppo.improve(played, remaining)
        moved = (head(rollout.latents, rollout.states) - before) / config.std
        return 0.5 * moved.square().sum(-1).mean().item()

    whole = divergence(1.0)
    assert 0.03 < whole < 0.1
    assert divergence(0.3) < 0.25 * whole
    assert divergence(0.3, anneal=False) == whole


def test_a_whole_policy_in_half_precision_is_refused_but_not_its_head():
    policy = HeadOnly(beside_the_goal())
    policy.config = PolicyConfig(
        ('front',),
        24,
        BackboneConfig('pretrained', 'some/model', 'bfloat16'),
        policy.config.head,
    )
    with pytest.raises(ConfigError, match="backbone.dtype is 'bfloat16'.*float32") as caught:
        PPO(policy, PPOConfig(), seed=0, whole=True)
    assert '\n' not in str(caught.value)
    PPO(policy, PPOConfig(), seed=0)


def test_episodes_whose_instructions_differ_in_length_are_one_rollout():
    head = beside_the_goal()
    played = episodes(head, Reach(0), SmoothNoise(2, 0.0, 0.15, 0.15, 0), 4)
    expected = PPO(HeadOnly(head), PPOConfig(), seed=0).roll_out(played)
    first = played[0].latents
    padding = np.zeros_like(first.latents[:, :2])
    played[0].latents = replace(first, latents=np.concatenate([first.latents, padding], 1))
    found = PPO(HeadOnly(head), PPOConfig(), seed=0).roll_out(played)
    torch.testing.assert_close(found.log_probabilities, expected.log_probabilities)
    torch.testing.assert_close(found.returns, expected.returns)


def test_probabilities_are_of_actions_before_clipping():
    head = beside_the_goal()
    ppo = PPO(HeadOnly(head), PPOConfig(std=0.5), seed=0)
    rollout = ppo.roll_out(episodes(head, Reach(0), SmoothNoise(2, 0.0, 0.5, 0.5, 0), 20))
    assert rollout.actions.abs().max() > 1
    with torch.no_grad():
        policy = torch.distributions.Normal(head(rollout.latents, rollout.states), 0.5)
    expected = policy.log_prob(rollout.actions).sum(-1)
    # Equal up to a constant, which cancels in ratios.
    constant = expected - rollout.log_probabilities
    torch.testing.assert_close(constant, constant[:1].expand_as(constant), atol=1e-4, rtol=0)
    assert rollout.advantages.mean().abs() < 1e-5


def test_the_shipped_settings_are_the_built_in_ones():
    file = CONFIG / 'learning/ppo.yaml'
    assert PPOConfig.load(file) == PPOConfig()
    assert list(yaml.safe_load(file.read_text())) == [one.name for one in fields(PPOConfig)]


@pytest.mark.parametrize(
    'changes, word',
    [
        ({'episodes': 0}, 'episodes'),
        ({'std': 0}, 'std'),
        ({'clip': 2}, 'clip'),
        ({'batch_size': 1.5}, 'batch_size'),
        ({'entropy': 1}, 'entropy'),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, changes, word):
    file = tmp_path / 'ppo.yaml'
    file.write_text(yaml.safe_dump(changes))
    with pytest.raises(ConfigError, match=word):
        PPOConfig.load(file)


def test_a_policy_with_chunks_of_actions_is_refused():
    head = Head(WIDTH, 2, 4, (64, 64))
    with pytest.raises(ConfigError, match='chunk_size of the policy is 2; .* use algorithm'):
        PPO(HeadOnly(head), PPOConfig(), 0)
