# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of small pretrained models prints, stores and uses the result of the probe."""

import pytest
from random_episodes import random_episode
from small_families import FAMILIES, family_vla
import torch

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.files import read_manifest
from irevla_policy.frames.dataset import Dataset
from irevla_policy.frames.frame_store import write_store
from irevla_policy.model.backbone import Backbone
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.trainer import train

CONFIG = TrainConfig(
    steps=2, batch_size=2, warmup_steps=0, learning_rate=0.1, ema=1.0, log_every=1, threads=1
)


@pytest.fixture
def data(tmp_path):
    cameras = ('left', 'right')
    return Dataset(
        write_store(tmp_path / 'store', [random_episode(0, size=40, cameras=cameras)], cameras, 40)
    )


def test_probe_is_printed_and_stored_and_unused_adapters_do_not_change(tmp_path, data, capsys):
    source = FAMILIES['llava'].save(tmp_path / 'llava')
    vla = family_vla(source, 'llava')
    before = {name: weight.clone() for name, weight in vla.backbone.stored_state().items()}
    train(vla, data, None, CONFIG, tmp_path / 'one')
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith('probe of')]
    assert line.startswith(f'probe of {source}: LlavaForConditionalGeneration: 9 tokens a camera')
    found = read_manifest(tmp_path / 'one/checkpoint')['probe']
    assert (found['tokens'], found['width'], found['trained'], found['unused']) == (9, 24, 12, 4)
    again = load_checkpoint(tmp_path / 'one/checkpoint')
    changed = {
        name
        for name, weight in again.backbone.stored_state().items()
        if not torch.equal(weight, before[name])
    }
    assert len(changed) == 12
    train(again, data, None, CONFIG, tmp_path / 'two')
    assert load_checkpoint(tmp_path / 'two/checkpoint').probed.tokens == 9


def test_a_training_of_other_weights_is_not_continued(tmp_path, data, monkeypatch):
    """Earlier versions also trained weights that get no gradient."""
    source = FAMILIES['llava'].save(tmp_path / 'llava')
    with monkeypatch.context() as patch:
        patch.setattr(Backbone, 'leave_untrained', lambda *_: None)
        train(family_vla(source, 'llava'), data, None, CONFIG, tmp_path / 'out')
    with pytest.raises(
        ConfigError,
        match='a training of other weights: 4 tensors differ, first .*use another output folder',
    ) as caught:
        train(family_vla(source, 'llava'), data, None, CONFIG, tmp_path / 'out')
    assert '\n' not in str(caught.value)


def test_a_head_is_trained_on_a_frozen_backbone(tmp_path, data):
    vla = family_vla(FAMILIES['git'].save(tmp_path / 'git'), 'git')
    vla.backbone.freeze()
    train(vla, data, None, CONFIG, tmp_path / 'out')
    assert read_manifest(tmp_path / 'out/checkpoint')['probe']['trained'] is None


def test_a_blind_policy_is_not_trained(tmp_path, data):
    vla = family_vla(FAMILIES['git'].save(tmp_path / 'git'), 'git')
    vla.backbone.pixels.scale.zero_()
    with pytest.raises(ConfigError, match='two pictures give the same latent'):
        train(vla, data, None, CONFIG, tmp_path / 'out')
    assert not (tmp_path / 'out/checkpoint').exists()
