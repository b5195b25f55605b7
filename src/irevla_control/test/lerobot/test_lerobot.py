# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags to a LeRobotDataset and back: the training data must not change."""

import fcntl
import json
import os
from pathlib import Path
import tempfile

import av
from hypothesis import given, settings
from hypothesis import strategies as st
from lerobot_episodes import random_episode, write
import numpy as np
from played_episode import CAMERAS, SECOND, play
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from recordings import recording

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.checks.durability import durable_replaces
from irevla_control.episode import parts_of
from irevla_control.errors import BagError, ConfigError
from irevla_control.lerobot import writer
from irevla_control.lerobot.export import export, main
from irevla_control.lerobot.reader import read_lerobot
from irevla_control.lerobot.statistics import combined, image_statistics, statistics

POLICY, TELEOP = 1, 2
KEYS = {f'observation.images.{camera}' for camera in CAMERAS}
STATISTICS = {'min', 'max', 'mean', 'std', 'count', 'q01', 'q10', 'q50', 'q90', 'q99'}


def record(root, episode_id, sources, seed, event=None, **options):
    """Record an episode with these sources; `event` sets fields of all messages on `episode`."""
    played = play(
        episode_id, len(sources), start=(1_700_000_000 + 100 * seed) * SECOND, seed=seed, **options
    )
    for topic, stamp, message in played.messages:
        if topic == '/command':
            message.source = sources[list(played.stamps).index(stamp)]
        elif topic == '/episode':
            for name, value in (event or {}).items():
                setattr(message, name, value)
    with recording(root) as run:
        run.play(played)


@pytest.fixture(scope='module')
def bags(tmp_path_factory):
    """A success with an intervention, an aborted episode, and the failure of another task."""
    root = tmp_path_factory.mktemp('bags')
    record(root, 'reach_0', [POLICY, TELEOP, TELEOP, POLICY, POLICY], 0)
    record(root, 'reach_1', [TELEOP, TELEOP], 1, {'aborted': True})
    record(
        root,
        'push_2',
        [TELEOP, TELEOP, TELEOP],
        2,
        {
            'task': 'push',
            'instruction': 'push the puck',
            'success': False,
            'terminated': False,
            'truncated': True,
        },
    )
    return root


@pytest.fixture(scope='module')
def exported(bags, tmp_path_factory):
    output = tmp_path_factory.mktemp('datasets') / 'run=1'
    export([bags], output)
    return output


def assert_same(episode, original):
    """Assert that an episode equals the original, its vectors in float32 precision."""
    for name in (
        'episode_id',
        'task',
        'instruction',
        'seed',
        'success',
        'terminated',
        'truncated',
        'aborted',
        'dropped',
    ):
        assert getattr(episode, name) == getattr(original, name), name
    for name in ('stamps', 'sources', 'rewards'):
        np.testing.assert_array_equal(getattr(episode, name), getattr(original, name), name)
        assert getattr(episode, name).dtype == getattr(original, name).dtype
    for name in ('states', 'actions', 'labels'):
        values, expected = getattr(episode, name), getattr(original, name)
        np.testing.assert_array_equal(values, expected.astype(np.float32), name)
        assert values.dtype == np.float64
    assert set(episode.images) == set(original.images)
    for camera, images in original.images.items():
        np.testing.assert_array_equal(episode.images[camera], images, camera)


def test_exported_episodes_equal_the_recorded_episodes(bags, exported):
    episodes = list(read_lerobot(exported, CAMERAS))
    assert [episode.episode_id for episode in episodes] == ['reach_0', 'push_2']
    for episode in episodes:
        assert_same(episode, read_episode(bags / episode.episode_id, CAMERAS))
    assert list(next(read_lerobot(exported, ['gripper'])).images) == ['gripper']


