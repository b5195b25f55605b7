# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The running average of a training's weights, and states of another version."""

import pytest
from safetensors.torch import load_file, save_file
import torch

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.state_file import FORMAT
from irevla_policy.renamed_settings import CONVERTED
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.training_state import FILE, TrainingState


@pytest.fixture
def weight():
    return torch.nn.Parameter(torch.zeros(64))


@pytest.fixture
def state(weight):
    return TrainingState({'weight': weight}, torch.optim.Adam([weight]))


@pytest.mark.parametrize('decay', [0.999, 0.99, 0.9, 0.0, 1.0])
def test_the_average_equals_that_of_the_old_convention(state, weight, decay):
    """The old `ema_decay`, the share of the old average, gives the same numbers bit by bit."""
    torch.manual_seed(0)
    expected = torch.zeros(64)
    for step in range(3000):
        weight.data = torch.randn(64)
        state.update_average(step, CONVERTED['ema_decay'](decay))
        old = min(decay, (1 + step) / (10 + step))
        expected.lerp_(weight.data, 1 - old)
    assert torch.equal(state.average['weight'], expected)


def test_the_built_in_ema_equals_the_old_default():
    assert TrainConfig().ema == CONVERTED['ema_decay'](0.999) == 0.001


def test_a_state_of_another_version_is_refused_with_the_remedy(state, tmp_path):
    state.save(tmp_path, 5, {'seed': 0})
    assert state.load(tmp_path, {'seed': 0}) == 5
    tensors = load_file(tmp_path / FILE)
    save_file(
        tensors,
        tmp_path / FILE,
        {'identity': '{"format": 4, "seed": 0}', 'progress': '{"step": 5}'},
    )
    with pytest.raises(ConfigError, match=f'has format 4, this version reads {FORMAT}: .*output'):
        state.load(tmp_path, {'seed': 0})
