# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An update of SACfD has the result of a plain implementation of its formulas."""

import copy

import pytest
import torch

from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.feature_replay import Batch
from irevla_learner.sacfd.sacfd import SACfD
from irevla_policy.model.head import Head


class Plain:
    """The update as its formulas say, in float32: one network at a time, nothing shared."""

    def __init__(self, agent):
        self.agent, config = agent, agent.config
        self.actor = copy.deepcopy(agent.actor.mlp)
        self.critics, self.targets = (copy.deepcopy(one) for one in (agent.critics,) * 2)
        self.log_std = agent.log_std.detach().clone().requires_grad_()
        self.log_temperature = agent.log_temperature.detach().clone().requires_grad_()
        rates = config.critic_learning_rate, config.actor_learning_rate
        self.of_critics = torch.optim.Adam(
            [*self.critics.parameters(), self.log_temperature], lr=rates[0]
        )
        self.of_actor = torch.optim.Adam([*self.actor.parameters(), self.log_std], lr=rates[1])

    @staticmethod
    def value(critics, member, features, actions):
        weights = torch.cat((critics.features.weight[member], critics.actions[member]))
        hidden = torch.cat((features, actions), -1) @ weights + critics.features.bias[member]
        hidden = torch.nn.functional.layer_norm(hidden, hidden.shape[-1:]).relu()
        second = critics.layers[2]
        hidden = hidden @ second.weight[member] + second.bias[member]
        hidden = torch.nn.functional.layer_norm(hidden, hidden.shape[-1:]).relu()
        return hidden @ critics.value[member, 0] + critics.bias[member]

    def values(self, critics, features, actions):
        members = range(self.agent.config.num_critics)
        return [self.value(critics, member, features, actions) for member in members]

    def sample(self, means):
        noise = torch.randn_like(means)
        if self.agent.config.temperature == 'none':
            clipped = (noise * self.agent.config.std).clamp(-0.3, 0.3)
            return (means + clipped).clamp(-1, 1), torch.zeros(len(means))
        normal = torch.distributions.Normal(means, self.log_std.exp())
        actions = means + noise * self.log_std.exp()
        return actions.clamp(-1, 1), normal.log_prob(actions).sum(-1)

    def update(self, batch):
        config, automatic = self.agent.config, self.agent.config.temperature == 'auto'
        inputs = 4 + 2
        temperature = self.log_temperature.exp()
        with torch.no_grad():
            actions, log_probability = self.sample(self.actor(batch.next_features[:, :inputs]))
            worst = torch.stack(self.values(self.targets, batch.next_features, actions)).amin(0)
            target = batch.rewards + batch.discounts * (worst - temperature * log_probability)
            target = target if automatic else target.clamp(0, 1)
        critic_loss = sum(
            (value - target).square().mean()
            for value in self.values(self.critics, batch.features, batch.actions)
        )
        means = self.actor(batch.features[:, :inputs])
        actions, log_probability = self.sample(means) if automatic else (means, None)
        value = torch.stack(self.values(self.critics, batch.features, actions)).mean(0)
        scale = value.abs().mean().clamp_min(1e-3).detach()
        count = batch.num_demonstrations
        loss = -value.mean() / scale
        loss = loss + config.bc_weight * (means - batch.actions)[:count].square().mean()
        loss = loss + config.range_penalty * (means.abs() - 1).clamp_min(0).square().mean()
        if automatic:
            # The means get no gradient of the entropy: only the spread decides it.
            entropy = -log_probability.mean()
            loss = loss - temperature.detach() * entropy / scale
            surplus = entropy.detach() - self.agent._target_entropy
        self.of_critics.zero_grad()
        self.of_actor.zero_grad()
        loss.backward()
        self.of_critics.zero_grad()
        critic_loss.backward()
        if automatic:
            (temperature * surplus).backward()
        self.of_critics.step()
        self.of_actor.step()
        with torch.no_grad():
            for old, new in zip(self.targets.parameters(), self.critics.parameters()):
                old += config.target_tau * (new - old)


def random_batch(size, features, actions):
    return Batch(
        torch.randn(size, features),
        torch.randn(size, features),
        torch.rand(size, actions) * 2 - 1,
        torch.rand(size).round(),
        torch.full((size,), 0.97),
        size // 2,
    )


@pytest.mark.parametrize('temperature', ['none', 'auto'])
def test_the_update_is_that_of_its_formulas(temperature):
    torch.manual_seed(0)
    config = SACfDConfig(hidden=(32, 32), temperature=temperature, actor_every=1)
    agent = SACfD(Head(4, 2, 3, (16,)), 10, config)
    agent._short = False
    with torch.no_grad():
        # Some of the actor's means are out of range.
        agent.actor.mlp[-1].weight.mul_(10)
    plain = Plain(agent)
    for number in range(10):
        torch.manual_seed(100 + number)
        batch = random_batch(32, 10, 3)
        for one in (agent, plain):
            torch.manual_seed(number)
            one.update(batch)
    assert (agent.actor.mlp(batch.features[:, :6]).abs() > 1).any()
    for mine, other in (
        (agent.actor.mlp, plain.actor),
        (agent.critics, plain.critics),
        (agent._targets, plain.targets),
    ):
        torch.testing.assert_close(mine.state_dict(), other.state_dict(), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(agent.log_std, plain.log_std)
    torch.testing.assert_close(agent.log_temperature, plain.log_temperature)