def test_episode_of_several_instructions_is_exported_with_several_tasks(tmp_path, capsys):
    played = play(steps=5)
    for topic, stamp, message in played.messages:
        if topic == '/episode' and played.stamps[2] <= stamp < played.stamps[4]:
            message.instruction = 'lift it'
    with recording(tmp_path / 'bags') as run:
        run.play(played)
        run.play(play('reach_1', start=1_700_000_100 * SECOND))
    assert main(['--bags', str(tmp_path / 'bags'), '--output', str(tmp_path / 'set')]) == 0
    assert capsys.readouterr().err.endswith(
        'used 2 of 2 episodes; 1 of them with several instructions\n'
    )
    assert rows(tmp_path / 'set')['task_index'] == [0, 0, 1, 1, 0, *[0] * 4]
    listed = pq.read_table(tmp_path / 'set/meta/episodes/chunk-000/file-000.parquet')
    assert listed['tasks'].to_pylist() == [
        ['reach the »red« ball', 'lift it'],
        ['reach the »red« ball'],
    ]
    *parts, other = read_lerobot(tmp_path / 'set', CAMERAS)
    for part, original in zip(
        parts, parts_of(read_episode(tmp_path / 'bags/reach_0', CAMERAS)), strict=True
    ):
        assert part.part_of == original.part_of == 'reach_0'
        assert_same(part, original)
    assert_same(other, read_episode(tmp_path / 'bags/reach_1', CAMERAS))


def rows(folder):
    return pq.read_table(folder / 'data/chunk-000/file-000.parquet').to_pydict()


def test_frames_have_flags_for_end_outcome_and_intervention(exported):
    data = rows(exported)
    assert data['next.done'] == [False] * 4 + [True] + [False] * 2 + [True]
    assert data['next.truncated'] == [False] * 7 + [True]
    assert data['next.success'] == [False] * 4 + [True] + [False] * 3
    assert data['source'] == [1, 2, 2, 1, 1, 2, 2, 2]
    assert data['intervention'] == [False, True, True, False, False] + [False] * 3, (
        'an episode without a policy has no interventions'
    )


@settings(max_examples=12)
@given(
    steps=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    height=st.integers(1, 9) | st.integers(16, 18),
    width=st.integers(1, 9) | st.integers(16, 18),
    fps=st.sampled_from([1, 7, 30, 1000]),
    limit=st.sampled_from([0, 0.001, 0.01, 100]),
    chunk=st.integers(1, 3),
)
def test_episodes_of_any_length_and_size_are_read_back(steps, height, width, fps, limit, chunk):
    with tempfile.TemporaryDirectory() as folder:
        episodes = [
            random_episode(count, (height, width), seed) for seed, count in enumerate(steps)
        ]
        write(
            Path(folder) / 'set', episodes, fps, data_mb=limit, video_mb=limit, chunk_files=chunk
        )
        back = list(read_lerobot(Path(folder) / 'set', CAMERAS))
    assert len(back) == len(episodes)
    for episode, original in zip(back, episodes):
        assert_same(episode, original)


