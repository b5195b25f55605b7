# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Datasets edited by LeRobot's tools give the same training data as before."""

from fractions import Fraction

import av
from lerobot_changes import (
    DATA,
    EPISODES,
    change_info,
    change_table,
    drop_own_columns,
    set_column,
)
from lerobot_episodes import random_episode, write
import numpy as np
from played_episode import CAMERAS
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irevla_control.errors import BagError
from irevla_control.lerobot.reader import LeRobotReader, read_lerobot


@pytest.fixture
def dataset(tmp_path):
    """A dataset of a success and a truncated failure."""
    folder = tmp_path / 'dataset'
    write(
        folder,
        [random_episode(5, seed=1, terminated=True), random_episode(4, seed=2, truncated=True)],
    )
    return folder


def test_labels_sources_and_stamps_are_kept_by_delete_and_split(dataset, capsys):
    before = list(read_lerobot(dataset, ['corner']))
    drop_own_columns(dataset)
    capsys.readouterr()
    # The dataset gets another path, since each text of a warning is printed once.
    after = list(read_lerobot(dataset.rename(dataset.with_name('edited')), ['corner']))
    for episode, original in zip(after, before):
        assert not np.array_equal(original.labels, original.actions)
        for name in ('labels', 'actions', 'sources', 'stamps', 'rewards'):
            np.testing.assert_array_equal(getattr(episode, name), getattr(original, name), name)
        for name in ('success', 'terminated', 'truncated'):
            assert getattr(episode, name) == getattr(original, name), name
    printed = capsys.readouterr().err
    assert 'labels from label, ' in printed and 'sources from source, ' in printed
    assert 'rewards from next.reward' in printed and 'stamps from ros_stamp_ns' in printed
    assert printed.endswith('; used 2 of 2 episodes\n')


@pytest.mark.parametrize(
    'change', [{'names': ['good'] * 7}, {'names': None}, {'dtype': 'float64'}]
)
def test_label_column_of_another_meaning_is_ignored_with_a_warning(dataset, change, capsys):
    change_info(dataset, lambda info: info['features']['label'].update(change))
    for episode in read_lerobot(dataset, []):
        np.testing.assert_array_equal(episode.labels, episode.actions)
        assert not episode.sources.any(), 'the source column may have another meaning too'
    printed = capsys.readouterr().err
    assert 'labels from action (its label is not what this suite exports)' in printed
    assert 'sources unknown' in printed


def test_actions_replace_missing_labels_with_a_warning(dataset, capsys):
    change_table(dataset / DATA, lambda table: table.drop(['label', 'next.success']))
    change_info(
        dataset, lambda info: [info['features'].pop(name) for name in ('label', 'next.success')]
    )
    drop_own_columns(dataset)
    assert [episode.success for episode in read_lerobot(dataset, [])] == [True, True]
    printed = capsys.readouterr().err
    assert 'labels from action (there is no label)' in printed and 'success assumed' in printed


def test_success_is_read_from_the_frames(dataset):
    # meta/episodes has no column about success, not even its statistics.
    change_table(
        dataset / EPISODES,
        lambda table: table.select(
            [
                name
                for name in table.column_names
                if not name.startswith('irevla/') and 'next.success' not in name
            ]
        ),
    )
    assert [episode.success for episode in read_lerobot(dataset, [])] == [True, False]


def test_values_that_one_of_two_merged_datasets_lacks_get_defaults(dataset):
    # pandas joins the tables of an edited and an unedited dataset in this way.
    def merge(table):
        for name in table.column_names:
            if name.startswith('irevla/'):
                values = table[name].to_pylist()[:1]
                number = isinstance(values[0], (int, float)) and not isinstance(values[0], bool)
                table = set_column(
                    table, name, [float(values[0]), float('nan')] if number else [values[0], None]
                )
        return table

    change_table(dataset / EPISODES, merge)
    first, second = read_lerobot(dataset, [])
    assert (first.episode_id, first.seed, first.success) == ('reach_1', 1, True)
    assert (second.episode_id, second.seed, second.success) == ('dataset_1', -1, False)
    assert (second.terminated, second.truncated, second.dropped) == (False, True, 0)


