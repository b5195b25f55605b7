# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Training of small pretrained models prints, stores and uses the result of the probe."""

from dataclasses import replace

import pytest
from random_episodes import random_episode
from small_families import FAMILIES, family_vla
from small_models import tiny_config
import torch

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import read_manifest
from irevla_policy.frames.dataset import Dataset
from irevla_policy.frames.frame_store import write_store
from irevla_policy.model.backbone import Backbone
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.train import train_from_bags
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


@pytest.mark.parametrize('dtype', ['bfloat16', 'float16'])
def test_all_weights_in_half_precision_are_not_trained(tmp_path, data, dtype):
    """Measured with bfloat16: five steps left 92.5 % of the weights as they were."""
    source = FAMILIES['git'].save(tmp_path / 'git')
    vla = family_vla(source, 'git', train='all', lora=None, dtype=dtype)
    with pytest.raises(ConfigError, match=f"backbone.dtype is '{dtype}'.*float32") as caught:
        train(vla, data, None, CONFIG, tmp_path / 'out')
    assert 'precision: bf16' in str(caught.value) and '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()
    # Stage 2 of the head alone: its weights are float32.
    vla.backbone.freeze()
    train(vla, data, None, CONFIG, tmp_path / 'head')


def test_all_weights_in_float32_learn_in_bfloat16_steps(tmp_path, data):
    """The remedy that the refusal names: autocast."""
    source = FAMILIES['git'].save(tmp_path / 'git')
    vla = family_vla(source, 'git', train='all', lora=None)
    before = {name: weight.clone() for name, weight in vla.backbone.named_parameters()}
    config = replace(CONFIG, steps=5, learning_rate=1e-4, precision='bf16', weight_decay=0.0)
    vla = load_checkpoint(train(vla, data, None, config, tmp_path / 'out').checkpoint)
    changed = torch.cat(
        [
            (weight != before[name]).flatten()
            for name, weight in vla.backbone.named_parameters()
            # Words that no instruction has stay as they are.
            if 'embed' not in name
        ]
    )
    assert changed.float().mean() > 0.9


def test_a_checkpoint_in_half_precision_is_refused_by_name_before_its_data_are_read(tmp_path):
    source = FAMILIES['git'].save(tmp_path / 'git')
    vla = family_vla(source, 'git', train='all', lora=None, dtype='bfloat16')
    save_checkpoint(tmp_path / 'policy', vla)
    with pytest.raises(ConfigError, match=f'checkpoint {tmp_path}/policy: backbone.dtype is'):
        train_from_bags([tmp_path / 'none'], tmp_path / 'out', CONFIG, init=tmp_path / 'policy')
    preset = vla.config
    with pytest.raises(ConfigError, match="backbone.dtype is 'bfloat16'"):
        train_from_bags([tmp_path / 'none'], tmp_path / 'out', CONFIG, preset=preset)
    preset = replace(preset, backbone=replace(tiny_config().backbone, dtype='float16'))
    with pytest.raises(ConfigError, match='a tiny backbone has float32 weights'):
        train_from_bags([tmp_path / 'none'], tmp_path / 'out', CONFIG, preset=preset)
