# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint read and written without its VLM gives the same policy."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from small_models import observation, tiny_vla
import torch

from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import CheckpointError, read_manifest
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy, save_latent_policy
from irevla_policy.model.config import HeadConfig
from irevla_policy.model.head import Head
from irevla_policy.model.normalisation import Statistics


@pytest.fixture(params=[1, 4])
def folder(tmp_path, request):
    head = HeadConfig((16,), queries=request.param)
    save_checkpoint(tmp_path / 'policy', tiny_vla(head=head))
    return tmp_path / 'policy'


def test_a_latent_policy_gives_the_whole_policy_s_action(folder):
    whole, light = load_checkpoint(folder), load_latent_policy(folder)
    images, state = observation(whole)
    output = whole.step(images, state, 'press')
    with torch.no_grad():
        action = light.head(
            torch.from_numpy(output.latent)[None], torch.from_numpy(output.proprioception)[None]
        )[0]
    torch.testing.assert_close(action, torch.from_numpy(output.action_normalised))
    assert light.head.width == whole.backbone.width
    assert light.digest() == whole.latent_policy.digest()
    assert light.statistics.to_dict() == whole.statistics.to_dict()


def test_a_new_head_gives_a_whole_checkpoint(folder, tmp_path):
    light = load_latent_policy(folder)
    with torch.no_grad():
        light.head.mlp[0].weight.add_(1)
    save_latent_policy(tmp_path / 'new', folder, light, {'stage1': 5})
    old, new = load_checkpoint(folder), load_checkpoint(tmp_path / 'new')
    assert new.backbone_hash == old.backbone_hash
    torch.testing.assert_close(new.head.mlp[0].weight, old.head.mlp[0].weight + 1)
    torch.testing.assert_close(new.head.pool.query, old.head.pool.query)
    assert read_manifest(tmp_path / 'new')['extra'] == {'stage1': 5}


def test_a_new_head_keeps_the_reference_views(folder, tmp_path):
    vla = load_checkpoint(folder)
    vla.views = {'front': np.full((24, 24, 4), 7, np.uint8)}
    save_checkpoint(folder, vla)
    save_latent_policy(tmp_path / 'new', folder, load_latent_policy(folder))
    np.testing.assert_array_equal(
        load_checkpoint(tmp_path / 'new').views['front'], vla.views['front']
    )


def test_parts_of_another_policy_are_refused(folder, tmp_path):
    light = load_latent_policy(folder)
    actions = np.random.default_rng(0).uniform(-1, 1, (9, 7))
    others = Statistics.from_data(np.zeros((9, 10)), actions)
    wider = Head(light.head.width, light.statistics.state_size, light.statistics.action_size, (9,))
    for changes, words in (
        ({'backbone_hash': '0' * 64}, 'another policy'),
        ({'statistics': others}, 'another policy'),
        ({'head': wider}, 'tensors differ|has shape'),
    ):
        with pytest.raises(CheckpointError, match=words):
            save_latent_policy(tmp_path / 'new', folder, replace(light, **changes))
    assert not (tmp_path / 'new').exists()


@pytest.mark.parametrize(
    'damage, words',
    [
        (lambda weights: weights.pop('pool.query'), 'contains no head'),
        (lambda weights: weights.pop('mlp.0.bias'), 'mlp.0.bias'),
        (lambda weights: weights.update({'mlp.0.bias': torch.zeros(3)}), 'mlp.0.bias has shape'),
    ],
)
def test_an_invalid_head_is_refused(folder, tmp_path, damage, words):
    vla = load_checkpoint(folder)
    weights = load_file(folder / 'head.safetensors')
    damage(weights)
    # The manifest has the hashes of these files.
    vla.head.state_dict = lambda: weights
    save_checkpoint(folder, vla)
    with pytest.raises(CheckpointError, match=words):
        load_latent_policy(folder)


def test_queries_that_do_not_fit_the_head_are_refused(folder):
    vla = load_checkpoint(folder)
    vla.config = replace(vla.config, head=replace(vla.config.head, queries=3))
    save_checkpoint(folder, vla)
    for load in (load_latent_policy, load_checkpoint):
        with pytest.raises(CheckpointError, match='head.queries is 3, but the width .* is 32'):
            load(folder)


def test_an_altered_file_is_refused(folder):
    weights = load_file(folder / 'backbone.safetensors')
    save_file(
        {name: weight + 1 for name, weight in weights.items()}, folder / 'backbone.safetensors'
    )
    with pytest.raises(CheckpointError, match='truncated or altered'):
        load_latent_policy(folder)
