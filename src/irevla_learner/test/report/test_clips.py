# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags are found anywhere below a folder, among any other files."""

from evaluated_run import record
import numpy as np

from irevla_learner.report.clips import clips
from irevla_learner.runs.evaluation import EpisodeResult


def test_a_file_that_macos_writes_beside_a_bag_is_ignored(tmp_path):
    results = [
        EpisodeResult('push', seed, True, 3, True, False, False, episode_id=f'push_{seed}')
        for seed in range(2)
    ]
    record(tmp_path / 'bags', results[0], 'push', {'front': np.zeros((3, 16, 16, 3), np.uint8)})
    for folder in ('bags/push_0', 'push_1'):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / '._push_0.mcap').write_bytes(b'\0\x05\x16\x07' + bytes(100))
    problems = []
    assert [result.episode_id for result, _ in clips(results, tmp_path, problems)] == ['push_0']
    assert problems == [f'episode push_1 (push) has no bag in {tmp_path}']
