# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings become labelled episodes; unusable ones are left out and reported."""

from types import SimpleNamespace

from evaluated_run import record
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_learner.classifier import train
from irevla_learner.runs.evaluation import EpisodeResult

VLA = SimpleNamespace(config=SimpleNamespace(cameras=('front',)))


def recorded(root, number, older_ns=0, **result):
    record(
        root,
        EpisodeResult(
            episode_id=f'open-{number}',
            task='open',
            seed=number,
            **{
                'success': not result.get('aborted'),
                'aborted': False,
                'terminated': True,
                'truncated': False,
                'steps': 3,
                **result,
            },
        ),
        'open the door',
        {'front': np.zeros((3, 4, 4, 3), np.uint8)},
        older_ns,
    )


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch):
    monkeypatch.setattr(train, 'encode', lambda vla, observations: observations)


def test_incomplete_and_aborted_episodes_are_left_out_and_named(tmp_path, capsys):
    recorded(tmp_path, 0)
    recorded(tmp_path, 1, aborted=True)
    recorded(tmp_path, 2, older_ns=7_000_000)
    assert len(list(train.labelled_episodes(VLA, [tmp_path]))) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f'used 1 of 3 episodes, because 1 aborted ({tmp_path / "open-1"}); 1 without a complete '
        'observation, camera front is 7.0 ms older than the observation; max_skew_s is 0 s '
        f'({tmp_path / "open-2"})'
    )
    assert len(list(train.labelled_episodes(VLA, [tmp_path], max_skew_s=0.007))) == 2


def test_without_a_usable_episode_the_error_gives_the_reason(tmp_path):
    recorded(tmp_path, 0, aborted=True)
    (tmp_path / 'notes').mkdir()
    with pytest.raises(ConfigError, match='used 0 of 1 episodes, because 1 aborted .*not counted'):
        list(train.labelled_episodes(VLA, [tmp_path]))
