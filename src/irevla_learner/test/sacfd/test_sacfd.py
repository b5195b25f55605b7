# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""SACfD learns a small task from its own successes; its parts do what they say."""

from dataclasses import fields, replace
from pathlib import Path

from latent_episodes import ACTIONS, episode, open_replay
import numpy as np
import pytest
from reach import WIDTH, Reach, acting, beside_the_goal, success_rate
import torch
import yaml

from irevla_control.errors import ConfigError
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.critics import Critics
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.sacfd import SACfD
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.head import Head

CONFIG = Path(__file__).resolve().parents[4] / 'config'
SMALL = SACfDConfig(pca_components=4, hidden=(32, 32), batch_size=32, env_steps=30, capacity=40)


def test_members_of_the_ensemble_are_separate_networks():
    torch.manual_seed(0)
    critics = Critics(3, 3, 2, (8, 8))
    features, actions = torch.randn(6, 3), torch.randn(6, 2)
    values = critics(critics.embed(features), actions)
    assert values.shape == (3, 6)
    inputs = torch.cat((features, actions), -1)
    for member in range(3):
        first = torch.cat((critics.features.weight[member], critics.actions[member]))
        hidden = inputs @ first + critics.features.bias[member]
        for layer in critics.layers:
            hidden = (
                layer(hidden)
                if not isinstance(layer, type(critics.features))
                else hidden @ layer.weight[member] + layer.bias[member]
            )
        expected = hidden @ critics.value[member, 0] + critics.bias[member]
        torch.testing.assert_close(values[member], expected)
    values[0].sum().backward()
    for name, parameter in critics.named_parameters():
        assert parameter.grad[0].any(), name
        assert not parameter.grad[1:].any(), name


@pytest.mark.parametrize(
    'changes, word',
    [
        ({'hidden': 256}, 'hidden'),
        ({'hidden': []}, 'at least'),
        ({'hidden': ['a']}, 'hidden'),
        ({'batch_size': 10.5}, 'batch_size'),
        ({'capacity': 25000.0}, 'capacity'),
        ({'noise_std_low': 0.4}, 'noise_std_high'),
        ({'std': 0}, 'std'),
        ({'keep': 1}, 'keep'),
        ({'num_critics': True}, 'num_critics'),
        ({'target_tau': '1e-3'}, 'write 0.001'),
        ({'capacity': 5000}, 'below env_steps 8000'),
        ({'temperature': 'hot'}, 'temperature'),
        ({'actor_ema': 0.0}, 'actor_ema'),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, changes, word):
    file = tmp_path / 'sacfd.yaml'
    file.write_text(yaml.safe_dump(changes))
    with pytest.raises(ConfigError, match=word):
        SACfDConfig.load(file)


def test_the_shipped_settings_are_the_built_in_ones():
    file = CONFIG / 'learning/sacfd.yaml'
    assert SACfDConfig.load(file) == SACfDConfig()
    assert list(yaml.safe_load(file.read_text())) == [one.name for one in fields(SACfDConfig)]


def test_noise_lasts_and_has_the_spread_of_its_episode():
    noise = SmoothNoise(2, 0.7, 0.1, 0.3, seed=1)
    stds = []
    for _ in range(60):
        noise.start_episode()
        drawn = np.stack([noise() for _ in range(400)])
        assert np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1] == pytest.approx(0.7, abs=0.15)
        stds.append(drawn.std())
    assert 0.08 < min(stds) < 0.15
    assert 0.25 < max(stds) < 0.35
    again = SmoothNoise(2, 0.7, 0.1, 0.3, seed=1)
    np.testing.assert_array_equal(again(), SmoothNoise(2, 0.7, 0.1, 0.3, seed=1)())


