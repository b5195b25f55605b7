# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Encoded demonstrations in stage 1: of the new task in the replay, of expert tasks as anchor."""

from dataclasses import replace

from latent_episodes import ACTIONS, episode, open_replay
import numpy as np
import pytest
from reach import Reach, acting, beside_the_goal, latent_policy
import torch

from irevla_control.errors import ConfigError
from irevla_learner.replay.encoded_demonstrations import load_demonstrations, save_demonstrations
from irevla_learner.replay.encoded_episode import EncodedEpisode
from irevla_learner.sacfd.anchor import Anchor
from irevla_learner.sacfd.config import ANCHOR, DEMONSTRATIONS, SACfDConfig
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.online_learner import PROGRESS, OnlineLearner
from irevla_learner.sacfd.sacfd import SACfD
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy

CONFIG = SACfDConfig(
    min_demonstrations=3,
    warm_up_updates=6,
    env_steps=80,
    success_window=4,
    batch_size=16,
    capacity=2000,
    pca_components=4,
    hidden=(16,),
)


def encoded(number, played):
    return EncodedEpisode(
        episode_id=f'demonstration-{number}',
        task='reach',
        instruction='reach the goal',
        success=played.success,
        terminated=played.terminated,
        latents=played.latents,
        proprioception=played.proprioception,
        actions=played.actions,
        labels=played.actions / 2,
        stamps=played.stamps,
    )


def successes(count, seed=0):
    head, world = beside_the_goal(), Reach(seed)
    noise = SmoothNoise(2, 0.7, 0.1, 0.3, seed)
    played = (world.play(acting(head), noise)[0] for _ in range(1000))
    return [next(one for one in played if one.success) for _ in range(count)]


def save(path, episodes, policy=None):
    policy = policy or latent_policy()
    numbered = [encoded(number, one) for number, one in enumerate(episodes)]
    save_demonstrations(path, numbered, policy, ['bags'], {'count': len(numbered)})


def failures(seed=7):
    head, world = beside_the_goal(), Reach(seed)
    noise = SmoothNoise(2, 0.7, 0.1, 0.3, seed)
    while True:
        played = world.play(acting(head), noise)[0]
        if not played.success:
            yield played


def test_demonstrations_let_training_begin_without_any_success_of_the_policy(tmp_path):
    save(tmp_path / DEMONSTRATIONS, successes(3))
    learner = OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
    assert learner.demonstrations_in_use.startswith('3 of 3 recorded demonstrations')
    assert not learner.learning
    failed = failures()
    learner.add(next(failed))
    assert learner.learning
    assert learner.progress().successes == 0 and learner.progress().episodes == 1
    learner.add(next(failed))
    assert learner.run_updates(100) > 6
    batch = learner._replay.draw(np.random.default_rng(0))
    assert batch.num_demonstrations == 8
    assert (batch.rewards[:8] > 0).any(), 'demonstrations end with the reward'


def test_too_few_demonstrations_count_with_the_successes_of_the_policy(tmp_path):
    save(tmp_path / DEMONSTRATIONS, successes(2))
    learner = OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
    failed = failures()
    learner.add(next(failed))
    assert not learner.learning
    learner.add(successes(1, seed=5)[0])
    assert learner.learning


def test_a_killed_learner_has_each_demonstration_once(tmp_path, monkeypatch):
    demonstrations = successes(3)
    save(tmp_path / DEMONSTRATIONS, demonstrations)
    whole, added = FeatureReplay.add, []

    def killed(self, *arguments, **options):
        if len(added) == 2:
            raise KeyboardInterrupt
        added.append(whole(self, *arguments, **options))

    monkeypatch.setattr(FeatureReplay, 'add', killed)
    with pytest.raises(KeyboardInterrupt):
        OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
    monkeypatch.undo()
    for _ in range(2):
        learner = OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
        assert learner._replay.episodes == 3
        assert learner._replay.rows == sum(len(one.latents) for one in demonstrations)


def test_demonstrations_that_lack_steps_are_left_out_and_counted(tmp_path):
    demonstrations = successes(3)
    numbered = [encoded(number, one) for number, one in enumerate(demonstrations)]
    numbered[1] = replace(numbered[1], dropped=2)
    save_demonstrations(tmp_path / DEMONSTRATIONS, numbered, latent_policy(), ['bags'], {})
    learner = OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
    assert learner._replay.episodes == 2
    assert '2 of 3 recorded demonstrations of the task (1 lack steps)' in (
        learner.demonstrations_in_use
    )


