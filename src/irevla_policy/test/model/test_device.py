# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A missing device is refused in one line."""

import pytest
import torch

from irevla_control.errors import ConfigError
from irevla_policy.model.device import best_device, usable_device


def test_a_missing_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ConfigError, match='device is cuda, but torch sees no GPU; use cpu'):
        usable_device('cuda')
    assert usable_device('cpu').type == 'cpu' and usable_device('auto') == best_device()