class Training:
    """An agent, its replay and the random numbers of its batches, as `OnlineLearner` has them."""

    def __init__(self, head, replay, config, seed=0, state=None, updates=0):
        self.replay = FeatureReplay(replay, config)
        torch.manual_seed(seed)
        self.random = np.random.default_rng(seed)
        if state is None:
            self.replay.fit(head.pool, self.random)
        else:
            self.replay.restore(state, head.pool)
        self.agent = SACfD(head, self.replay.num_features, config)
        if state is not None:
            self.agent.restore(state, updates)

    def update(self, actor=True):
        return self.agent.update(self.replay.draw(self.random), actor)

    def state(self):
        return self.agent.state() | self.replay.state()


def small_training(tmp_path, seed=0, **changes):
    replay = open_replay(tmp_path)
    for number in range(6):
        replay.add(episode(5, number, terminated=number % 2 == 0), demonstration=number % 2 == 0)
    torch.manual_seed(1)
    head = Head(4, 2, ACTIONS, (16,))
    return Training(head, replay, replace(SMALL, **changes), seed), head


def test_the_same_seed_gives_the_same_actor(tmp_path):
    weights = []
    for folder in ('one', 'two'):
        training, head = small_training(tmp_path / folder)
        for _ in range(20):
            training.update()
        training.agent.copy_to(head)
        weights.append(head.state_dict())
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


