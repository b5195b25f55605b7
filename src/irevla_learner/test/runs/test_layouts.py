# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs of different seeds train on different layouts, and on none of the evaluation's."""

import pytest

from irevla_control.errors import ConfigError
from irevla_learner.runs.layouts import LABELLED, PER_RUN, first_layout


def test_runs_share_no_layout():
    firsts = [first_layout(seed, 3_000_000) for seed in range(30)]
    assert {second - first for first, second in zip(firsts, firsts[1:])} == {PER_RUN}
    assert firsts[0] == 0 and firsts[-1] + PER_RUN <= 3_000_000 and 0 < LABELLED < PER_RUN


@pytest.mark.parametrize('seed', [-1, 30])
def test_a_seed_whose_layouts_belong_to_the_evaluation_is_refused(seed):
    with pytest.raises(ConfigError, match='use a seed from 0 to 29'):
        first_layout(seed, 3_000_000)
