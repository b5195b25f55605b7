# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The critics' features: principal components of latents beside what the head reads."""

import torch

from irevla_learner.sacfd.features import Components, Features
from irevla_policy.model.head import TokenLearner


def test_components_are_uncorrelated_and_of_spread_one():
    torch.manual_seed(0)
    latents = torch.randn(300, 4, 6)
    components = Components.fit(latents, 5)(latents)
    covariance = components.T @ components / len(components)
    torch.testing.assert_close(covariance, torch.eye(5), atol=0.05, rtol=0)


def test_components_of_few_latents_stay_of_the_order_of_one():
    torch.manual_seed(0)
    components = Components.fit(torch.randn(10, 4, 6), 128)
    assert components.axes.shape[1] == 9
    assert components(torch.randn(50, 4, 6)).abs().max() < 100
    static = torch.randn(1, 4, 6) + 1e-7 * torch.randn(40, 4, 6)
    assert torch.isfinite(Components.fit(static, 8)(static)).all()


def test_features_of_another_token_learner_have_another_digest():
    torch.manual_seed(0)
    components = Components.fit(torch.randn(20, 4, 6), 3)
    first, second = TokenLearner(6), TokenLearner(6)
    assert Features(first, components).digest() == Features(first, components).digest()
    assert Features(first, components).digest() != Features(second, components).digest()


def test_features_keep_the_token_learner_they_were_made_with():
    torch.manual_seed(0)
    latents, states = torch.randn(5, 4, 6), torch.randn(5, 2)
    token_learner = TokenLearner(6)
    features = Features(token_learner, Components.fit(torch.randn(20, 4, 6), 3))
    before = features(latents, states)
    assert before.shape == (5, features.size(2))
    torch.testing.assert_close(before[:, :6], token_learner(latents).detach())
    torch.testing.assert_close(before[:, 6:8], states)
    with torch.no_grad():
        token_learner.query.add_(1)
    assert torch.equal(features(latents, states), before)
