# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 2 takes missing settings from stage 0, which the checkpoint records."""

import json

import pytest
from random_episodes import random_episode
from recorded_episodes import record
import yaml

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import MANIFEST, read_manifest
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy, save_latent_policy
from irevla_policy.checkpoints.stage0 import with_stage0
from irevla_policy.metrics_log import read_metrics
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.stage0 import stage0_settings
from irevla_policy.training.train import main

PRESET = {
    'cameras': ['corner', 'gripper'],
    'image_size': 24,
    'backbone': {
        'kind': 'tiny',
        'tiny': {'width': 16, 'attention_heads': 2, 'queries': 2, 'text_layers': 1},
    },
    'head': {'hidden': [16]},
}
STAGE0 = {
    'steps': 3,
    'batch_size': 4,
    'weight_decay': 0.05,
    'precision': 'bf16',
    'threads': 1,
    'log_every': 1,
    'seed': 5,
}


@pytest.fixture
def trained(tmp_path):
    """Return a function that trains a stage: its name, its settings, its first checkpoint."""
    for number in range(2):
        record(tmp_path / 'data', random_episode(number))
    (tmp_path / 'preset.yaml').write_text(yaml.safe_dump(PRESET))

    def train(name, settings, init=None):
        (tmp_path / f'{name}.yaml').write_text(yaml.safe_dump(settings))
        start = ['--init', str(init)] if init else ['--preset', f'{tmp_path}/preset.yaml']
        main(
            [
                '--data',
                f'{tmp_path}/data',
                '--config',
                f'{tmp_path}/{name}.yaml',
                '--output',
                f'{tmp_path}/{name}',
                *start,
            ]
        )
        return tmp_path / name / 'checkpoint'

    return train


def training(checkpoint):
    return read_manifest(checkpoint)['extra']['training']


def test_missing_settings_of_stage_2_are_those_of_stage_0(trained):
    stage0 = trained('stage0', STAGE0)
    stage2 = trained('stage2', {'steps': 2, 'learning_rate': 0.0003}, stage0)
    assert training(stage0) == training(stage0) | STAGE0
    assert training(stage2) == training(stage0) | {'steps': 2, 'learning_rate': 0.0003}
    # A second stage 2 takes the settings of stage 0, not of the first stage 2.
    assert training(trained('again', {}, stage2)) == training(stage0)


@pytest.mark.parametrize('first, second', [('bf16', 'no'), ('no', 'bf16')])
def test_each_stage_has_the_precision_of_its_settings(trained, first, second):
    stage0 = trained('stage0', STAGE0 | {'precision': first})
    losses = {}
    for precision in (second, first):
        checkpoint = trained(precision, {'precision': precision}, stage0)
        assert training(checkpoint)['precision'] == precision
        losses[precision] = read_metrics(checkpoint.parent)[0]['loss']
    assert losses['no'] != losses['bf16']
    assert losses['no'] == pytest.approx(losses['bf16'], rel=0.05), 'more than rounding'


def test_stage_1_keeps_the_record_of_stage_0(trained, tmp_path):
    stage0 = trained('stage0', STAGE0)
    save_latent_policy(tmp_path / 'graph', stage0, load_latent_policy(stage0), {'stage1': 1})
    save_checkpoint(
        tmp_path / 'process', load_checkpoint(stage0), with_stage0({'stage1': 1}, stage0)
    )
    for checkpoint in (tmp_path / 'graph', tmp_path / 'process'):
        assert read_manifest(checkpoint)['extra']['stage1'] == 1
        assert stage0_settings(checkpoint) == TrainConfig(**STAGE0)
    assert training(trained('stage2', {'steps': 2}, tmp_path / 'graph')) == training(stage0) | {
        'steps': 2
    }


def test_without_a_record_of_stage_0_the_built_in_settings_are_used(trained, tmp_path, capsys):
    stage0 = trained('stage0', STAGE0)
    save_checkpoint(tmp_path / 'bare', load_checkpoint(stage0))
    assert stage0_settings(tmp_path / 'bare') is None
    capsys.readouterr()
    stage2 = trained('stage2', {'steps': 2}, tmp_path / 'bare')
    assert (
        capsys.readouterr().out.count(
            f'checkpoint {tmp_path}/bare records no settings of stage 0: the built-in ones'
        )
        == 1
    )
    assert TrainConfig(**training(stage2)) == TrainConfig(steps=2)
    # The settings of stage 2 are not recorded as those of stage 0.
    assert stage0_settings(stage2) is None


def test_a_record_with_the_old_names_is_read(trained):
    stage0 = trained('stage0', STAGE0 | {'ema': 0.01})
    manifest = json.loads((stage0 / MANIFEST).read_text())
    del manifest['extra']['training']['ema']
    manifest['extra']['training']['ema_decay'] = 0.99
    (stage0 / MANIFEST).write_text(json.dumps(manifest))
    assert stage0_settings(stage0) == TrainConfig(**STAGE0, ema=0.01)


def test_a_record_with_an_unknown_value_is_refused_by_name(trained):
    stage0 = trained('stage0', STAGE0)
    manifest = json.loads((stage0 / MANIFEST).read_text())
    manifest['extra']['stage0']['precision'] = 'fp8'
    (stage0 / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match=r"stage0/checkpoint .*precision is 'fp8'; use no or"):
        trained('stage2', {'steps': 2}, stage0)


def test_bf16_is_refused_on_a_device_without_it(trained, monkeypatch):
    monkeypatch.setattr('irevla_policy.training.trainer.is_bf16_available', lambda: False)
    with pytest.raises(ConfigError, match="precision is bf16; this machine's device .*use 'no'"):
        trained('stage0', STAGE0)
