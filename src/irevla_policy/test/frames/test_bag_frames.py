# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from random_episodes import random_episode
from recorded_episodes import record

from irevla_control.errors import BagError, ConfigError
from irevla_control.lerobot.export import export
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.dataset import split_by_episode

CAMERAS = ('corner', 'gripper')


def test_frames_equal_the_recorded_episodes(tmp_path):
    episodes = [random_episode(number) for number in range(2)]
    for episode in episodes:
        record(tmp_path, episode)
    store = load_frames([tmp_path], CAMERAS, 24)
    assert [row.episode_id for row in store.episodes] == [e.episode_id for e in episodes]
    np.testing.assert_array_equal(
        store.images[:, 1], np.concatenate([episode.images['gripper'] for episode in episodes])
    )
    np.testing.assert_array_equal(
        store.actions, np.concatenate([episode.labels for episode in episodes])
    )
    np.testing.assert_array_equal(
        store.states[:, :3], np.concatenate([episode.states[:, :3] for episode in episodes])
    )


def test_second_call_decodes_nothing(tmp_path):
    bag = record(tmp_path, random_episode(0))
    first = load_frames([tmp_path], CAMERAS, 24)
    size = (bag / f'{bag.name}_0.mcap').stat().st_size
    # Only decoding reads the damaged part; the index reads the end.
    with (bag / f'{bag.name}_0.mcap').open('r+b') as file:
        file.write(bytes(size // 2))
    again = load_frames([tmp_path], CAMERAS, 24)
    np.testing.assert_array_equal(first.images, again.images)
    with pytest.raises(BagError, match=bag.name):
        load_frames([tmp_path], CAMERAS, 12)


def test_a_new_episode_is_decoded_and_the_old_cache_removed(tmp_path):
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


def test_failures_are_used_only_on_request_and_aborted_episodes_never(tmp_path):
    record(tmp_path, random_episode(0))
    record(tmp_path, replace(random_episode(1), success=False))
    record(tmp_path, replace(random_episode(2), aborted=True))
    assert len(load_frames([tmp_path], CAMERAS, 24).episodes) == 1
    assert len(load_frames([tmp_path], CAMERAS, 24, include_failures=True).episodes) == 2


def test_a_folder_without_usable_episodes_is_refused(tmp_path):
    record(tmp_path, replace(random_episode(0), success=False))
    with pytest.raises(ConfigError, match='1 recorded episodes, none of them usable'):
        load_frames([tmp_path], CAMERAS, 24)
    with pytest.raises(BagError, match='is not a folder'):
        load_frames([tmp_path / 'nowhere'], CAMERAS, 24)


def test_camera_that_was_not_recorded_is_refused(tmp_path):
    record(tmp_path, random_episode(0))
    with pytest.raises(BagError, match='camera/wrist/image_raw'):
        load_frames([tmp_path], ('wrist',), 24)


DECODE_FOREVER = """
import sys
from pathlib import Path
from time import sleep
from random_episodes import random_episode
from irevla_policy.frames.frame_store import write_store

def episodes():
    yield random_episode(0)
    print('decoding', flush=True)
    sleep(60)

write_store(Path(sys.argv[1]), episodes(), ('corner', 'gripper'), 24)
"""


def test_a_killed_process_s_files_are_removed_but_not_those_of_a_running_one(tmp_path):
    cache = tmp_path / '.frames'
    record(tmp_path, random_episode(0))
    process = subprocess.Popen(
        [sys.executable, '-c', DECODE_FOREVER, cache / 'other'],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
    )
    try:
        assert process.stdout.readline() == b'decoding\n'
        (staging,) = cache.iterdir()
        load_frames([tmp_path], CAMERAS, 24)
        assert (staging / 'images.npy').exists(), 'the other process still writes it'
    finally:
        process.kill()
        process.wait()
    load_frames([tmp_path], CAMERAS, 12)
    assert not staging.exists()
    assert len(list(cache.iterdir())) == 2


def test_a_removed_cache_stays_readable_in_processes_that_map_it(tmp_path):
    episode = random_episode(0)
    record(tmp_path, episode)
    store = load_frames([tmp_path], CAMERAS, 24)
    (folder,) = (tmp_path / '.frames').iterdir()
    record(tmp_path, random_episode(1))
    load_frames([tmp_path], CAMERAS, 24)
    assert not folder.exists()
    np.testing.assert_array_equal(store.images[:, 1], episode.images['gripper'])


def test_trainings_on_other_roots_keep_their_caches(tmp_path):
    roots = [tmp_path / 'worker0', tmp_path / 'worker1']
    for number, root in enumerate(roots):
        record(root, random_episode(number))
    load_frames(roots[:1], CAMERAS, 24)
    load_frames(roots, CAMERAS, 24)
    assert len(list((roots[0] / '.frames').iterdir())) == 2


def test_episodes_of_several_roots_are_combined(tmp_path):
    for number in range(2):
        record(tmp_path / f'worker{number}', random_episode(number))
    store = load_frames([tmp_path / 'worker0', tmp_path / 'worker1'], CAMERAS, 24)
    assert [row.episode_id for row in store.episodes] == ['push_000', 'push_001']
    assert not (tmp_path / 'worker1' / '.frames').exists()


def test_an_incomplete_episode_is_left_out_and_named(tmp_path, capsys):
    record(tmp_path, random_episode(0))
    record(tmp_path, random_episode(1), older_ns={'gripper': 12_500_000})
    record(tmp_path, replace(random_episode(2), aborted=True))
    shutil.copytree(tmp_path / 'push_000', tmp_path / 'copy')
    (tmp_path / 'notes').mkdir()
    expected = (
        f'used 1 of 3 episodes, because 1 aborted ({tmp_path / "push_002"}); 1 without a step, '
        'none of its 6 steps is complete: camera gripper is 12.5 ms older than the observation; '
        f'max_skew_s is 0 s ({tmp_path / "push_001"}); not counted: 1 contains no MCAP file '
        f'({tmp_path / "notes"}); 1 the same episode as {tmp_path / "push_000"} '
        f'({tmp_path / "copy"})\n'
    )
    for _ in 'decoded', 'from the cache':
        store = load_frames([tmp_path], CAMERAS, 24)
        assert [row.episode_id for row in store.episodes] == ['push_000']
        assert capsys.readouterr().err.splitlines(keepends=True)[-1] == expected
    assert len(load_frames([tmp_path], ('corner',), 24).episodes) == 2
    store = load_frames([tmp_path], CAMERAS, 24, max_skew_s=0.013)
    assert [row.episode_id for row in store.episodes] == ['push_000', 'push_001']
    np.testing.assert_array_equal(store.images[6:, 1], random_episode(1).images['gripper'])


def test_without_a_complete_episode_the_error_gives_the_reason(tmp_path):
    record(tmp_path, random_episode(1), older_ns={'corner': 3_000_000, 'gripper': 60_000_000})
    with pytest.raises(ConfigError) as error:
        load_frames([tmp_path], CAMERAS, 24)
    assert (
        'used 0 of 1 episodes, because 1 without a step, none of its 6 steps is complete: '
        'camera corner is 3.0 ms older than the observation, camera gripper is 10.0 to 60.0 '
        'ms older than the observation; max_skew_s is 0 s'
    ) in str(error.value)


def test_a_renamed_folder_gives_its_frames(tmp_path):
    record(tmp_path, random_episode(0)).rename(tmp_path / 'best')
    assert [row.episode_id for row in load_frames([tmp_path], CAMERAS, 24).episodes] == [
        'push_000'
    ]


def test_a_lerobot_dataset_gives_the_frames_of_its_bags(tmp_path):
    bags, dataset = tmp_path / 'bags', tmp_path / 'dataset'
    for number, success in enumerate([True, False, True]):
        record(
            bags,
            replace(random_episode(number, task='pull' if number else 'push'), success=success),
        )
    export([bags], dataset)
    for options, count in (({}, 2), ({'include_failures': True}, 3), ({'newest': 1}, 1)):
        original = load_frames([bags], CAMERAS, 12, **options)
        store = load_frames([dataset], CAMERAS, 12, **options)
        assert store.episodes == original.episodes and len(store.episodes) == count
        for name in ('images', 'by_policy'):
            np.testing.assert_array_equal(getattr(store, name), getattr(original, name))
        for name in ('states', 'actions'):
            np.testing.assert_array_equal(
                getattr(store, name), getattr(original, name).astype(np.float32)
            )
    assert len(load_frames([bags, dataset], CAMERAS, 12).episodes) == 4


def give_tasks(dataset, *tasks):
    """Give the frames of a dataset of one file tasks, three frames each, as LeRobot's tools do."""
    for path, change in (
        (
            'data/chunk-000/file-000.parquet',
            lambda table: table.set_column(
                table.column_names.index('task_index'),
                'task_index',
                [[task for task in tasks for _ in range(3)]],
            ),
        ),
        (
            'meta/tasks.parquet',
            lambda _: pa.table({'task_index': [0, 1], 'task': ['reach', 'lift']}),
        ),
    ):
        pq.write_table(change(pq.read_table(dataset / path)), dataset / path)


def test_an_episode_of_several_tasks_counts_once(tmp_path, capsys):
    dataset = tmp_path / 'dataset'
    for number in range(3):
        record(tmp_path / 'bags', replace(random_episode(number), success=number != 1))
    export([tmp_path / 'bags'], dataset)
    give_tasks(dataset, 0, 1, 0, 1, 1, 1)
    for options, used, left_out, rows in (
        ({}, 2, f'1 failed ({dataset} episode 1)', [[0, 1], [2]]),
        (
            {'newest': 1, 'include_failures': True},
            1,
            f'2 older than the newest 1 ({dataset} episode 0, {dataset} episode 1)',
            [[0]],
        ),
        ({'include_failures': True}, 3, '', [[0, 1], [2, 3], [4]]),
    ):
        store = load_frames([dataset], CAMERAS, 12, **options)
        because = f', because {left_out}' if left_out else ''
        several = sum(len(parts) > 1 for parts in rows)
        assert capsys.readouterr().err.splitlines()[-1] == (
            f'used {used} of 3 episodes{because}'
            + (f'; {several} of them with several instructions' if several else '')
        )
        assert store.recordings == rows
    assert [row.instruction for row in store.episodes] == [
        'reach',
        'lift',
        'reach',
        'lift',
        'lift',
    ]
    _, validation = split_by_episode(store, 0.3, seed=0)
    assert len({store.episodes[index].part_of for index in validation.episodes}) == 1


def test_a_bag_of_several_instructions_gives_its_frames_in_parts(tmp_path, capsys):
    record(
        tmp_path / 'bags', replace(random_episode(0), instructions=('reach',) * 2 + ('lift',) * 4)
    )
    record(tmp_path / 'bags', random_episode(1))
    store = load_frames([tmp_path / 'bags'], CAMERAS, 24)
    assert capsys.readouterr().err.endswith(
        'used 2 of 2 episodes; 1 of them with several instructions\n'
    )
    assert [(row.task, row.instruction, row.start, row.stop) for row in store.episodes] == [
        ('reach', 'reach', 0, 2),
        ('lift', 'lift', 2, 6),
        ('push', 'push the thing', 6, 12),
    ]
    assert store.recordings == [[0, 1], [2]]
    np.testing.assert_array_equal(store.images[:6, 1], random_episode(0).images['gripper'])
    export([tmp_path / 'bags'], tmp_path / 'dataset')
    assert load_frames([tmp_path / 'dataset'], CAMERAS, 24).episodes == store.episodes


def test_a_new_export_to_the_same_folder_is_decoded_again(tmp_path):
    for number in range(2):
        record(tmp_path / f'bags{number}', random_episode(number))
        shutil.rmtree(tmp_path / 'dataset', ignore_errors=True)
        export([tmp_path / f'bags{number}'], tmp_path / 'dataset')
        store = load_frames([tmp_path / 'dataset'], CAMERAS, 24, cache=tmp_path / 'cache')
        np.testing.assert_array_equal(store.images[:, 1], random_episode(number).images['gripper'])
    assert len(list((tmp_path / 'cache').iterdir())) == 1
