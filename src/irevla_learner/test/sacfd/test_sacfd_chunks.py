# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""SACfD on chunks: learns a small task; actions that were not executed teach nothing."""

from dataclasses import replace

from latent_episodes import ACTIONS, STATES, TOKENS, WIDTH, episode
import numpy as np
import pytest
import reach
import torch

from irevla_learner.replay.encoded_demonstrations import save_demonstrations
from irevla_learner.replay.encoded_episode import EncodedEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.anchor import Anchor
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.online_learner import OnlineLearner
from irevla_learner.sacfd.sacfd import SACfD
from irevla_policy.exploration import SmoothNoise
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy

SIZE = 3
SMALL = SACfDConfig(
    pca_components=4,
    hidden=(32, 32),
    batch_size=32,
    env_steps=30,
    capacity=60,
    actor_every=1,
    return_steps=1,
)


def in_chunks(one, size):
    """Return an episode of a policy that runs a pass for every ``size`` observations."""
    passes = np.arange(0, len(one.actions), size)
    kept = [*passes, len(one.actions)][: len(passes) + (len(one.latents) > len(one.actions))]
    return replace(
        one, latents=one.latents[kept], proprioception=one.proprioception[kept], encoded=passes
    )


@pytest.fixture
def batches(tmp_path):
    replay = LatentReplay(
        tmp_path / 'replay',
        backbone_hash='abc',
        tokens=TOKENS,
        width=WIDTH,
        state_size=STATES,
        action_size=ACTIONS,
        capacity=60,
        chunk_size=SIZE,
    )
    for number in range(6):
        replay.add(in_chunks(episode(5, number, terminated=True), SIZE), number % 2 == 0)
    batches = FeatureReplay(replay, SMALL)
    batches.fit(Head(WIDTH, STATES, SIZE * ACTIONS, (16,)).pool, np.random.default_rng(0))
    return batches


def test_actions_that_were_not_executed_have_no_influence(batches):
    batch = batches.draw(np.random.default_rng(0))
    assert not batch.executed.all()
    found = []
    for value in (0.0, 0.7):
        changed = replace(batch, actions=torch.where(batch.executed, batch.actions, value))
        torch.manual_seed(0)
        agent = SACfD(Head(WIDTH, STATES, SIZE * ACTIONS, (16,)), batches.num_features, SMALL)
        agent.update(changed)
        found.append(agent.state())
    for name, tensor in found[0].items():
        torch.testing.assert_close(tensor, found[1][name], rtol=0, atol=0)
    # But an executed action has.
    torch.manual_seed(0)
    agent = SACfD(Head(WIDTH, STATES, SIZE * ACTIONS, (16,)), batches.num_features, SMALL)
    agent.update(replace(batch, actions=torch.where(batch.executed, 0.7, batch.actions)))
    assert any((agent.state()[name] != found[0][name]).any() for name in found[0])


def test_the_anchor_s_labels_are_chunks_of_one_episode(tmp_path):
    head = Head(WIDTH, STATES, SIZE * ACTIONS, (16,))
    policy = LatentPolicy(head, reach.latent_policy().statistics, 'backbone')
    episodes = [
        EncodedEpisode(
            *(str(number), 'task', 'do it', True, True),
            *(one.latents, one.proprioception, one.actions, one.actions, one.stamps),
        )
        for number, one in enumerate(episode(4, number, terminated=True) for number in range(2))
    ]
    file = save_demonstrations(tmp_path / 'anchor.safetensors', episodes, policy, ['bags'], {})
    anchor = Anchor(file, head.pool, 'cpu', SIZE)
    batch = anchor.draw(np.random.default_rng(0), 60, latents=False)
    actions = torch.from_numpy(np.stack([one.labels for one in episodes]))
    for chunk, inside in zip(batch.labels, batch.inside):
        count = int(inside.sum())
        chunk = chunk.reshape(SIZE, ACTIONS)[: count // ACTIONS]
        first = (actions == chunk[0]).all(-1).nonzero()[0]
        assert count == min(SIZE, 4 - int(first[1])) * ACTIONS
        torch.testing.assert_close(chunk, actions[first[0], first[1] : first[1] + len(chunk)])


def played(world, head, noise):
    """Play an episode of the small task with chunks; return it as a learner gets it."""
    left: list[np.ndarray] = []

    def act(latent, position):
        if not left:
            left.extend(reach.acting(head)(latent, position).reshape(-1, 2))
        return left.pop(0)

    one, _ = world.play(act, noise)
    return in_chunks(one, head.output_size // 2)


def chunked_head(size):
    """Return a head whose chunks repeat the action beside the goal."""
    single = reach.beside_the_goal()
    head = Head(reach.WIDTH, 2, 2 * size, (64, 64), queries=2)
    head.pool.load_state_dict(single.pool.state_dict())
    with torch.no_grad():
        for own, other in zip(head.mlp[:-1], single.mlp[:-1]):
            own.load_state_dict(other.state_dict())
        head.mlp[-1].weight.copy_(single.mlp[-1].weight.repeat(size, 1))
        head.mlp[-1].bias.copy_(single.mlp[-1].bias.repeat(size))
    return head


def test_a_learner_improves_chunks_and_continues_after_a_kill(tmp_path):
    head = chunked_head(2)
    policy = LatentPolicy(head, reach.latent_policy().statistics, 'toy')
    config = SACfDConfig(
        min_demonstrations=12,
        warm_up_updates=150,
        env_steps=250,
        capacity=2000,
        pca_components=8,
        hidden=(64, 64),
        batch_size=64,
        success_window=300,
    )
    learner = OnlineLearner(policy, config, tmp_path, 0)
    world, noise = reach.Reach(1), SmoothNoise(2, 0.7, 0.2, 0.4, 1)

    def rate(of):
        test = reach.Reach(99)
        return np.mean([played(test, of, None).success for _ in range(60)])

    before, acting = rate(head), Head(reach.WIDTH, 2, 4, (64, 64), queries=2)
    acting.load_state_dict(head.state_dict())
    while not learner.done:
        learner.add(played(world, acting, noise))
        learner.commit_episode()
        learner.run_updates(10_000)
        learner.copy_to(acting)
    assert rate(acting) > before + 0.15
    learner.save()
    again = OnlineLearner(policy, config, tmp_path, 0)
    assert again.version == learner.version and again.done
