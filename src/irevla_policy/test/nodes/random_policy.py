# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy of random weights, for tests of the vla node."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

PRESET = load_preset(Path(__file__).resolve().parents[4] / 'config/presets/tiny.yaml')


def save_random_policy(folder, chunk_size=1):
    """Write a checkpoint of the tiny preset into the folder; return its path."""
    random = np.random.default_rng(0)
    actions = random.uniform(-0.04, 0.04, (50, 7))
    actions[:, 6] = random.uniform(0, 1, 50)
    vla = VLA(
        replace(PRESET, head=replace(PRESET.head, chunk_size=chunk_size)),
        Statistics.from_data(random.normal(size=(50, 10)), actions),
        instructions=['press the button'],
    )
    save_checkpoint(folder / 'checkpoint', vla, {})
    return folder / 'checkpoint'