def test_dataset_has_the_layout_of_version_3(exported):
    assert {str(path.relative_to(exported)) for path in exported.rglob('*') if path.is_file()} == {
        'meta/info.json',
        'meta/stats.json',
        'meta/tasks.parquet',
        'meta/episodes/chunk-000/file-000.parquet',
        'data/chunk-000/file-000.parquet',
        *(f'videos/{key}/chunk-000/file-000.mp4' for key in KEYS),
    }
    info = json.loads((exported / 'meta/info.json').read_text())
    features = info.pop('features')
    assert info == {
        'codebase_version': 'v3.0',
        'robot_type': None,
        'fps': 10,
        'total_episodes': 2,
        'total_frames': 8,
        'total_tasks': 2,
        'chunks_size': 1000,
        'data_files_size_in_mb': 100,
        'video_files_size_in_mb': 200,
        'splits': {'train': '0:2'},
        'data_path': 'data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet',
        'video_path': 'videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4',
    }
    videos = {key: features.pop(key) for key in KEYS}
    for feature in videos.values():
        assert feature == {
            'dtype': 'video',
            'shape': [4, 5, 3],
            'names': ['height', 'width', 'channels'],
            'info': {
                'video.height': 4,
                'video.width': 5,
                'video.codec': 'h264',
                'video.pix_fmt': 'yuv444p',
                'video.fps': 10,
                'video.channels': 3,
                'has_audio': False,
                'video.g': 2,
                'video.crf': 0,
                'video.preset': 'veryfast',
                'video.fast_decode': 0,
                'video.video_backend': 'pyav',
                'video.extra_options': {},
                'is_depth_map': False,
            },
        }
    sizes = {'observation.state': 10, 'action': 7, 'label': 7}
    kinds = {
        **dict.fromkeys(sizes, 'float32'),
        'timestamp': 'float32',
        'next.reward': 'float32',
        **dict.fromkeys(('next.done', 'next.truncated', 'next.success', 'intervention'), 'bool'),
        **dict.fromkeys(
            ('frame_index', 'episode_index', 'index', 'task_index', 'source', 'ros_stamp_ns'),
            'int64',
        ),
    }
    assert {name: (feature['dtype'], feature['shape']) for name, feature in features.items()} == {
        name: (kind, [sizes.get(name, 1)]) for name, kind in kinds.items()
    }
    for name, feature in features.items():
        assert len(feature['names'] or [0]) == sizes.get(name, 1) and set(feature) == {
            'dtype',
            'shape',
            'names',
        }
    assert features['action']['names'] == ['dx', 'dy', 'dz', 'rx', 'ry', 'rz', 'gripper']

    file = pq.ParquetFile(exported / 'data/chunk-000/file-000.parquet')
    assert {field.name: field.type for field in file.schema_arrow} == {
        name: pa.list_(pa.float32(), sizes[name])
        if name in sizes
        else {'float32': pa.float32(), 'bool': pa.bool_(), 'int64': pa.int64()}[kind]
        for name, kind in kinds.items()
    }
    assert [file.metadata.row_group(group).num_rows for group in range(2)] == [5, 3]
    assert file.metadata.row_group(0).column(0).compression == 'SNAPPY'
    data = rows(exported)
    assert data['index'] == list(range(8))
    assert data['frame_index'] == [0, 1, 2, 3, 4, 0, 1, 2]
    assert data['episode_index'] == data['task_index'] == [0] * 5 + [1] * 3
    np.testing.assert_array_equal(
        data['timestamp'], np.array(data['frame_index'], np.float32) / np.float32(10)
    )


def test_table_of_episodes_has_their_files_statistics_and_outcomes(bags, exported):
    table = pq.read_table(exported / 'meta/episodes/chunk-000/file-000.parquet')
    types = {field.name: field.type for field in table.schema}
    whole = {
        'episode_index',
        'length',
        'data/chunk_index',
        'data/file_index',
        'dataset_from_index',
        'dataset_to_index',
        'meta/episodes/chunk_index',
        'meta/episodes/file_index',
        'irevla/seed',
        'irevla/recorded_ns',
        'irevla/dropped',
        *(f'videos/{key}/{name}_index' for key in KEYS for name in ('chunk', 'file')),
    }
    expected = {
        **dict.fromkeys(whole, pa.int64()),
        'tasks': pa.list_(pa.string()),
        **{
            f'videos/{key}/{name}_timestamp': pa.float64()
            for key in KEYS
            for name in ('from', 'to')
        },
        **dict.fromkeys(('irevla/episode_id', 'irevla/task'), pa.string()),
        **dict.fromkeys(('irevla/success', 'irevla/terminated', 'irevla/truncated'), pa.bool_()),
    }
    features = json.loads((exported / 'meta/info.json').read_text())['features']
    numbers = {f'stats/{feature}/{name}' for feature in features for name in STATISTICS}
    assert set(types) == numbers | set(expected)
    assert {name: types[name] for name in expected} == expected
    first, second = table.to_pylist()
    assert first['tasks'] == ['reach the »red« ball'] and second['tasks'] == ['push the puck']
    assert [second[f'dataset_{end}_index'] for end in ('from', 'to')] == [5, 8]
    for key in KEYS:
        assert [second[f'videos/{key}/{end}_timestamp'] for end in ('from', 'to')] == [0.5, 0.8]
        assert np.shape(first[f'stats/{key}/q99']) == (3, 1, 1)
    assert np.shape(first['stats/action/std']) == (7,)
    assert first['stats/action/count'] == [5]
    entries = [entry for entry in list_episodes(bags) if not entry.aborted]
    assert table['irevla/recorded_ns'].to_pylist() == [entry.recorded_ns for entry in entries]


