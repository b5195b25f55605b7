# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The critics' features: principal components of latents beside what the head reads."""

import pytest
import torch

from irevla_learner.sacfd import features as features_module
from irevla_learner.sacfd.features import (
    BLOCK_ROWS,
    LARGEST,
    SKETCH_SIZE,
    Components,
    Features,
    Sketch,
    blocks,
    frozen_copy,
)
from irevla_policy.model.head import TokenLearner


def test_components_are_uncorrelated_and_of_spread_one():
    torch.manual_seed(0)
    latents = torch.randn(300, 4, 6)
    values = Sketch(24)(latents)
    components = Components.fit(values, 5, 1e-3)(values)
    covariance = components.T @ components / len(components)
    torch.testing.assert_close(covariance, torch.eye(5), atol=0.05, rtol=0)


def test_components_of_few_latents_stay_of_the_order_of_one():
    torch.manual_seed(0)
    components = Components.fit(torch.randn(10, 24), 128, 1e-3)
    assert components.axes.shape[1] == 9
    static = torch.randn(1, 24) + 1e-7 * torch.randn(40, 24)
    assert torch.isfinite(Components.fit(static, 8, 1e-3)(static)).all()


def test_components_stay_bounded_when_the_latents_leave_the_region_of_the_fit():
    torch.manual_seed(0)
    # Most directions hold a thousandth of the variance, as in latents of zero-shot episodes.
    spread = torch.cat((torch.ones(4), torch.full((20,), 0.03)))
    values = torch.randn(300, 24) * spread
    later = values + 0.5 * torch.randn(300, 24)
    bounded = Components.fit(values, 20, 0.1)(later)
    assert bounded.abs().max() <= LARGEST
    assert bounded.square().mean().sqrt() < 4
    unbounded = (later - values.mean(0)) @ Components.fit(values, 20, 1e-3).axes
    assert unbounded.abs().max() > 3 * LARGEST, 'what the floor is for'


def test_features_of_another_token_learner_have_another_digest():
    torch.manual_seed(0)
    first, second = TokenLearner(6), TokenLearner(6)
    components, other = (Components.fit(torch.randn(20, 24), 3, 1e-3) for _ in range(2))
    digest = Features(first, Sketch(24), components).digest()
    assert Features(first, Sketch(24), components).digest() == digest
    assert Features(second, Sketch(24), components).digest() != digest
    assert Features(first, Sketch(24), other).digest() != digest


@pytest.mark.parametrize('queries', [1, 3])
def test_features_keep_the_token_learner_they_were_made_with(queries):
    torch.manual_seed(0)
    latents, states = torch.randn(5, 4, 6), torch.randn(5, 2)
    token_learner = TokenLearner(6, queries)
    components = Components.fit(torch.randn(20, 24), 3, 1e-3)
    features = Features(token_learner, Sketch(24), components)
    before = features(latents, states)
    assert before.shape == (5, features.size(2))
    torch.testing.assert_close(before[:, :6], token_learner(latents).detach())
    torch.testing.assert_close(before[:, 6:8], states)
    with torch.no_grad():
        token_learner.query.add_(1)
    assert torch.equal(features(latents, states), before)


def test_a_sketch_of_long_latents_keeps_their_distances_and_follows_from_their_size():
    torch.manual_seed(0)
    tokens, width = 16, 512
    latents = torch.randn(20, tokens, width)
    sketch = Sketch(tokens * width)
    values = sketch(latents)
    assert values.shape == (20, SKETCH_SIZE)
    assert torch.equal(values, Sketch(tokens * width)(latents))
    whole = torch.nn.functional.layer_norm(latents, (width,)).flatten(1)
    torch.testing.assert_close(torch.pdist(values), torch.pdist(whole), rtol=0.1, atol=0)
    assert not sketch.state_dict(), 'nothing to store'


def test_a_sketch_keeps_short_latents_as_they_are():
    latents = torch.randn(5, 4, 6)
    expected = torch.nn.functional.layer_norm(latents, (6,)).flatten(1)
    assert torch.equal(Sketch(24)(latents), expected)


def test_a_sketch_moves_to_the_device_of_the_latents():
    sketch = Sketch(8192).to('meta')
    assert sketch(torch.zeros(2, 16, 512, device='meta')).device.type == 'meta'


# A latent that is longer than the sketch, with a token of padding.
TOKENS, WIDTH = 11, 512


def wide_latents(count):
    latents = torch.randn(count, TOKENS, WIDTH, generator=torch.Generator().manual_seed(0))
    latents[:, -1] = 0
    return latents.half()


def wide_features(monkeypatch, bfloat16):
    monkeypatch.setattr(features_module, 'multiplies_bfloat16', lambda device: bfloat16)
    torch.manual_seed(0)
    components = Components.fit(torch.randn(20, SKETCH_SIZE), 3, 1e-3)
    return Features(TokenLearner(WIDTH), Sketch(TOKENS * WIDTH), components)


def test_features_of_long_latents_are_those_of_the_whole_batch_in_float32(monkeypatch):
    latents, states = wide_latents(40), torch.randn(40, 2)
    assert len(list(blocks(latents.repeat(5, 1, 1), 'cpu'))) > 1, 'in several blocks'
    exact = wide_features(monkeypatch, False)
    whole = exact.token_learner(latents.float())
    components = exact.components(exact.sketch(latents.float()))
    expected = torch.cat((whole, states, components), -1)
    torch.testing.assert_close(exact(latents, states), expected)
    short = wide_features(monkeypatch, True)
    assert short.token_learner.key.weight.dtype == torch.bfloat16
    difference = short(latents, states) - expected
    # Pooled latents have spread one.
    assert 0 < difference.square().mean().sqrt() < 3e-3 and difference.abs().max() < 0.02
    assert short.digest() != exact.digest(), 'a cache never mixes both'


@pytest.mark.parametrize('bfloat16', [False, True])
def test_features_of_an_observation_do_not_depend_on_those_beside_it(monkeypatch, bfloat16):
    features = wide_features(monkeypatch, bfloat16)
    latents, states = wide_latents(200), torch.randn(200, 2)
    together = features(latents, states)
    # Processors with AMX round products in bfloat16 differently for another number of rows.
    bounds = {'atol': 5e-4, 'rtol': 0} if bfloat16 else {}
    for rows in (slice(0, 1), slice(3, 103), slice(150, 200)):
        torch.testing.assert_close(features(latents[rows], states[rows]), together[rows], **bounds)


def test_short_latents_are_processed_in_float32_and_large_blocks(monkeypatch):
    monkeypatch.setattr(features_module, 'multiplies_bfloat16', lambda device: True)
    assert frozen_copy(TokenLearner(6), 'cpu', 24).key.weight.dtype == torch.float32
    assert [len(block) for block in blocks(torch.zeros(300, 4, 6), 'cpu')] == [BLOCK_ROWS, 44]


def test_a_block_of_the_longest_latents_is_one_observation():
    latents = torch.zeros(2, 300, 4096, dtype=torch.float16)
    assert [block.shape[0] for block in blocks(latents, 'cpu')] == [1, 1]
    assert next(blocks(latents, 'cpu')).dtype == torch.float32
