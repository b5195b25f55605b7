# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the full-size model, on a small model with the same files."""

import json
from pathlib import Path
import sys

import pytest

BENCHMARKS = Path(__file__).resolve().parents[4] / 'benchmarks'
SMALL = {'num_hidden_layers': 2, 'num_attention_heads': 2, 'hidden_size': 16}
SIZES = {
    'vision_config': SMALL | {'intermediate_size': 16, 'initializer_range': 0.02},
    'qformer_config': SMALL | {'intermediate_size': 16, 'encoder_hidden_size': 16},
    'text_config': SMALL
    | {'model_type': 'opt', 'ffn_dim': 24, 'word_embed_proj_dim': 16, 'vocab_size': 256},
}


@pytest.fixture
def full_size(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import full_size

    monkeypatch.setattr(full_size, 'SIZES', SIZES)
    return full_size


def test_every_figure_is_measured_and_written(full_size, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['full_size.py', '--output', str(tmp_path)])
    full_size.main()
    [path] = tmp_path.glob('full-size-*.json')
    found = json.loads(path.read_text())
    assert found['weights'] == 'random'
    # Two cameras, each with 32 queries and twelve tokens of text.
    assert found['latent']['shape'] == [2 * (32 + 12), 16]
    assert found['latent']['latency_ms']['p50'] > found['latent']['floor_bytes_ms'] > 0
    assert 0 < found['trained_parameters'] < found['parameters']
    assert [row['batch_size'] for row in found['stage2']] == list(full_size.BATCHES)
    for row in found['stage2']:
        assert row['samples_per_s'] > 0 and row['peak_gb'] > 0 and row['times_floor'] > 0


def test_the_floor_is_the_longer_of_memory_and_arithmetic_time(full_size):
    assert full_size.beside_floors(0.1, moved=8e9, done=2e12, bandwidth=4e11, rate=1e14) == {
        'floor_bytes_ms': 20,
        'floor_operations_ms': 20,
        'times_floor': 5,
    }
    assert full_size.beside_floors(0.1, moved=8e9, done=4e12, bandwidth=4e11, rate=1e14)[
        'times_floor'
    ] == pytest.approx(2.5)
