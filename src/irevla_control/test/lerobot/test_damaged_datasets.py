# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A damaged value is refused in one line that names file, key, value and remedy."""

import json

from lerobot_changes import DATA, EPISODES, INFO, change_info, change_table, set_column
from lerobot_episodes import random_episode, write
import numpy as np
from played_episode import CAMERAS
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from irevla_control.errors import BagError
from irevla_control.lerobot.reader import read_lerobot

KEY = 'observation.images.corner'
START = f'videos/{KEY}/from_timestamp'


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sets') / 'whole'
    write(folder, [random_episode(3, seed=1), random_episode(2, seed=2)])
    return folder


@pytest.fixture
def dataset(whole, tmp_path):
    """A copy of the undamaged dataset that a test may damage."""
    for file in whole.rglob('*'):
        if file.is_file():
            copy = tmp_path / 'set' / file.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    return tmp_path / 'set'


def refusal(dataset):
    """Read the whole dataset; return the line of its error."""
    with pytest.raises(BagError) as caught:
        list(read_lerobot(dataset, CAMERAS))
    line = str(caught.value)
    assert '\n' not in line
    assert any(remedy in line for remedy in ('correct it', 'again', 'convert it', 'name those'))
    return line


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        *(
            ('fps', value)
            for value in (
                0,
                -10,
                float('nan'),
                float('inf'),
                None,
                '10',
                True,
                [10],
                10**400,
                5e-324,
            )
        ),
        *(('video_path', value) for value in (None, 3, '', 'one.mp4', '{nothing}', '{', '{0}')),
        *(('data_path', value) for value in (None, 'data/{chunk_index}/one.parquet', '{x.y}')),
        *(('total_episodes', value) for value in (None, -1, 2.5, '2')),
        *(('features', value) for value in (None, [], 3)),
    ],
)
def test_a_damaged_value_of_the_info_is_named(dataset, key, value):
    change_info(dataset, lambda info: info.update({key: value}))
    line = refusal(dataset)
    assert f'{dataset / INFO}: {key} is {value!r}; ' in line or (key == 'features' and value == [])


@pytest.mark.parametrize(
    'key', ['fps', 'features', 'data_path', 'total_episodes', 'codebase_version']
)
def test_a_missing_key_of_the_info_is_named(dataset, key):
    change_info(dataset, lambda info: info.pop(key))
    assert f'{dataset / INFO}: key {key} is missing; ' in refusal(dataset)


@pytest.mark.parametrize('content', ['', '[]', '3', 'null', '"text"', '{"fps": '])
def test_info_that_is_no_json_object_is_named(dataset, content):
    (dataset / INFO).write_text(content)
    assert refusal(dataset).startswith(f'{dataset / INFO}: ')


@pytest.mark.parametrize(
    ('name', 'key', 'value'),
    [
        ('action', 'shape', None),
        ('action', 'shape', 7),
        ('action', 'shape', ['7']),
        ('action', 'dtype', None),
        (KEY, 'shape', '4x6'),
        (KEY, 'dtype', 3),
    ],
)
def test_a_damaged_feature_is_named(dataset, name, key, value):
    change_info(dataset, lambda info: info['features'][name].update({key: value}))
    assert f'{dataset / INFO}: {key} of the feature {name} is {value!r}; ' in refusal(dataset)
    change_info(dataset, lambda info: info['features'][name].pop(key))
    assert f'{dataset / INFO}: key {key} of the feature {name} is missing; ' in refusal(dataset)


@pytest.mark.parametrize('shape', [[6, 4, 3], [4, 6], [4, 6, 1], [84, 84, 3], []])
def test_image_shape_that_differs_from_the_video_is_refused(dataset, shape):
    change_info(dataset, lambda info: info['features'][KEY].update(shape=shape))
    line = refusal(dataset)
    assert f'{dataset / INFO}: shape of the feature {KEY} is {shape}; [4, 6, 3], as in ' in line
    assert '.mp4, is needed' in line


def test_image_shape_with_channels_first_is_accepted(dataset):
    change_info(dataset, lambda info: info['features'][KEY].update(shape=[3, 4, 6]))
    assert len(list(read_lerobot(dataset, CAMERAS))) == 2


@pytest.mark.parametrize(
    'name',
    [
        'observation.state',
        'action',
        'label',
        'task_index',
        'episode_index',
        'timestamp',
        'next.reward',
    ],
)
def test_a_feature_without_its_column_is_refused(dataset, name):
    change_table(dataset / DATA, lambda table: table.drop([name]))
    line = refusal(dataset)
    assert f'{dataset / DATA}: column {name} is missing' in line and 'again' in line


@pytest.mark.parametrize(
    'values',
    [
        pa.array([[1.0] * 8] * 5, pa.list_(pa.float32(), 8)),
        pa.array(['left'] * 5),
        pa.array([[1.0] * 10] * 4 + [[1.0] * 9]),
        pa.array([[1.0] * 10] * 4 + [None]),
        pa.array([1.0] * 5),
    ],
)
def test_state_column_that_differs_from_its_feature_is_refused(dataset, values):
    change_table(dataset / DATA, lambda table: set_column(table, 'observation.state', values))
    line = refusal(dataset)
    assert f'{dataset / DATA}: ' in line and 'observation.state' in line


