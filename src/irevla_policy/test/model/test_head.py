# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import torch

from irevla_policy.model.head import Head, TokenLearner


def tokens(count=6, seed=0):
    return torch.randn(4, count, 8, generator=torch.Generator().manual_seed(seed))


def test_token_learner_pools_tokens_to_one_vector():
    assert TokenLearner(8)(tokens()).shape == (4, 8)


def test_order_of_tokens_does_not_matter():
    learner = TokenLearner(8)
    torch.testing.assert_close(learner(tokens().flip(1)), learner(tokens()))


def test_the_output_depends_on_every_token():
    learner = TokenLearner(8)
    for index in range(6):
        other = tokens()
        other[:, index] += torch.randn(8)
        assert not torch.allclose(learner(other), learner(tokens()), atol=1e-4)


def test_zero_tokens_are_padding():
    head = Head(8, 3, 2, (16,))
    padded = torch.cat((tokens(), torch.zeros(4, 3, 8)), dim=1)
    state = torch.randn(4, 3)
    torch.testing.assert_close(head(padded, state), head(tokens(), state))


def test_the_action_depends_on_latent_and_state():
    head = Head(8, 3, 2, (16,))
    state = torch.randn(4, 3)
    action = head(tokens(), state)
    assert action.shape == (4, 2)
    assert not torch.allclose(head(tokens(), state + 1), action)
    assert not torch.allclose(head(tokens(seed=1), state), action)


def test_critic_mirrors_the_actor_with_one_output():
    actor, critic = Head(8, 3, 4), Head(8, 3, 1)
    assert critic(tokens(), torch.randn(4, 3)).shape == (4, 1)
    assert actor.state_dict().keys() == critic.state_dict().keys()


def test_head_works_without_proprioception_and_in_half_precision():
    action = Head(8, 0, 2)(tokens().half(), torch.zeros(4, 0))
    assert action.dtype == torch.float32
