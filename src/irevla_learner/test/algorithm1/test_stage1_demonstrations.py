# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 encodes the demonstrations that stage 1 reads, and refuses those of no new task."""

from dataclasses import replace
from pathlib import Path

from demonstrations import record, tiny_vla
import pytest

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1 import stage1_demonstrations
from irevla_learner.algorithm1.config import load_config
from irevla_learner.algorithm1.stage1_demonstrations import (
    check_demonstrations,
    encode_for_stage1,
)
from irevla_learner.ppo.config import PPOConfig
from irevla_learner.replay.encoded_demonstrations import load_demonstrations
from irevla_learner.runs.task_groups import Tasks
from irevla_learner.sacfd.config import ANCHOR, DEMONSTRATIONS, SACfDConfig
from irevla_policy.checkpoints.checkpoint import load_frozen, save_checkpoint
from irevla_policy.settings import SettingError

CONFIG = Path(__file__).resolve().parents[4] / 'config'


@pytest.fixture
def config(tmp_path):
    """Return a configuration with two new tasks, and demonstrations of one of them."""
    for number in range(2):
        record(tmp_path / 'expert', number, task='close')
    record(tmp_path / 'new', 7, task='open')
    record(tmp_path / 'new', 8, task='close')
    shipped = load_config(CONFIG / 'algorithm1.yaml')
    return replace(
        shipped,
        tasks=Tasks(expert=('close',), rl=('open', 'push'), held_out=()),
        demonstration_bags=(tmp_path / 'new',),
    )


def encoded(tmp_path, config, task):
    folder, policy = tmp_path / task, tmp_path / 'policy'
    vla = tiny_vla()
    save_checkpoint(policy, vla)
    folder.mkdir(exist_ok=True)
    encode_for_stage1(config, task, policy, [tmp_path / 'expert'], folder)
    return {
        name: load_demonstrations(folder / name, vla.latent_policy)
        for name in (ANCHOR, DEMONSTRATIONS)
        if (folder / name).exists()
    }


def test_the_anchor_is_of_the_expert_tasks_and_the_demonstrations_of_the_new_task(
    tmp_path, config, capsys
):
    found = encoded(tmp_path, config, 'open')
    assert found[ANCHOR].tasks == ['close'] and len(found[ANCHOR]) == 2
    assert found[DEMONSTRATIONS].tasks == ['open'] and len(found[DEMONSTRATIONS]) == 1
    assert set(encoded(tmp_path, config, 'push')) == {ANCHOR}
    assert 'demonstration_bags have no demonstration of push' in capsys.readouterr().err


def test_the_vlm_is_loaded_only_if_something_must_be_encoded(tmp_path, config, monkeypatch):
    loads = []

    def load(checkpoint):
        loads.append(checkpoint)
        return load_frozen(checkpoint)

    monkeypatch.setattr(stage1_demonstrations, 'load_frozen', load)
    first = encoded(tmp_path, config, 'open')
    assert len(loads) == 1
    again = encoded(tmp_path, config, 'open')
    assert len(loads) == 1 and again.keys() == first.keys()
    (tmp_path / 'open' / ANCHOR).unlink()
    encoded(tmp_path, config, 'open')
    assert len(loads) == 2


def test_nothing_is_encoded_that_nothing_reads(tmp_path, config):
    settings = SACfDConfig(anchor_weight=0.0)
    assert set(encoded(tmp_path, replace(config, settings=settings), 'open')) == {DEMONSTRATIONS}
    without = replace(config, settings=settings, demonstration_bags=())
    assert encoded(tmp_path, without, 'push') == {}


def test_an_anchor_of_too_few_frames_names_its_setting(tmp_path, config):
    config = replace(config, settings=SACfDConfig(anchor_frames=1))
    with pytest.raises(ConfigError, match='anchor_frames'):
        encoded(tmp_path, config, 'open')


def test_demonstrations_of_no_new_task_are_refused(config):
    check_demonstrations(config)
    other = replace(config, tasks=replace(config.tasks, rl=('push',)))
    with pytest.raises(ConfigError, match='have close, open; none of the new tasks push'):
        check_demonstrations(other)


def test_demonstrations_with_ppo_are_refused(config):
    with pytest.raises(SettingError, match='demonstration_bags'):
        replace(config, algorithm='ppo', settings=PPOConfig())
