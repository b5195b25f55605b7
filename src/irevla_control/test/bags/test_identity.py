# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An episode is identified by its recorded data, not by its folder's name or its side files."""

from contextlib import closing
from dataclasses import replace
import json
import shlex
import shutil
import sqlite3
import subprocess
import sys

from foreign_bags import messages_of, write_mcap
from mcap.reader import make_reader
from played_episode import CAMERAS, SECOND, assert_same, play
import pytest
import yaml

from irevla_control.bags.identity import entry_from_bag
from irevla_control.bags.index import INDEX, find_episodes, list_episodes, main, rebuild_index
from irevla_control.bags.layout import EPISODE_METADATA
from irevla_control.bags.reader import read_episode, read_observations
from irevla_control.bags.usage import usage
from irevla_control.errors import BagError, NoEpisodeError

WITH_AND_WITHOUT_INDEX = pytest.mark.parametrize('indexed', [True, False])


def without_record(root, name='reach_0', split=0, **options):
    """Rewrite a bag as a converting tool does: metadata records and custom data are dropped."""
    folder = root / name
    messages = list(messages_of(folder))
    shutil.rmtree(folder)
    parts = [messages[start::split] for start in range(split)] if split else [messages]
    for number, part in enumerate(parts):
        write_mcap(folder / f'{name}_{number}.mcap', part, **options)
    return folder


def test_last_metadata_record_equals_metadata_yaml(recorded):
    side = yaml.safe_load((recorded / 'reach_0' / 'metadata.yaml').read_text())
    with (recorded / 'reach_0' / 'reach_0_0.mcap').open('rb') as file:
        first, last = [
            each.metadata
            for each in make_reader(file).iter_metadata()
            if each.name == EPISODE_METADATA
        ]
    assert last == side['rosbag2_bagfile_information']['custom_data']
    assert first['success'] == 'false' and last['success'] == 'true'


@WITH_AND_WITHOUT_INDEX
@pytest.mark.parametrize('content', [None, 'a: [1', 'rosbag2_bagfile_information: {version: 9}'])
def test_episode_without_valid_metadata_yaml_is_listed_and_read(root, indexed, content):
    before = list_episodes(root)
    if not indexed:
        (root / INDEX).unlink()
    (root / 'reach_0' / 'metadata.yaml').unlink()
    if content:
        # ros2 bag reindex writes a metadata.yaml without custom data.
        (root / 'reach_0' / 'metadata.yaml').write_text(content)
    assert list_episodes(root) == before == rebuild_index(root)
    assert_same(read_episode(root / 'reach_0', CAMERAS), play())


@WITH_AND_WITHOUT_INDEX
def test_renamed_folder_is_found_by_its_new_name(root, indexed, capsys):
    before = list_episodes(root)
    if not indexed:
        (root / INDEX).unlink()
    (root / 'reach_0').rename(root / 'best one')
    found = find_episodes([root])
    assert list(found.episodes) == [root / 'best one', root / 'reach_1'] and not found.others
    assert [replace(entry, folder=entry.episode_id) for entry in found.episodes.values()] == before
    assert_same(read_episode(root / found.episodes[root / 'best one'].folder, CAMERAS), play())
    assert main([str(root)]) == 0
    assert '0 lost  in best one\n' in (printed := capsys.readouterr().out)
    assert printed.endswith('listed 2 of 2 episodes\n')


@WITH_AND_WITHOUT_INDEX
def test_copied_folder_is_counted_once_and_named(root, indexed, capsys):
    if not indexed:
        (root / INDEX).unlink()
    shutil.copytree(root / 'reach_0', root / 'a copy')
    shutil.copytree(root / 'reach_1', root.parent / 'other' / 'reach_1')
    found = find_episodes([root, root.parent / 'other', root])
    assert len(found.episodes) == 2
    assert found.others == {
        str(root / 'a copy'): f'the same episode as {root / "reach_0"}',
        str(root / 'reach_1'): f'the same episode as {root.parent / "other" / "reach_1"}',
    }
    assert main([str(root)]) == 0
    assert capsys.readouterr().out.endswith(
        f'listed 2 of 2 episodes; not counted: 1 the same episode as {root / "reach_0"} '
        f'({root / "a copy"})\n'
    )


def test_index_line_that_contradicts_the_bag_is_ignored(root):
    shutil.rmtree(root / 'reach_1')
    (root / 'reach_0').rename(root / 'reach_1')
    lines = (root / INDEX).read_text().splitlines()
    row = json.loads(lines[1])
    (root / INDEX).write_text(json.dumps({**row, 'bytes': row['bytes'] + 1}))
    assert [entry.episode_id for entry in list_episodes(root)] == ['reach_0']


