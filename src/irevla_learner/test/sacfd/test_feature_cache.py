# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Features on disk are used again only for the same observations, computed by the same."""

import os

from latent_episodes import episode, open_replay
import numpy as np
import pytest

from irevla_learner.sacfd.feature_cache import ROWS, STATE, FeatureCache


def computed(replay, digest='same', size=3):
    """Open the cache and compute what is missing; return these spans' first rows."""
    cache = FeatureCache(replay, size, digest)
    missing = cache.missing()
    for span in missing:
        cache.rows[span] = replay.proprioception(span)[:, :1]
        cache.commit(span)
    for span in replay.spans:
        np.testing.assert_array_equal(cache.rows[span][:, 2], replay.proprioception(span)[:, 0])
    return [span.start for span in missing]


def test_what_is_there_is_not_computed_again(tmp_path):
    replay = open_replay(tmp_path, capacity=20)
    spans = [replay.add(episode(4, seed)) for seed in range(2)]
    assert computed(replay) == [span.start for span in spans]
    assert computed(open_replay(tmp_path, capacity=20)) == []
    newest = replay.add(episode(4, 2))
    assert computed(replay) == [newest.start]


def test_rows_that_hold_another_episode_are_computed_again(tmp_path):
    replay = open_replay(tmp_path, capacity=10)
    for seed in range(2):
        replay.add(episode(4, seed))
    computed(replay)
    # Of the same length, at the same place.
    assert replay.add(episode(4, 2)) == slice(0, 5)
    assert computed(replay) == [0]


@pytest.mark.parametrize(
    'damage',
    [
        lambda folder: (folder / STATE).unlink(),
        lambda folder: (folder / ROWS).unlink(),
        lambda folder: (folder / STATE).write_text('{"identity"'),
        lambda folder: (folder / STATE).write_text('[]'),
        lambda folder: os.truncate(folder / ROWS, 8),
    ],
)
def test_what_is_damaged_is_computed_again(tmp_path, damage):
    replay = open_replay(tmp_path, capacity=10)
    replay.add(episode(4))
    computed(replay)
    damage(tmp_path)
    assert computed(replay) == [0]


def test_features_of_another_head_are_computed_again(tmp_path):
    replay = open_replay(tmp_path, capacity=10)
    replay.add(episode(4))
    for _ in range(2):
        assert computed(replay) == [0]
        assert computed(replay, digest='other') == [0]
        assert computed(replay, digest='other', size=4) == [0]
