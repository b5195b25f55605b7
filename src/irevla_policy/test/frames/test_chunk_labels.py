# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The label of a frame is a chunk: its action and the next ones of the same episode."""

import numpy as np
import pytest
from random_episodes import random_episode

from irevla_policy.frames.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frames.frame_store import write_store


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    episodes = [random_episode(number, frames=3 + number) for number in range(3)]
    folder = tmp_path_factory.mktemp('frames') / 'store'
    return write_store(folder, episodes, ('corner', 'gripper'), 24)


def test_labels_end_with_their_episode(store):
    (batch,) = Dataset(store, [0, 2], chunk_size=4).batches(100)
    chunks = batch.actions.reshape(len(batch.states), 4, 7)
    rows = [store.episodes[0], store.episodes[2]]
    frames = [(row, frame) for row in rows for frame in range(row.start, row.stop)]
    for (row, frame), chunk, inside in zip(frames, chunks, batch.inside, strict=True):
        count = min(4, row.stop - frame)
        expected = store.actions[frame : frame + count].astype(np.float32)
        np.testing.assert_array_equal(chunk[:count], expected)
        assert inside.tolist() == [True] * count + [False] * (4 - count)


def test_a_chunk_of_one_is_the_action(store):
    (batch,) = Dataset(store).batches(100)
    np.testing.assert_array_equal(batch.actions, store.actions.astype(np.float32))
    assert batch.inside is None


def test_a_mixture_and_both_sides_of_a_split_have_chunks(store):
    training, validation = split_by_episode(store, 0.3, 0, chunk_size=3)
    mixture = Mixture([(training, 0.5), (validation, 0.5)])
    for source in (training, validation, mixture):
        batch = source.batch((0, 1), 8)
        assert batch.actions.shape == (8, 21)
        assert batch.inside.shape == (8, 3)
        assert batch.inside[:, 0].all()
