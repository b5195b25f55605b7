# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields
import json
from pathlib import Path
import threading

import pytest
import yaml

from irevla_control.checks.durability import durable_replaces
from irevla_control.errors import ConfigError
from irevla_policy.metrics_log import MetricsLog, read_metrics
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.prefetch import Prefetcher


def test_learning_rate_warms_up_then_falls_to_its_final_share():
    config = TrainConfig(
        steps=100, learning_rate=1.0, warmup_steps=10, final_learning_rate_share=0.1
    )
    rates = [config.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[10] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.1)


def test_settings_come_from_the_file_unless_overridden(tmp_path):
    path = tmp_path / 'settings.yaml'
    path.write_text('steps: 7\nbatch_size: 3\n')
    config = TrainConfig.load(path, {'steps': 9, 'seed': None})
    assert (config.steps, config.batch_size, config.seed) == (9, 3, 0)


def test_built_in_settings_are_those_of_the_shipped_file():
    path = Path(__file__).resolve().parents[4] / 'config/training/stage0.yaml'
    assert TrainConfig.load(path) == TrainConfig()
    assert set(yaml.safe_load(path.read_text())) == {entry.name for entry in fields(TrainConfig)}


@pytest.mark.parametrize(
    'text, message',
    [
        ('stepps: 7', 'settings.yaml:1: unknown key stepps; known are .*steps'),
        ('steps: 0', 'settings.yaml:1: steps is 0; a whole number of 1 or more is needed'),
        ('learning_rate: fast', "learning_rate is 'fast'"),
        ('precision: int4', "precision is 'int4'; use no or bf16"),
        ('[1, 2]', 'name: value'),
        ('a: [', 'settings.yaml'),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(tmp_path, text, message):
    path = tmp_path / 'settings.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        TrainConfig.load(path)


def test_prefetcher_gives_all_batches_in_order_from_another_thread():
    threads = set()

    def make(step):
        threads.add(threading.current_thread().name)
        return step * step

    assert list(Prefetcher(make, range(3, 9))) == [(step, step * step) for step in range(3, 9)]
    assert threads and threading.main_thread().name not in threads


def test_prefetcher_makes_the_next_batch_during_use_of_the_current_one():
    made = threading.Event()

    def make(step):
        if step == 1:
            made.set()
        return step

    batches = iter(Prefetcher(make, range(3)))
    assert next(batches) == (0, 0)
    assert made.wait(10)


def test_prefetcher_raises_errors_in_the_reader():
    def make(step):
        raise OSError('disk gone')

    with pytest.raises(OSError, match='disk gone'):
        list(Prefetcher(make, range(2)))


def test_the_log_removes_rows_after_the_step_from_which_it_continues(tmp_path):
    log = MetricsLog(tmp_path, 0)
    for step in (10, 20, 30):
        log.add(step, loss=1 / step)
    log.close()
    with (tmp_path / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 40, "lo')
    with durable_replaces(tmp_path / 'metrics.jsonl'):
        log = MetricsLog(tmp_path, 20)
    log.add(30, loss=0.5)
    log.draw()
    log.close()
    assert [row['step'] for row in read_metrics(tmp_path)] == [10, 20, 30]
    assert json.loads((tmp_path / 'metrics.jsonl').read_text().splitlines()[-1])['loss'] == 0.5
    assert (tmp_path / 'loss.png').stat().st_size > 1000
