# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from irevla_control.errors import ConfigError
from irevla_policy.model.head import Head, TokenLearner


def tokens(count=6, seed=0):
    return torch.randn(4, count, 8, generator=torch.Generator().manual_seed(seed))


def test_token_learner_pools_tokens_to_one_vector():
    assert TokenLearner(8)(tokens()).shape == (4, 8)


def test_each_query_pools_the_tokens_into_its_own_part():
    learner = TokenLearner(8, queries=4)
    with torch.no_grad():
        learner.out_norm = torch.nn.Identity()
    before = learner(tokens())
    assert before.shape == (4, 8)
    with torch.no_grad():
        learner.query[1] *= -3
    changed = (learner(tokens()) - before).abs().amax(0) > 1e-4
    assert changed.tolist() == [False, False, True, True, False, False, False, False]


def test_one_query_is_the_vector_of_older_checkpoints():
    torch.manual_seed(0)
    learner = TokenLearner(8)
    assert learner.query.shape == (8,)
    score = torch.tanh(learner.key(learner.norm(tokens()))) @ learner.query
    mean = (torch.softmax(score, 1).unsqueeze(1) @ learner.norm(tokens())).squeeze(1)
    torch.testing.assert_close(learner(tokens()), learner.out_norm(learner.value(mean)))


def test_queries_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ConfigError, match=r'head\.queries is 3, but the width of the latent is 8'):
        TokenLearner(8, queries=3)


def test_order_of_tokens_does_not_matter():
    learner = TokenLearner(8)
    torch.testing.assert_close(learner(tokens().flip(1)), learner(tokens()))


def test_the_output_depends_on_every_token():
    learner = TokenLearner(8)
    for index in range(6):
        other = tokens()
        other[:, index] += torch.randn(8)
        assert not torch.allclose(learner(other), learner(tokens()), atol=1e-4)


@pytest.mark.parametrize('queries', [1, 4])
def test_zero_tokens_are_padding(queries):
    head = Head(8, 3, 2, (16,), queries)
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