def test_metadata_that_a_converter_dropped_is_rebuilt_from_messages(root, recorded):
    folder = without_record(root)
    found, original = entry_from_bag(folder), entry_from_bag(recorded / 'reach_0')
    different = {'recorded_ns', 'dropped', 'bytes', 'crc32', 'folder'}
    for name in vars(original).keys() - different:
        assert getattr(found, name) == getattr(original, name), name
    assert found.dropped is None and 0 < found.recorded_ns
    assert {entry.episode_id for entry in list_episodes(root)} == {'reach_0', 'reach_1'}
    assert_same(read_episode(folder, CAMERAS), play())


def test_entry_rebuilt_without_the_last_event_is_aborted(tmp_path, recorded):
    end = play().end
    folder = write_mcap(
        tmp_path / 'x' / 'x.mcap',
        (
            each
            for each in messages_of(recorded / 'reach_0')
            if (each[1].topic, each[2].publish_time) != ('/episode', end)
        ),
    )
    assert entry_from_bag(folder).aborted


@pytest.mark.parametrize('count', [2, 11])
def test_split_bag_is_read_as_one_episode(root, count):
    folder = without_record(root, split=count)
    assert len(list(folder.glob('*.mcap'))) == count
    assert_same(read_episode(folder, CAMERAS), play())
    entry = find_episodes([root]).episodes[folder]
    assert (entry.episode_id, entry.steps, entry.success) == ('reach_0', 4, True)
    assert entry.topics['/command']['messages'] == 4
    assert entry.bytes == sum(file.stat().st_size for file in folder.glob('*.mcap'))


def test_missing_file_of_a_split_bag_is_named(root):
    folder = without_record(root, split=3)
    (folder / 'metadata.yaml').write_text(
        yaml.safe_dump(
            {
                'rosbag2_bagfile_information': {
                    'relative_file_paths': [f'reach_0_{number}.mcap' for number in range(3)]
                }
            }
        )
    )
    assert_same(read_episode(folder, CAMERAS), play())
    (folder / 'reach_0_1.mcap').unlink()
    for read in (lambda: read_episode(folder, CAMERAS), lambda: list_episodes(root)):
        with pytest.raises(BagError, match='reach_0 lacks reach_0_1.mcap, which its metadata'):
            read()


def test_bag_with_two_episodes_is_refused_and_both_are_named(root):
    folder = write_mcap(
        root / 'session' / 'x.mcap',
        [*messages_of(root / 'reach_0'), *messages_of(root / 'reach_1')],
    )
    for read in (
        lambda: read_episode(folder, CAMERAS),
        lambda: read_observations(folder, CAMERAS),
        lambda: list_episodes(root),
    ):
        with pytest.raises(BagError, match=r'contains 2 episodes in one bag \(reach_0, reach_1\)'):
            read()


def test_last_event_of_the_previous_episode_is_left_out(root, tmp_path):
    before = [each for each in messages_of(root / 'reach_0') if each[1].topic == '/episode'][-1:]
    folder = write_mcap(tmp_path / 'late' / 'x.mcap', [*before, *messages_of(root / 'reach_1')])
    played = play('reach_1', seed=1, start=1_700_000_100 * SECOND)
    assert_same(read_episode(folder, CAMERAS), played)
    assert entry_from_bag(folder).episode_id == 'reach_1'
    assert len(read_observations(folder, CAMERAS).stamps) == 5


def test_files_of_two_episodes_in_one_folder_are_refused(root):
    shutil.copy(root / 'reach_1' / 'reach_1_0.mcap', root / 'reach_0')
    with pytest.raises(BagError, match=r'files of 2 episodes \(reach_0, reach_1\)'):
        read_episode(root / 'reach_0', CAMERAS)
    with pytest.raises(BagError, match='files of 2 episodes'):
        list_episodes(root)


def test_files_and_folders_without_an_episode_are_named_and_not_counted(root):
    (root / 'notes').mkdir()
    (root / '.frames').mkdir()
    shutil.copytree(root / 'reach_0', root / 'worker' / 'reach_0')
    shutil.copy(root / 'reach_0' / 'reach_0_0.mcap', root / 'loose.mcap')
    write_mcap(
        root / 'other robot' / 'x.mcap',
        (each for each in messages_of(root / 'reach_0') if each[1].topic == '/robot_state'),
    )
    found = find_episodes([root])
    assert len(found.episodes) == 2
    assert {
        name.removeprefix(f'{root}/'): reason.split(';')[0].split(':')[0]
        for name, reason in found.others.items()
    } == {
        'notes': 'contains no MCAP file',
        'worker': 'contains no MCAP file itself',
        'loose.mcap': 'no folder of an episode',
        'other robot': 'contains no episode',
    }


