# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A setting under its old name is refused with the new line; its value stays the same."""

from pathlib import Path

import pytest
import yaml

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.config import load_config
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.sacfd.config import SACfDConfig
from irevla_policy.renamed_settings import RENAMED, with_new_names
from irevla_policy.training.config import TrainConfig

CONFIG = Path(__file__).resolve().parents[3] / 'config'
SHIPPED = {
    SACfDConfig: 'learning/sacfd.yaml',
    PPOConfig: 'learning/ppo.yaml',
    TrainConfig: 'training/stage0.yaml',
}
# The shipped values before the names changed.
BEFORE = {
    SACfDConfig: {
        'decisions': 8000,
        'window': 20,
        'components': 128,
        'cloning': 1.0,
        'critics': 2,
        'averaging': 0.01,
        'polyak': 0.01,
    },
    PPOConfig: {'decisions': 30000, 'window': 60},
    TrainConfig: {'ema_decay': 0.999},
}
OLD = [(kind, old, value) for kind, values in BEFORE.items() for old, value in values.items()]


@pytest.mark.parametrize('kind, old, value', OLD)
def test_an_old_name_is_refused_with_the_new_line(kind, old, value, tmp_path):
    file = tmp_path / 'settings.yaml'
    file.write_text(f'tensorboard: false\n{old}: {value}\n')
    with pytest.raises(ConfigError) as caught:
        kind.load(file)
    words = str(caught.value)
    assert f'settings.yaml:2: unknown key {old}; {old} is now {RENAMED[old]}' in words
    # The line that the message suggests is accepted and gives the same settings.
    line = words.partition('write ')[2]
    file.write_text(line)
    assert kind.load(file) == kind(**with_new_names({old: value})) == kind()


@pytest.mark.parametrize('kind', BEFORE)
def test_the_shipped_values_equal_those_under_the_old_names(kind):
    shipped = yaml.safe_load((CONFIG / SHIPPED[kind]).read_text())
    new = with_new_names(BEFORE[kind])
    assert {name: shipped[name] for name in new} == new
    assert kind.load(CONFIG / SHIPPED[kind]) == kind()


def test_the_ema_of_stage_2_equals_its_old_ema_decay():
    shipped = yaml.safe_load((CONFIG / 'training/stage2.yaml').read_text())
    assert shipped['ema'] == with_new_names({'ema_decay': 0.99})['ema'] == 0.01


def test_every_old_name_is_covered():
    assert set(RENAMED) == {old for _, old, _ in OLD} | {'copies', 'improvement'}


def test_algorithm_1_names_the_new_key(tmp_path):
    text = (CONFIG / 'algorithm1.yaml').read_text()
    for folder in ('learning', 'training'):
        text = text.replace(f'{folder}/', f'{CONFIG}/{folder}/')
    file = tmp_path / 'algorithm1.yaml'
    file.write_text(text.replace('num_envs:', 'copies:'))
    with pytest.raises(ConfigError, match='copies is now num_envs: write num_envs: 2'):
        load_config(file)


def test_the_old_name_of_the_shipped_file_gives_the_new_name():
    with pytest.raises(ConfigError, match=r'improve\.yaml is now algorithm1\.yaml$'):
        load_config(CONFIG / 'improve.yaml')


def test_an_unknown_name_gives_the_list_of_names(tmp_path):
    file = tmp_path / 'settings.yaml'
    file.write_text('copies: 3\n')
    with pytest.raises(ConfigError, match='unknown key copies; known are'):
        SACfDConfig.load(file)


def test_old_names_at_any_depth_of_a_record_are_translated():
    assert with_new_names(
        {'settings': {'polyak': 0.02, 'std': 1}, 'all': [{'ema_decay': 0.9}]}
    ) == {'settings': {'target_tau': 0.02, 'std': 1}, 'all': [{'ema': 0.1}]}
    new = {'ema': 0.1, 'num_envs': 2}
    assert with_new_names(new) == new
