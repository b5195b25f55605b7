# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
import os

import numpy as np
import pytest
from random_episodes import random_episode

from irevla_control.checks.durability import durable_replaces
from irevla_control.errors import ConfigError
from irevla_policy.frames.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frames.frame_store import FrameStore, remove_abandoned, write_store

CAMERAS = ('corner', 'gripper')


@pytest.fixture
def store(tmp_path):
    episodes = [
        random_episode(n, task, frames=4 + n)
        for n, task in enumerate(['push', 'pull', 'push', 'pull', 'push'])
    ]
    return write_store(tmp_path / 'store', episodes, CAMERAS, 24)


def test_store_contains_every_frame_of_every_episode(tmp_path):
    episodes = [random_episode(n, frames=3 + n) for n in range(3)]
    with durable_replaces(tmp_path / 'store'):
        write_store(tmp_path / 'store', iter(episodes), CAMERAS, 24)
    assert 'lock' not in [path.name for path in (tmp_path / 'store').iterdir()]
    store = FrameStore.open(tmp_path / 'store')
    assert isinstance(store.images, np.memmap)
    for episode, row in zip(episodes, store.episodes):
        inside = slice(row.start, row.stop)
        for index, camera in enumerate(CAMERAS):
            np.testing.assert_array_equal(store.images[inside, index], episode.images[camera])
        np.testing.assert_array_equal(store.states[inside], episode.states)
        np.testing.assert_array_equal(store.actions[inside], episode.labels)
        assert row.instruction == episode.instruction


def test_the_store_has_the_policy_s_order_of_cameras(tmp_path):
    episode = random_episode(0)
    store = write_store(tmp_path / 'store', [episode], ('gripper', 'corner'), 24)
    np.testing.assert_array_equal(store.images[:, 0], episode.images['gripper'])


def test_images_of_another_size_are_resized(tmp_path):
    episode = random_episode(0, size=48)
    episode.images['corner'][:] = 77
    store = write_store(tmp_path / 'store', [episode], CAMERAS, 24)
    assert store.images.shape == (6, 2, 24, 24, 3)
    assert (store.images[:, 0] == 77).all()
    assert store.images[:, 1].std() > 10


def test_a_failed_write_leaves_no_file(tmp_path):
    def episodes():
        yield random_episode(0)
        raise ValueError('broken bag')

    with pytest.raises(ValueError, match='broken bag'):
        write_store(tmp_path / 'store', episodes(), CAMERAS, 24)
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_store_is_not_removed_as_abandoned(tmp_path, monkeypatch):
    def replace_as_another_process_starts(source, target):
        remove_abandoned(tmp_path)
        really_replace(source, target)

    really_replace = os.replace
    monkeypatch.setattr(os, 'replace', replace_as_another_process_starts)
    write_store(tmp_path / 'store', [random_episode(0)], CAMERAS, 24)
    assert len(FrameStore.open(tmp_path / 'store').episodes) == 1


def test_unknown_camera_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match='no camera wrist; it has corner, gripper'):
        write_store(tmp_path / 'store', [random_episode(0)], ('wrist',), 24)


def test_store_without_frames_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='no frames'):
        write_store(tmp_path / 'store', [], CAMERAS, 24)


def test_batch_depends_on_seed_and_step_only(store):
    dataset = Dataset(store)
    first, again, other = (dataset.batch(seed, 16) for seed in ((0, 7), (0, 7), (0, 8)))
    np.testing.assert_array_equal(first.images, again.images)
    assert first.instructions == again.instructions
    assert not np.array_equal(first.actions, other.actions)


def test_each_row_of_a_batch_is_one_frame(store):
    batch = Dataset(store).batch((1,), 32)
    for image, state, action, text in zip(
        batch.images, batch.states, batch.actions, batch.instructions
    ):
        frame = int(np.flatnonzero((store.states.astype(np.float32) == state).all(1))[0])
        np.testing.assert_array_equal(image, store.images[frame])
        np.testing.assert_array_equal(action, store.actions[frame].astype(np.float32))
        episode = next(row for row in store.episodes if row.start <= frame < row.stop)
        assert text == episode.instruction


