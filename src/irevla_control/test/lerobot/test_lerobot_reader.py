# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Datasets that are damaged, of another version, or of another program."""

import shutil

from lerobot_changes import change_info
from lerobot_episodes import random_episode, write
import numpy as np
from played_episode import CAMERAS, SECOND
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irevla_control.errors import BagError
from irevla_control.lerobot.reader import is_lerobot, read_lerobot


@pytest.fixture
def dataset(tmp_path):
    """Two episodes to damage, of 5 and 3 frames; the first succeeded."""
    folder = tmp_path / 'dataset'
    write(
        folder,
        [
            random_episode(5, seed=1),
            random_episode(3, seed=2, task='push', instruction='push the puck'),
        ],
    )
    return folder


def test_another_version_is_refused(dataset):
    change_info(dataset, lambda info: info.update(codebase_version='v2.1'))
    assert is_lerobot(dataset) and not is_lerobot(dataset / 'meta')
    with pytest.raises(BagError, match='dataset of version v2.1; v3.0 is needed'):
        next(read_lerobot(dataset, CAMERAS))


def test_missing_camera_is_named_with_the_existing_cameras(dataset):
    with pytest.raises(BagError, match='no video of camera wrist; it has corner, gripper'):
        next(read_lerobot(dataset, ['wrist']))


def test_state_of_another_robot_is_refused_with_its_shape(dataset):
    change_info(dataset, lambda info: info['features']['observation.state'].update(shape=[14]))
    with pytest.raises(BagError, match=r"'observation.state': \[14\].*of shape \[10\] is needed"):
        next(read_lerobot(dataset, CAMERAS))


@pytest.mark.parametrize(
    'name',
    [
        'meta/info.json',
        'meta/episodes/chunk-000/file-000.parquet',
        'data/chunk-000/file-000.parquet',
        'videos/observation.images.gripper/chunk-000/file-000.mp4',
    ],
)
@pytest.mark.parametrize('left', [0, 0.5, 0.9, None])
def test_a_file_cut_off_or_missing_is_named(dataset, name, left):
    file = dataset / name
    content = file.read_bytes()
    file.unlink()
    if left is not None:
        file.write_bytes(content[: int(left * len(content))])
    with pytest.raises(BagError, match=name.partition('/chunk')[0]):
        list(read_lerobot(dataset, CAMERAS))


def test_a_video_with_too_few_frames_is_refused(dataset, tmp_path):
    other = tmp_path / 'other'
    write(other, [random_episode(7)])
    video = 'videos/observation.images.corner/chunk-000/file-000.mp4'
    shutil.copy(other / video, dataset / video)
    episodes = read_lerobot(dataset, ['corner'])
    next(episodes)
    with pytest.raises(BagError, match=f'{video}: .*2 of 3 frames'):
        next(episodes)


def test_frames_at_other_times_are_refused(dataset, tmp_path):
    other = tmp_path / 'other'
    write(other, [random_episode(40)], fps=15)
    video = 'videos/observation.images.corner/chunk-000/file-000.mp4'
    shutil.copy(other / video, dataset / video)
    with pytest.raises(BagError, match=f'{video}: .* of 5 frames'):
        next(read_lerobot(dataset, ['corner']))


def test_wrong_number_of_rows_is_refused(dataset, tmp_path):
    other = tmp_path / 'other'
    write(other, [random_episode(7)])
    data = 'data/chunk-000/file-000.parquet'
    shutil.copy(other / data, dataset / data)
    with pytest.raises(BagError, match=f'{data}: .*7 of 5 rows of episode 0'):
        next(read_lerobot(dataset, []))


def test_changed_byte_in_the_rows_is_refused(dataset):
    file = dataset / 'data/chunk-000/file-000.parquet'
    content = bytearray(file.read_bytes())
    state = np.float32(next(read_lerobot(dataset, [])).states[2]).tobytes()
    content[content.index(state)] ^= 1
    file.write_bytes(content)
    with pytest.raises(BagError, match='checksum'):
        next(read_lerobot(dataset, []))


def test_values_that_are_not_finite_are_refused(tmp_path):
    episode = random_episode(3)
    episode.labels[1, 2] = np.nan
    write(tmp_path / 'set', [episode])
    with pytest.raises(BagError, match='file-000.parquet: .*not finite'):
        next(read_lerobot(tmp_path / 'set', CAMERAS))


def test_a_dataset_of_another_program_has_defaults(dataset):
    file = dataset / 'meta/episodes/chunk-000/file-000.parquet'
    table = pq.read_table(file)
    pq.write_table(
        table.select([name for name in table.column_names if not name.startswith('irevla/')]), file
    )
    data = dataset / 'data/chunk-000/file-000.parquet'
    own = ['ros_stamp_ns', 'source', 'intervention', 'next.reward']
    table = pq.read_table(data)
    # All rows are in one row group, and column label has another meaning.
    pq.write_table(
        table.drop(own).set_column(
            table.column_names.index('label'), 'label', pa.array(['good'] * 8)
        ),
        data,
    )
    change_info(dataset, lambda info: [info['features'].pop(name) for name in own])
    original = next(read_lerobot(dataset, CAMERAS))
    episode = list(read_lerobot(dataset, CAMERAS))[1]
    assert (episode.episode_id, episode.task, episode.seed) == ('dataset_1', 'push the puck', -1)
    assert original.success and not episode.success
    np.testing.assert_array_equal(episode.labels, episode.actions)
    np.testing.assert_array_equal(episode.stamps, [0, SECOND // 10, SECOND // 5])
    np.testing.assert_array_equal(episode.sources, [0, 0, 0])
    assert np.isnan(episode.rewards).all() and len(episode.images['corner']) == 3
