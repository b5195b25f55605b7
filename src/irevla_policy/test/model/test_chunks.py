# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A head that decides several actions: its size, its file, its loss."""

from dataclasses import replace
import json

import numpy as np
import pytest
from small_models import observation, tiny_vla
import torch

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy
from irevla_policy.frames.dataset import Batch
from irevla_policy.model.config import HeadConfig, PolicyConfig
from irevla_policy.model.vla import VLA
from irevla_policy.training.trainer import Example, action_loss


def chunked(size):
    vla = tiny_vla()
    head = replace(vla.config.head, chunk_size=size)
    return VLA(replace(vla.config, head=head), vla.statistics, ['press']).eval()


def test_a_pass_gives_the_actions_of_a_chunk_and_a_checkpoint_keeps_its_size(tmp_path):
    vla = chunked(3)
    save_checkpoint(tmp_path / 'policy', vla)
    output = load_checkpoint(tmp_path / 'policy').step(*observation(vla), 'press')
    assert output.chunk.shape == (3, vla.statistics.action_size)
    np.testing.assert_array_equal(output.action_normalised, output.chunk[0])
    noise = np.full(vla.statistics.action_size, 0.5)
    normalised, action = vla.executed(output.chunk[2], noise)
    np.testing.assert_allclose(normalised, np.clip(output.chunk[2] + 0.5, -1, 1), atol=1e-6)
    np.testing.assert_array_equal(action, vla.statistics.denormalise_action(normalised))
    assert load_latent_policy(tmp_path / 'policy').chunk_size == 3


def test_a_checkpoint_without_the_settings_has_one_action_and_one_query(tmp_path):
    """As those from before the settings; one with chunks of 1 is written the same way."""
    save_checkpoint(tmp_path / 'policy', tiny_vla())
    config = json.loads((tmp_path / 'policy/config.json').read_text())
    assert config['head'].keys() == {'hidden'}
    assert PolicyConfig.from_dict(config).head.chunk_size == 1
    assert load_latent_policy(tmp_path / 'policy').chunk_size == 1
    assert chunked(2).config.to_dict()['head']['chunk_size'] == 2
    assert PolicyConfig.from_dict(config).head.queries == 1
    several = tiny_vla(head=HeadConfig((16,), queries=4))
    assert several.config.to_dict()['head']['queries'] == 4


@pytest.mark.parametrize('size', [0, 65, 1.5])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(ConfigError, match='chunk_size'):
        HeadConfig(chunk_size=size)


def test_actions_after_the_end_of_an_episode_have_no_loss():
    vla = chunked(2)
    random = np.random.default_rng(0)
    size = vla.config.image_size
    images = random.integers(0, 256, (2, len(vla.config.cameras), size, size, 3), np.uint8)
    actions = random.uniform(vla.statistics.action_low, vla.statistics.action_high, (2, 2, 7))
    inside = np.array([[True, True], [True, False]])

    def loss(actions, inside):
        batch = Batch(
            images,
            random.normal(size=(2, 10)).astype(np.float32),
            actions.reshape(2, 14).astype(np.float32),
            ['press', 'press'],
            inside,
        )
        example = Example(replace(batch, states=np.zeros((2, 10), np.float32)), vla)
        with torch.no_grad():
            predicted = vla(example.images, example.instructions, example.states)
        return action_loss(vla, example, 'no'), predicted, example

    value, predicted, example = loss(actions, inside)
    squared = (predicted - example.actions).square().reshape(2, 2, -1)
    # The mean is over all actions, as in ACT.
    torch.testing.assert_close(value, squared[torch.from_numpy(inside)].sum() / squared.numel())
    other = actions.copy()
    other[1, 1] = vla.statistics.action_high
    assert loss(other, inside)[0] == value
    other[0, 1] = vla.statistics.action_high
    assert loss(other, inside)[0] != value
    value.backward()
    size = vla.statistics.action_size
    gradient = vla.head.mlp[-1].bias.grad
    expected = 2 * (predicted - example.actions)[0, size:] / predicted.numel()
    torch.testing.assert_close(gradient[size:], expected)