def test_both_sides_of_a_split_have_all_tasks_and_no_common_episode(store):
    training, validation = split_by_episode(store, 0.3, seed=0)
    assert not set(training.episodes) & set(validation.episodes)
    assert len(training) + len(validation) == len(store.states)
    for part in (training, validation):
        assert part.instructions == ['pull the thing', 'push the thing']


def parts(number, tasks, frames=3):
    """Return the parts of an episode of several instructions, as a reader does."""
    name = f'recorded_{number}'
    return [
        replace(
            random_episode(number, task, frames=frames),
            part_of=name,
            episode_id=f'{name}_part{part}',
        )
        for part, task in enumerate(tasks)
    ]


@pytest.mark.parametrize('seed', range(4))
def test_parts_of_an_episode_stay_on_one_side_of_the_split(tmp_path, seed):
    episodes = [
        part
        for number in range(6)
        for part in parts(number, ['reach', 'lift', 'reach'] if number else ['reach'])
    ]
    store = write_store(tmp_path / 'store', [*episodes, random_episode(9, 'lift')], CAMERAS, 24)
    assert [len(rows) for rows in store.recordings] == [1, 3, 3, 3, 3, 3, 1]
    sides = split_by_episode(store, 0.3, seed=seed)
    training, validation = (
        {store.episodes[index].part_of for index in side.episodes} - {''} for side in sides
    )
    assert not training & validation
    # Six episodes have each task; an episode held out for one task counts for the other.
    assert len(validation) == 2 and len(sides[0]) + len(sides[1]) == len(store.states)


def test_a_split_of_parts_leaves_no_task_without_training(tmp_path):
    episodes = [
        *parts(0, ['reach', 'lift']),
        *parts(1, ['reach', 'push']),
        *parts(2, ['reach', 'push']),
    ]
    store = write_store(tmp_path / 'store', episodes, CAMERAS, 24)
    for seed in range(8):
        training, validation = split_by_episode(store, 0.9, seed=seed)
        assert training.instructions == ['lift the thing', 'push the thing', 'reach the thing']
        assert validation.instructions == ['push the thing', 'reach the thing']


def test_a_task_with_one_episode_is_used_for_training_only(tmp_path):
    store = write_store(tmp_path / 'store', [random_episode(0)], CAMERAS, 24)
    training, validation = split_by_episode(store, 0.5, seed=0)
    assert training.episodes == [0] and validation is None


def test_task_weights_set_how_often_a_task_is_drawn(store):
    batch = Dataset(store, task_weights={'push': 3, 'pull': 1}).batch((0,), 2000)
    share = batch.instructions.count('push the thing') / 2000
    assert 0.7 < share < 0.8


def test_weight_of_a_task_without_episodes_is_refused(store):
    with pytest.raises(ConfigError, match="task 'jump' .* pull, push"):
        Dataset(store, task_weights={'jump': 1})


def test_validation_batches_cover_each_frame_once(store):
    dataset = Dataset(store)
    states = np.concatenate([batch.states for batch in dataset.batches(5)])
    np.testing.assert_array_equal(states, store.states.astype(np.float32))
    assert sum(len(batch.states) for batch in dataset.batches(5, limit=7)) == 7


def test_a_mixture_draws_each_dataset_s_share(store):
    pull = Dataset(store, [1, 3])
    push = Dataset(store, [0, 2, 4])
    batch = Mixture([(pull, 0.65), (push, 0.35)]).batch((0, 1), 20)
    assert batch.instructions.count('push the thing') == 7
    assert batch.images.shape[0] == len(batch.states) == len(batch.instructions) == 20


def test_different_datasets_have_different_digests(store):
    digests = [
        Dataset(store).digest(),
        Dataset(store, [0, 1]).digest(),
        Dataset(store, task_weights={'push': 1, 'pull': 1}).digest(),
        Mixture([(Dataset(store), 1)]).digest(),
    ]
    assert len(set(digests)) == 4
    assert digests[0] == Dataset(store).digest()