def test_table_of_tasks_has_the_text_as_its_pandas_index(exported):
    table = pq.read_table(exported / 'meta/tasks.parquet')
    assert table.to_pydict() == {
        'task_index': [0, 1],
        'task': ['reach the »red« ball', 'push the puck'],
    }
    about = json.loads(table.schema.metadata[b'pandas'])
    assert about['index_columns'] == ['task']
    assert [
        (column['name'], column['field_name'], column['pandas_type'], column['numpy_type'])
        for column in about['columns']
    ] == [('task_index', 'task_index', 'int64', 'int64'), ('task', 'task', 'unicode', 'object')]
    assert about['column_indexes'][0]['name'] is None and about['pandas_version']


def test_statistics_cover_all_frames(tmp_path):
    episodes = [random_episode(steps, seed=seed) for seed, steps in enumerate((5, 40, 2))]
    episodes[1].rewards[3:] = np.nan
    episodes[2].rewards[:] = np.nan
    write(tmp_path / 'set', episodes)
    stated = json.loads((tmp_path / 'set/meta/stats.json').read_text())
    assert all(set(values) == STATISTICS for values in stated.values())
    actions = np.concatenate([episode.actions for episode in episodes]).astype(np.float32)
    rewards = np.concatenate([episode.rewards for episode in episodes])
    pixels = np.concatenate([episode.images['corner'] for episode in episodes])
    for key, values, shape in (
        ('action', actions, (7,)),
        ('next.reward', rewards[np.isfinite(rewards)][:, None], (1,)),
        ('observation.images.corner', pixels.reshape(-1, 3) / 255, (3, 1, 1)),
    ):
        for name in ('min', 'max', 'mean', 'std'):
            np.testing.assert_allclose(
                stated[key][name], getattr(np, name)(values, axis=0).reshape(shape), 1e-6
            )
    assert [
        stated[key]['count'] for key in ('action', 'next.reward', 'observation.images.corner')
    ] == [[47], [8], [47]]


def test_quantiles_are_exact_and_combined_quantiles_lie_between():
    values = np.random.default_rng(0).normal(size=(100, 2))
    first, second = statistics(values), statistics(values + 5)
    np.testing.assert_array_equal(first['q90'], np.quantile(values, 0.9, axis=0))
    both = combined(first, second)
    assert (first['q10'] < both['q10']).all() and (both['q10'] < second['q10']).all()


def test_statistics_subsample_large_images_and_long_episodes():
    images = np.zeros((600, 1, 300, 3), np.uint8)
    images[:, :, 1::2] = 255
    stated = image_statistics(images)
    assert stated['max'].max() == 0, 'only every second column is used'
    assert stated['count'] == [int(600**0.75)]


def test_each_episode_is_in_one_file_and_files_stay_below_their_limit(tmp_path):
    episodes = [random_episode(20, (32, 32), seed) for seed in range(5)]
    write(tmp_path / 'set', episodes, video_mb=0.2, data_mb=0, chunk_files=2)
    table = pq.read_table(tmp_path / 'set/meta/episodes/chunk-000/file-000.parquet').to_pydict()
    assert table['data/chunk_index'] == [0, 0, 1, 1, 2]
    assert table['data/file_index'] == [0, 1, 0, 1, 0]
    for key in KEYS:
        # Noise of 20 x 32 x 32 x 3 bytes is not compressible: a file fits two episodes.
        assert table[f'videos/{key}/chunk_index'] == [0, 0, 0, 0, 1]
        assert table[f'videos/{key}/file_index'] == [0, 0, 1, 1, 0]
        assert table[f'videos/{key}/from_timestamp'] == [0, 2, 0, 2, 0]
        for file in (tmp_path / 'set/videos' / key).rglob('*.mp4'):
            assert file.stat().st_size < 0.2 * 2**20