def test_demonstrations_that_the_replay_would_drop_are_refused(tmp_path):
    save(tmp_path / DEMONSTRATIONS, successes(5))
    with pytest.raises(ConfigError, match='capacity is 81, below'):
        OnlineLearner(latent_policy(), replace(CONFIG, capacity=81), tmp_path, 0)


def test_a_replay_of_an_unknown_stage_1_is_refused(tmp_path):
    save(tmp_path / DEMONSTRATIONS, successes(3))
    OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
    (tmp_path / PROGRESS).unlink()
    with pytest.raises(ConfigError, match='has 3 episodes, but progress.safetensors'):
        OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)


@pytest.mark.parametrize('name', [ANCHOR, DEMONSTRATIONS])
def test_demonstrations_of_another_backbone_are_refused(tmp_path, name):
    policy = latent_policy()
    other = LatentPolicy(policy.head, policy.statistics, 'another')
    save(tmp_path / name, successes(1), other)
    with pytest.raises(ConfigError, match='backbone another'):
        OnlineLearner(policy, CONFIG, tmp_path, 0)


def test_other_demonstrations_do_not_continue_a_stage_1(tmp_path):
    save(tmp_path / DEMONSTRATIONS, successes(3))
    learner = OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)
    learner.add(next(failures()))
    learner.save()
    save(tmp_path / DEMONSTRATIONS, successes(4))
    with pytest.raises(ConfigError, match='demonstrations was'):
        OnlineLearner(latent_policy(), CONFIG, tmp_path, 0)


@pytest.mark.parametrize('token_learner', [0.0, 1e-3])
def test_the_anchor_keeps_the_actions_of_the_expert_tasks(tmp_path, token_learner):
    """The actor's error on the anchor falls with it, and rises without it."""
    torch.manual_seed(1)
    head = Head(4, 2, ACTIONS, (16,))
    policy = LatentPolicy(head, latent_policy().statistics, 'backbone')
    expert = [episode(5, number, terminated=True) for number in range(10, 13)]
    numbered = [encoded(number, one) for number, one in enumerate(expert)]
    file = save_demonstrations(tmp_path / ANCHOR, numbered, policy, ['bags'], {})
    anchor = Anchor(file, head.pool, 'cpu')
    latents, states, labels = (
        torch.from_numpy(np.concatenate(arrays).astype(np.float32))
        for arrays in zip(*(one.cloning_arrays() for one in numbered), strict=True)
    )
    errors = {}
    for name, weight in (('with', 5.0), ('without', 0.0)):
        replay = open_replay(tmp_path / name)
        for number in range(6):
            replay.add(episode(5, number, terminated=True), demonstration=number % 2 == 0)
        config = replace(
            CONFIG,
            env_steps=30,
            capacity=40,
            anchor_weight=weight,
            actor_ema=1.0,
            actor_every=1,
            actor_learning_rate=3e-3,
            token_learner_learning_rate=token_learner,
        )
        random = np.random.default_rng(0)
        torch.manual_seed(0)
        batches = FeatureReplay(replay, config, anchor=anchor)
        batches.fit(head.pool, random)
        agent = SACfD(head, batches.num_features, config)
        for _ in range(150):
            losses = agent.update(batches.draw(random))
        trained = Head(4, 2, ACTIONS, (16,))
        agent.copy_to(trained)
        with torch.no_grad():
            errors[name] = (trained(latents, states) - labels).square().mean().item()
        assert (losses.anchor > 0) == (weight > 0)
    with torch.no_grad():
        before = (head(latents, states) - labels).square().mean().item()
    assert errors['with'] < 0.3 * before
    assert errors['without'] > 1.5 * errors['with']


def test_pooled_latents_of_the_anchor_are_those_of_the_head(tmp_path):
    policy = latent_policy()
    played = successes(2)
    save(tmp_path / ANCHOR, played)
    anchor = Anchor(load_demonstrations(tmp_path / ANCHOR, policy), policy.head.pool, 'cpu')
    assert len(anchor) == sum(len(one.actions) for one in played)
    batch = anchor.draw(np.random.default_rng(0), 50, latents=True)
    width = policy.head.width
    with torch.no_grad():
        whole = policy.head(batch.latents, batch.features[:, width:])
        cached = policy.head.mlp(batch.features)
    torch.testing.assert_close(cached, whole)


def test_the_anchor_leaves_the_policy_on_its_device(tmp_path):
    policy = latent_policy()
    save(tmp_path / ANCHOR, successes(1))
    anchor = Anchor(load_demonstrations(tmp_path / ANCHOR, policy), policy.head.pool, 'meta')
    assert policy.head.pool.query.device.type == 'cpu'
    assert anchor._features.device.type == 'meta'
