# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import shutil

import numpy as np
import pytest
from random_episodes import random_episode
from recorded_episodes import record

from irevla_control.errors import BagError, ConfigError
from irevla_policy.bag_frames import load_frames

CAMERAS = ('corner', 'gripper')


def test_frames_are_those_recorded(tmp_path):
    episodes = [random_episode(number) for number in range(2)]
    for episode in episodes:
        record(tmp_path, episode)
    store = load_frames([tmp_path], CAMERAS, 24)
    assert [row.episode_id for row in store.episodes] == [e.episode_id for e in episodes]
    np.testing.assert_array_equal(
        store.images[:, 1], np.concatenate([episode.images['gripper'] for episode in episodes]))
    np.testing.assert_array_equal(store.actions,
                                  np.concatenate([episode.labels for episode in episodes]))
    np.testing.assert_array_equal(
        store.states[:, :3], np.concatenate([episode.states[:, :3] for episode in episodes]))


def test_second_call_decodes_nothing(tmp_path):
    bag = record(tmp_path, random_episode(0))
    first = load_frames([tmp_path], CAMERAS, 24)
    size = (bag / f'{bag.name}_0.mcap').stat().st_size
    # Damaged where only decoding looks: the index reads just the end.
    with (bag / f'{bag.name}_0.mcap').open('r+b') as file:
        file.write(bytes(size // 2))
    again = load_frames([tmp_path], CAMERAS, 24)
    np.testing.assert_array_equal(first.images, again.images)
    with pytest.raises(BagError, match=bag.name):
        load_frames([tmp_path], CAMERAS, 12)


def test_new_episode_is_seen_and_the_old_cache_removed(tmp_path):
    record(tmp_path, random_episode(0))
    load_frames([tmp_path], CAMERAS, 24)
    record(tmp_path, random_episode(1))
    assert len(load_frames([tmp_path], CAMERAS, 24).episodes) == 2
    assert len(list((tmp_path / '.frames').iterdir())) == 1


def test_each_size_and_camera_list_has_its_own_frames(tmp_path):
    record(tmp_path, random_episode(0))
    assert load_frames([tmp_path], CAMERAS, 12).images.shape[1:4] == (2, 12, 12)
    assert load_frames([tmp_path], CAMERAS[:1], 12).images.shape[1:4] == (1, 12, 12)
    assert load_frames([tmp_path], CAMERAS, 24).images.shape[1:4] == (2, 24, 24)


def test_only_successes_unless_asked_and_never_aborted_ones(tmp_path):
    record(tmp_path, random_episode(0))
    record(tmp_path, replace(random_episode(1), success=False))
    record(tmp_path, replace(random_episode(2), aborted=True))
    assert len(load_frames([tmp_path], CAMERAS, 24).episodes) == 1
    assert len(load_frames([tmp_path], CAMERAS, 24, include_failures=True).episodes) == 2


def test_nothing_usable_is_refused(tmp_path):
    record(tmp_path, replace(random_episode(0), success=False))
    with pytest.raises(ConfigError, match='1 recorded episodes, none of them usable'):
        load_frames([tmp_path], CAMERAS, 24)
    with pytest.raises(BagError, match='is not a folder'):
        load_frames([tmp_path / 'nowhere'], CAMERAS, 24)


def test_camera_that_was_not_recorded_is_refused(tmp_path):
    record(tmp_path, random_episode(0))
    with pytest.raises(BagError, match='camera/wrist/image_raw'):
        load_frames([tmp_path], ('wrist',), 24)


def test_cache_broken_off_by_a_kill_is_built_anew(tmp_path):
    record(tmp_path, random_episode(0))
    load_frames([tmp_path], CAMERAS, 24)
    (folder,) = (tmp_path / '.frames').iterdir()
    shutil.move(folder, folder.with_name(f'.{folder.name}.killed'))
    assert len(load_frames([tmp_path], CAMERAS, 24).episodes) == 1


def test_episodes_of_several_roots_join(tmp_path):
    for number in range(2):
        record(tmp_path / f'worker{number}', random_episode(number))
    store = load_frames([tmp_path / 'worker0', tmp_path / 'worker1'], CAMERAS, 24)
    assert [row.episode_id for row in store.episodes] == ['push_000', 'push_001']
    assert not (tmp_path / 'worker1' / '.frames').exists()