@pytest.mark.parametrize(
    ('name', 'values'),
    [
        ('task_index', pa.array([0, 0, None, 0, 0])),
        ('task_index', pa.array(['reach'] * 5)),
        ('episode_index', pa.array([0, 0, None, 1, 1])),
        ('timestamp', pa.array([0.0, 0.1, 0.3, 0.0, 0.1])),
        ('timestamp', pa.array([np.nan] * 5)),
        ('source', pa.array([1, 1, None, 1, 1])),
    ],
)
def test_a_damaged_column_is_named(dataset, name, values):
    change_table(dataset / DATA, lambda table: set_column(table, name, values))
    line = refusal(dataset)
    assert f'{dataset / DATA}: ' in line and name in line


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('length', None),
        ('length', 0),
        ('length', -1),
        ('length', 2.5),
        ('episode_index', None),
        ('data/chunk_index', None),
        ('data/file_index', -1),
        (START, None),
        (START, float('inf')),
        (START, -0.1),
        (f'videos/{KEY}/file_index', None),
    ],
)
def test_a_damaged_value_of_an_episode_is_named(dataset, key, value):
    change_table(
        dataset / EPISODES, lambda table: set_column(table, key, [table[key][0].as_py(), value])
    )
    line = refusal(dataset)
    assert f'{dataset / EPISODES}: ' in line and key in line
    change_table(dataset / EPISODES, lambda table: table.drop([key]))
    assert f'{dataset / EPISODES}: key {key}' in refusal(dataset)


def test_episode_listed_twice_is_refused(dataset):
    change_table(dataset / EPISODES, lambda table: set_column(table, 'episode_index', [1, 1]))
    assert 'the episodes [1] more than once' in refusal(dataset)


@pytest.mark.parametrize(
    'change', [lambda table: table.drop(['task']), lambda table: table.drop(['task_index'])]
)
def test_a_missing_column_of_the_tasks_is_named(dataset, change):
    change_table(dataset / 'meta/tasks.parquet', change)
    assert 'tasks.parquet: column task' in refusal(dataset)


def test_a_missing_file_of_tasks_is_named(dataset):
    (dataset / 'meta/tasks.parquet').unlink()
    assert f'{dataset}/meta/tasks.parquet: ' in refusal(dataset)


def test_float_fps_is_accepted(dataset):
    # The rate of many cameras is 29.97 Hz, so that fps may be a float.
    content = json.loads((dataset / INFO).read_text())
    (dataset / INFO).write_text(json.dumps(content | {'fps': 10.0}))
    assert len(list(read_lerobot(dataset, CAMERAS))) == 2


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        *(
            (name, value)
            for name in ('seed', 'recorded_ns', 'dropped')
            for value in ('soon', [1], float('inf'), 1e300, 0.5, -2)
        ),
        *(
            (name, value)
            for name in ('terminated', 'success', 'truncated')
            for value in ('False', [True], 2)
        ),
        ('episode_id', 3),
        ('task', [1]),
    ],
)
def test_damaged_value_of_an_irevla_column_is_named(dataset, name, value):
    change_table(dataset / DATA, lambda table: table.drop(['next.success', 'next.truncated']))
    change_info(
        dataset,
        lambda info: [info['features'].pop(f'next.{key}') for key in ('success', 'truncated')],
    )
    change_table(
        dataset / EPISODES,
        lambda table: set_column(table, f'irevla/{name}', pa.array([value] * 2)),
    )
    assert f'{dataset / EPISODES}: irevla/{name} of episode 0 is {value!r}; ' in refusal(dataset)


def test_flag_that_a_merge_turned_into_a_number_is_read(dataset):
    change_table(
        dataset / EPISODES, lambda table: set_column(table, 'irevla/terminated', [1.0, 0.0])
    )
    assert [episode.terminated for episode in read_lerobot(dataset, CAMERAS)] == [True, False]


@pytest.mark.parametrize(
    'texts',
    [
        {'task': ['reach it', None], 'task_index': [0, 1]},
        {'task': [' '], 'task_index': [0]},
        {'task': ['reach it', 'push it'], 'task_index': [0, 0]},
        {'task': [7], 'task_index': [0]},
        {'task': ['reach it', 'push it'], 'task_index': [0, None]},
    ],
)
def test_tasks_without_unique_texts_and_indices_are_refused(dataset, texts):
    pq.write_table(pa.table(texts), dataset / 'meta/tasks.parquet')
    assert f'{dataset}/meta/tasks.parquet: ' in (line := refusal(dataset))
    assert 'task_index' in line


def test_tasks_with_wrong_pandas_metadata_are_named(dataset):
    change_table(
        dataset / 'meta/tasks.parquet',
        lambda table: table.replace_schema_metadata({'pandas': '[]'}),
    )
    assert f'{dataset}/meta/tasks.parquet: ' in refusal(dataset)


@pytest.mark.parametrize('value', [999, -1, 256])
def test_unknown_source_is_named(dataset, value):
    change_table(
        dataset / DATA, lambda table: set_column(table, 'source', pa.array([0, 1, 2, 3, value]))
    )
    assert (
        f'{dataset / DATA}: source of frame 1 of episode 1 is {value}; a number from 0 to '
        in refusal(dataset)
    )


@pytest.mark.parametrize('value', [np.nan, np.inf])
@pytest.mark.parametrize('name', ['success', 'truncated'])
def test_flag_of_a_frame_that_is_not_finite_is_named(dataset, name, value):
    change_table(
        dataset / DATA,
        lambda table: set_column(table, f'next.{name}', pa.array([0.0, value, 0.0, 0.0, 0.0])),
    )
    assert (
        f'{dataset / DATA}: next.{name} of frame 1 of episode 0 is {value}; true or false'
        in refusal(dataset)
    )


def test_start_time_beyond_the_range_of_video_times_is_named(dataset):
    change_table(dataset / EPISODES, lambda table: set_column(table, START, [0.0, 1e300]))
    assert f'{dataset / EPISODES}: {START} of episode 1 is 1e+300; ' in refusal(dataset)


def test_an_info_nested_too_deeply_is_named(dataset):
    (dataset / INFO).write_text('[' * 100000)
    assert refusal(dataset).startswith(f'{dataset / INFO}: ')
