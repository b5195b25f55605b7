# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
from random_episodes import random_episode
from small_models import tiny_vla

from irevla_policy.frames.dataset import Dataset
from irevla_policy.frames.frame_store import write_store
from irevla_policy.training.relabelling import BATCH, relabelled

CAMERAS = ('corner', 'gripper')
POLICY, TELEOP = 1, 2


def test_only_actions_of_a_policy_are_relabelled_by_the_improved_policy(tmp_path):
    episodes = [
        replace(random_episode(0, 'press', frames=BATCH), sources=np.full(BATCH, POLICY)),
        replace(
            random_episode(1, 'open', frames=4), sources=np.array([POLICY, TELEOP, TELEOP, POLICY])
        ),
    ]
    store = write_store(tmp_path / 'store', episodes, CAMERAS, 24)
    vla = tiny_vla(cameras=CAMERAS)
    changed = relabelled(store, vla)
    human = np.zeros(len(store.actions), bool)
    human[[BATCH + 1, BATCH + 2]] = True
    np.testing.assert_array_equal(changed.actions[human], store.actions[human])
    for frame in (0, BATCH, BATCH + 3):
        expected = vla.step(
            dict(zip(CAMERAS, store.images[frame])),
            store.states[frame],
            'press the thing' if frame < BATCH else 'open the thing',
        ).action
        assert np.abs(expected - store.actions[frame]).max() > 1e-4
        np.testing.assert_allclose(changed.actions[frame], expected, atol=1e-5)


def test_other_labels_give_another_digest(tmp_path):
    episode = replace(random_episode(0), sources=np.full(6, POLICY))
    store = write_store(tmp_path / 'store', [episode], CAMERAS, 24)
    first, second = (relabelled(store, tiny_vla(cameras=CAMERAS, seed=seed)) for seed in (0, 1))
    assert len({Dataset(each).digest() for each in (store, first, second)}) == 3
    assert (
        Dataset(first).digest()
        == Dataset(relabelled(store, tiny_vla(cameras=CAMERAS, seed=0))).digest()
    )