def give_tasks(dataset, indices, texts=('reach', 'grasp', 'lift')):
    change_table(dataset / DATA, lambda table: set_column(table, 'task_index', indices))
    change_table(
        dataset / 'meta/tasks.parquet',
        lambda table: pa.table({'task_index': range(len(texts)), 'task': texts}),
    )
    # LeRobot does not sort an episode's tasks.
    change_table(
        dataset / EPISODES,
        lambda table: set_column(
            table, 'tasks', [['lift', 'reach', 'grasp'], ['reach']][: len(table)]
        ),
    )


def test_each_frame_has_its_own_task(dataset, capsys):
    whole = list(read_lerobot(dataset, CAMERAS))
    give_tasks(dataset, [0, 0, 1, 2, 0, 0, 0, 0, 0])
    parts = list(read_lerobot(dataset, CAMERAS))
    assert [(part.instruction, len(part.stamps)) for part in parts] == [
        ('reach', 2),
        ('grasp', 1),
        ('lift', 1),
        ('reach', 1),
        ('reach', 4),
    ]
    assert [part.episode_id for part in parts] == [
        'reach_1_part0',
        'reach_1_part1',
        'reach_1_part2',
        'reach_1_part3',
        'reach_2',
    ]
    assert [part.success for part in parts] == [True] * 4 + [False]
    assert [part.terminated for part in parts] == [False] * 3 + [True, False]
    for name in ('stamps', 'states', 'labels', 'sources', 'rewards'):
        np.testing.assert_array_equal(
            np.concatenate([getattr(part, name) for part in parts]),
            np.concatenate([getattr(episode, name) for episode in whole]),
        )
    for camera in CAMERAS:
        np.testing.assert_array_equal(
            np.concatenate([part.images[camera] for part in parts]),
            np.concatenate([episode.images[camera] for episode in whole]),
        )
    assert '1 episodes have several tasks' in capsys.readouterr().err


def test_tasks_with_an_unnamed_pandas_index_are_read(dataset):
    file = dataset / 'meta/tasks.parquet'
    table = pq.read_table(file)
    about = table.schema.metadata[b'pandas'].replace(b'["task"]', b'["__index_level_0__"]')
    pq.write_table(
        table.rename_columns(['task_index', '__index_level_0__']).replace_schema_metadata(
            {b'pandas': about}
        ),
        file,
    )
    assert next(read_lerobot(dataset, [])).instruction == 'reach it'


def test_a_task_without_text_is_refused(dataset):
    give_tasks(dataset, [0] * 8 + [7])
    with pytest.raises(BagError, match=f'{DATA}: task_index is 7 in episode 1, but .* again'):
        LeRobotReader(dataset)


def test_other_tasks_or_outcomes_give_another_digest(dataset):
    digests = [LeRobotReader(dataset).digest]
    change_table(
        dataset / DATA, lambda table: set_column(table, 'next.success', [False] * 8 + [True])
    )
    digests.append(LeRobotReader(dataset).digest)
    give_tasks(dataset, [0] * 9)
    digests.append(LeRobotReader(dataset).digest)
    give_tasks(dataset, [0] * 8 + [1])
    digests.append(LeRobotReader(dataset).digest)
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    'options', [{'g': '2'}, {'g': '12'}, {'g': '250', 'x265-params': 'bframes=8:open-gop=1'}]
)
def test_parts_may_begin_at_any_frame_of_a_video_with_b_frames(tmp_path, options):
    images = (
        np.full((40, 16, 16, 3), 20, np.uint8)
        + np.arange(0, 200, 5, dtype=np.uint8)[:, None, None, None]
    )
    write(tmp_path / 'set', [random_episode(40, images={'corner': images})])
    video = tmp_path / 'set/videos/observation.images.corner/chunk-000/file-000.mp4'
    with av.open(str(video), 'w') as container:
        options = {'x265-params': '', **options}
        options['x265-params'] += ':log-level=none'
        stream = container.add_stream('hevc', rate=10, options=options)
        stream.height, stream.width, stream.pix_fmt = 16, 16, 'yuv420p'
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (whole,) = read_lerobot(tmp_path / 'set', ['corner'])
    give_tasks(tmp_path / 'set', np.arange(40) % 2)
    parts = list(read_lerobot(tmp_path / 'set', ['corner']))
    assert len(parts) == 40
    np.testing.assert_array_equal(
        np.concatenate([part.images['corner'] for part in parts]), whole.images['corner']
    )
