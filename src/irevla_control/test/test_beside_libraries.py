# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The programs of benchmarks/libraries run, and the reasons in docs/benchmarks.md still hold."""

import os
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / 'benchmarks'


@pytest.fixture(autouse=True)
def in_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv(
        'PYTHONPATH',
        os.pathsep.join(filter(None, (str(BENCHMARKS), os.environ.get('PYTHONPATH')))),
    )


@pytest.mark.parametrize('name, too_many', [('ours', 0), ('mcap.Writer', 1)])
def test_only_our_writer_counts_what_it_wrote_to_a_full_disk(tmp_path, name, too_many):
    from libraries import mcap_writers

    found = mcap_writers.after_full_disk(name, tmp_path)
    assert found['says'] - found['holds'] == too_many
    assert found['holds'] > 100


def test_a_killed_writer_loses_nothing_that_it_wrote(tmp_path, monkeypatch):
    from libraries import mcap_writers

    monkeypatch.setattr(mcap_writers, 'KILLS', 1)
    assert mcap_writers.lost_by_kills('ours', tmp_path) == 0


def test_only_ours_runs_guard_conditions():
    from libraries import node_starts

    if 'events' not in node_starts.EXECUTORS:
        pytest.skip('rclpy has no EventsExecutor')
    found = {kind: node_starts.starts(kind, 2, all_events=False) for kind in ('ours', 'events')}
    assert [(each['starts'] >= 2, each['hangs']) for each in found.values()] == [(True, 0)] * 2
    assert found['ours']['guards'] > 0 == found['events']['guards']