def test_warm_up_leaves_the_actor_alone_and_the_token_learner_is_never_touched(tmp_path):
    training, head = small_training(tmp_path)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    for _ in range(10):
        training.update(actor=False)
    training.agent.copy_to(head)
    assert all(torch.equal(value, before[name]) for name, value in head.state_dict().items())
    for _ in range(4):
        training.update()
    training.agent.copy_to(head)
    changed = {
        name for name, value in head.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {name for name in before if name.startswith('mlp.')}


def test_the_head_that_acts_is_the_running_mean_of_the_actor(tmp_path):
    training, head = small_training(tmp_path, actor_ema=0.25, actor_every=2)
    expected = {name: value.clone() for name, value in head.mlp.state_dict().items()}
    for number in range(6):
        training.update()
        if number % 2 == 0:
            for name, value in training.agent.actor.mlp.state_dict().items():
                expected[name] += 0.25 * (value - expected[name])
    training.agent.copy_to(head)
    torch.testing.assert_close(dict(head.mlp.state_dict()), expected)
    assert not torch.equal(head.mlp.state_dict()['0.weight'], training.agent.actor.mlp[0].weight)


def test_a_token_learner_that_learns_reads_the_latents_and_leaves_the_critics_features(tmp_path):
    training, head = small_training(tmp_path, token_learner_learning_rate=1e-3)
    before = {name: value.clone() for name, value in head.state_dict().items()}
    batch = training.replay.draw(np.random.default_rng(5))
    actions = head(batch.latents, batch.features[:, 4:6])
    torch.testing.assert_close(head.mlp(batch.features[:, :6]), actions)
    for _ in range(4):
        training.update()
    training.agent.copy_to(head)
    assert not any(torch.equal(value, before[name]) for name, value in head.state_dict().items())
    again = training.replay.draw(np.random.default_rng(5))
    assert torch.equal(again.features, batch.features)
    assert not torch.allclose(head(batch.latents, batch.features[:, 4:6]), actions)


@pytest.mark.parametrize(
    'temperature, token_learner', [('none', 0.0), ('auto', 0.0), ('none', 1e-4)]
)
def test_products_in_bfloat16_give_nearly_the_same_update(tmp_path, temperature, token_learner):
    losses, weights = [], []
    for short in (False, True):
        training, _ = small_training(
            tmp_path / str(short),
            temperature=temperature,
            token_learner_learning_rate=token_learner,
        )
        training.agent._short = short
        losses.append([training.update() for _ in range(20)])
        weights.append(torch.cat([one.flatten() for one in training.agent.actor.mlp.parameters()]))
        assert all(value.dtype == torch.float32 for value in training.state().values())
    torch.testing.assert_close(
        *(torch.tensor([[one.critic, one.value] for one in each]) for each in losses),
        atol=5e-3,
        rtol=0,
    )
    assert not torch.equal(*weights), 'the second multiplied in float32 too'
    torch.testing.assert_close(*weights, atol=3e-4, rtol=0)


def test_each_loss_moves_only_what_it_is_of(tmp_path):
    training, _ = small_training(tmp_path, actor_every=2)
    again, _ = small_training(tmp_path / 'again', actor_every=1000)
    for one in (training, again):
        agent = one.agent
        torch.manual_seed(3)
        one.update(actor=False)
        # Only the first updates its actor at the next update.
        agent.updates = 2
        before = {name: value.clone() for name, value in agent.actor.state_dict().items()}
        one.update()
        moved = any(
            not torch.equal(value, before[name])
            for name, value in agent.actor.state_dict().items()
        )
        assert moved == (one is training)
    for name, value in training.agent.critics.state_dict().items():
        assert torch.equal(value, again.agent.critics.state_dict()[name]), name


def test_the_temperature_follows_the_entropy(tmp_path):
    training, _ = small_training(tmp_path, temperature='auto', std=0.05)
    with torch.no_grad():
        training.agent.log_std.fill_(-1.0)
    before = training.agent.log_temperature.item()
    for _ in range(20):
        training.update()
    assert training.agent.log_temperature.item() < before, (
        'less weight for a spread above the target'
    )


def test_without_online_episodes_all_is_drawn_from_demonstrations(tmp_path):
    replay = open_replay(tmp_path)
    replay.add(episode(5, terminated=True), demonstration=True)
    training = Training(Head(4, 2, ACTIONS, (16,)), replay, SMALL)
    losses = training.update()
    assert np.isfinite([losses.critic, losses.actor, losses.cloning]).all()


@pytest.mark.parametrize(
    'temperature, token_learner', [('none', 0.0), ('auto', 0.0), ('none', 1e-4)]
)
def test_learns_a_task_that_it_could_not_do(tmp_path, temperature, token_learner):
    head = beside_the_goal()
    before = success_rate(head)
    config = SACfDConfig(
        pca_components=8,
        hidden=(64, 64),
        batch_size=64,
        env_steps=6000,
        capacity=6000,
        temperature=temperature,
        token_learner_learning_rate=token_learner,
    )
    replay = LatentReplay(
        tmp_path,
        backbone_hash='toy',
        tokens=3,
        width=WIDTH,
        state_size=2,
        action_size=2,
        capacity=config.capacity,
    )
    world, noise = Reach(0), SmoothNoise(2, 0.7, 0.1, 0.4, 0)
    for _ in range(60):
        one, _ = world.play(acting(head), noise)
        replay.add(one, demonstration=one.success)
    training = Training(head, replay, config)
    for _ in range(300):
        training.update(actor=False)
    for _ in range(150):
        one, _ = world.play(acting(head), noise)
        training.replay.add(one, demonstration=one.success)
        for _ in range(15):
            training.update()
        training.agent.copy_to(head)
    after = success_rate(head)
    print(f'{temperature}, {token_learner}: {before:.2f} -> {after:.2f}')
    assert before < 0.5
    assert after > 0.8


@pytest.mark.parametrize('token_learner', [0.0, 1e-4])
def test_goes_on_from_its_state_exactly(tmp_path, token_learner):
    training, head = small_training(
        tmp_path, temperature='auto', token_learner_learning_rate=token_learner
    )
    for _ in range(6):
        training.update()
    state = {name: value.clone() for name, value in training.state().items()}
    again = Training(head, open_replay(tmp_path), training.agent.config, state=state, updates=6)
    assert again.state().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in again.state().items())
    # A continued training draws other batches; with the same batches its updates are the same.
    for one in (training, again):
        one.random = np.random.default_rng(7)
        torch.manual_seed(7)
        for _ in range(4):
            one.update()
        assert one.agent.updates == 10
    assert all(torch.equal(value, training.state()[name]) for name, value in again.state().items())
    assert not all(torch.equal(value, state[name]) for name, value in again.state().items())