def test_table_of_many_episodes_is_split_into_files(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, '_EPISODES_AT_ONCE', 2)
    episodes = [random_episode(2, seed=seed) for seed in range(5)]
    write(tmp_path / 'set', episodes, data_mb=0)
    files = sorted((tmp_path / 'set/meta/episodes/chunk-000').iterdir())
    tables = [pq.read_table(file).to_pydict() for file in files]
    assert [table['episode_index'] for table in tables] == [[0, 1], [2, 3], [4]]
    assert [table['meta/episodes/file_index'] for table in tables] == [[0, 0], [1, 1], [2]]
    for episode, original in zip(read_lerobot(tmp_path / 'set', CAMERAS), episodes):
        assert_same(episode, original)


def test_lossy_video_is_small_and_nearly_the_same(tmp_path):
    ramp = np.linspace(0, 200, 64).astype(np.uint8)
    images = np.broadcast_to((ramp[:, None] // 2 + ramp // 2)[..., None], (12, 64, 64, 3)).copy()
    images += np.arange(12, dtype=np.uint8)[:, None, None, None] * 4
    episodes = [random_episode(12, seed=seed, images={'corner': images}) for seed in range(2)]
    info = write(tmp_path / 'set', episodes, crf=15)
    stated = info['features']['observation.images.corner']['info']
    file = tmp_path / 'set/videos/observation.images.corner/chunk-000/file-000.mp4'
    with av.open(str(file)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ('h264', 'yuv420p')
    assert (stated['video.pix_fmt'], stated['video.crf']) == ('yuv420p', 15)
    for episode in read_lerobot(tmp_path / 'set', ['corner']):
        difference = np.abs(episode.images['corner'].astype(int) - images)
        assert 0 < difference.mean() < 3 and difference.max() < 30


def test_images_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(BagError, match='reach_1: images of .*one size only'):
        write(tmp_path / 'sizes', [random_episode(2), random_episode(2, (4, 8), 1)])
    with pytest.raises(BagError, match='reach_0: images of .*leave --crf out'):
        write(tmp_path / 'odd', [random_episode(2, (4, 5))], crf=20)


def test_export_overwrites_no_dataset_and_replaces_a_killed_export(bags, tmp_path, capsys):
    output = tmp_path / 'set'
    left = tmp_path / 'set.partial'
    (left / 'data').mkdir(parents=True)
    (left / 'data' / 'half.parquet').write_bytes(b'PAR1')
    lock = os.open(left, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(ConfigError, match='being written by another export'):
        export([bags], output)
    assert (left / 'data' / 'half.parquet').exists()
    os.close(lock)
    with durable_replaces(output):
        export([bags], output)
    assert sorted(path.name for path in output.rglob('*.parquet')) == [
        'file-000.parquet',
        'file-000.parquet',
        'tasks.parquet',
    ]
    assert not left.exists()
    assert main(['--bags', str(bags), '--output', str(output)]) == 1
    assert 'exists already; name another folder' in capsys.readouterr().err


def test_failed_export_leaves_no_files(bags, tmp_path):
    with pytest.raises(BagError, match='end in /camera/wrist/image_raw'):
        export([bags], tmp_path / 'set', ['wrist'])
    assert not list(tmp_path.iterdir())


def test_command_line_chooses_cameras_rate_and_successes(bags, tmp_path, capsys):
    output = tmp_path / 'set'
    assert (
        main(
            [
                '--bags',
                str(bags),
                '--output',
                str(output),
                '--cameras',
                'corner',
                '--fps',
                '5',
                '--successes-only',
            ]
        )
        == 0
    )
    assert capsys.readouterr().out == f'{output}: 1 episodes, 5 frames at 5 Hz, 1 tasks\n'
    assert [path.name for path in (output / 'videos').iterdir()] == ['observation.images.corner']
    assert main(['--bags', str(tmp_path), '--output', str(tmp_path / 'none')]) == 1
    assert 'none of them to export' in capsys.readouterr().err
    assert not (tmp_path / 'none.partial').exists()


@pytest.mark.parametrize('setting', [{'crf': 0}, {'crf': 52}, {'fps': 0}])
def test_settings_out_of_range_are_refused(bags, tmp_path, setting):
    with pytest.raises(ConfigError, match='is needed'):
        export([bags], tmp_path / 'set', **setting)