def test_an_sqlite3_bag_is_named_with_the_command_that_converts_it(root):
    mcap = root / 'reach_0'
    subprocess.run(
        [
            sys.executable,
            '-m',
            'rosbags.convert',
            '--src',
            mcap,
            '--dst',
            root / 'db',
            '--dst-storage',
            'sqlite3',
        ],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(mcap)
    with pytest.raises(NoEpisodeError, match='contains an sqlite3 bag; rosbags-convert') as error:
        read_episode(root / 'db', CAMERAS)
    assert str(root / 'db') in find_episodes([root]).lost
    command = str(error.value).split('; ')[1].split(' writes')[0].split()
    subprocess.run(
        [sys.executable, '-m', 'rosbags.convert', *command[1:]], check=True, capture_output=True
    )
    assert_same(read_episode(root / 'db_mcap', CAMERAS), play())
    assert {entry.episode_id for entry in list_episodes(root)} == {'reach_0', 'reach_1'}


def test_an_sqlite3_bag_without_definitions_needs_another_command(tmp_path):
    (tmp_path / 'humble').mkdir()
    with closing(sqlite3.connect(tmp_path / 'humble' / 'humble_0.db3')) as bag:
        bag.executescript('CREATE TABLE topics(id, name, type); CREATE TABLE messages(id);')
    with pytest.raises(NoEpisodeError) as error:
        read_episode(tmp_path / 'humble', CAMERAS)
    assert (
        f"ros2 bag convert -i {tmp_path / 'humble'} -o <(echo 'output_bags: [{{uri: "
        f"{tmp_path / 'humble'}_mcap, storage_id: mcap, all: true}}]'), where irevla_msgs is"
    ) in str(error.value)


# A folder name with characters that a shell or YAML interprets.
ODD = 'Anna\'s "1st" day, [$HOME] #2: a & b'


def test_conversion_command_accepts_any_path(tmp_path, recorded):
    # rosbags cannot write sqlite3 to a path with #.
    bag = tmp_path / ODD.replace('#', '')
    subprocess.run(
        [
            sys.executable,
            '-m',
            'rosbags.convert',
            '--src',
            recorded / 'reach_0',
            '--dst',
            bag,
            '--dst-storage',
            'sqlite3',
        ],
        check=True,
        capture_output=True,
    )
    with pytest.raises(NoEpisodeError) as error:
        read_episode(bag, CAMERAS)
    message = str(error.value)
    command = shlex.split(message[message.index('rosbags-convert') : message.index(' writes one')])
    subprocess.run(
        [sys.executable, '-m', 'rosbags.convert', *command[1:]], check=True, capture_output=True
    )
    assert_same(read_episode(bag.with_name(f'{bag.name}_mcap'), CAMERAS), play())


def test_conversion_command_for_a_bag_without_definitions_accepts_any_path(tmp_path):
    bag = tmp_path / ODD
    bag.mkdir()
    (bag / 'x_0.db3').touch()
    with pytest.raises(NoEpisodeError) as error:
        read_episode(bag, CAMERAS)
    message = str(error.value)
    command = message[message.index('ros2 bag convert') : message.index(', where irevla_msgs')]
    script = 'ros2() { printf "%s\\n" "$4"; cat "$6"; }; ' + command
    source, options = subprocess.run(
        ['bash', '-c', script], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert source == str(bag)
    assert yaml.safe_load(options) == {
        'output_bags': [{'uri': f'{bag}_mcap', 'storage_id': 'mcap', 'all': True}]
    }


def test_usage_gives_counts_and_reasons():
    assert usage(3, {}) == 'used 3 of 3 episodes'
    assert usage(2, {'a': 'aborted', 'b': 'failed', 'c': 'aborted'}, {'d': 'contains no bag'}) == (
        'used 2 of 5 episodes, because 2 aborted (a, c); 1 failed (b); '
        'not counted: 1 contains no bag (d)'
    )
    assert usage(0, dict.fromkeys('abcdef', 'failed')) == (
        'used 0 of 6 episodes, because 6 failed (a, b, c and 3 more)'
    )
