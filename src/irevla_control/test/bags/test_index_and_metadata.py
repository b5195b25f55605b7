# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Index and metadata are used only where they agree with the recorded data."""

import json
import re
import shutil

from foreign_bags import messages_of, write_mcap
from mcap.writer import CompressionType
from played_episode import CAMERAS
import pytest
import yaml

from irevla_control.bags.identity import entry_from_bag
from irevla_control.bags.index import (
    INDEX,
    find_episodes,
    list_episodes,
    main,
    read_index,
    rebuild_index,
    repair_index,
)
from irevla_control.bags.joining import StepCount
from irevla_control.bags.layout import EPISODE_METADATA
from irevla_control.bags.reader import read_episode
from irevla_control.errors import BagError
from irevla_control.lerobot.export import main as export_main


def flip_bits(file, found, by=1):
    """Flip bits of the last byte of the last match."""
    content = bytearray(file.read_bytes())
    at = [match.end() - 1 for match in re.finditer(found, bytes(content))][-1]
    content[at] ^= by
    file.write_bytes(content)


@pytest.mark.parametrize('side_file', [True, False])
def test_changed_byte_in_the_metadata_record_is_refused(root, side_file):
    (root / INDEX).unlink()
    if not side_file:
        (root / 'reach_0' / 'metadata.yaml').unlink()
    flip_bits(root / 'reach_0' / 'reach_0_0.mcap', rb'success\x04\0\0\0true')
    for read in (lambda: entry_from_bag(root / 'reach_0'), lambda: list_episodes(root)):
        with pytest.raises(BagError, match='reach_0_0.mcap cannot be read: .*another checksum'):
            read()


def test_changed_byte_in_the_summary_is_refused(root):
    flip_bits(root / 'reach_0' / 'reach_0_0.mcap', b'/command')
    with pytest.raises(BagError, match='its summary has another checksum'):
        entry_from_bag(root / 'reach_0')


def test_flag_other_than_true_or_false_is_refused(root):
    side = root / 'reach_0' / 'metadata.yaml'
    whole = (root / 'reach_0' / 'reach_0_0.mcap').read_bytes()
    # Release 0.1 stored the outcome in metadata.yaml only.
    write_mcap(root / 'reach_0' / 'reach_0_0.mcap', list(messages_of(root / 'reach_0')))
    assert whole != (root / 'reach_0' / 'reach_0_0.mcap').read_bytes()
    assert entry_from_bag(root / 'reach_0').success
    side.write_text(side.read_text().replace("success: 'true'", "success: 'trud'"))
    with pytest.raises(BagError, match="success is 'trud', true or false is needed"):
        entry_from_bag(root / 'reach_0')


def swap(root):
    (root / 'reach_0').rename(root / 'other')
    (root / 'reach_1').rename(root / 'reach_0')
    (root / 'other').rename(root / 'reach_1')


def move_over(root):
    shutil.rmtree(root / 'reach_0')
    (root / 'reach_1').rename(root / 'reach_0')


def copy_over(root):
    shutil.rmtree(root / 'reach_0')
    shutil.copytree(root / 'reach_1', root / 'reach_0')


@pytest.mark.parametrize(
    ('do', 'expected'),
    [
        (swap, {'reach_0': 'reach_1', 'reach_1': 'reach_0'}),
        (move_over, {'reach_0': 'reach_1'}),
        (copy_over, {'reach_1': 'reach_1'}),
    ],
)
@pytest.mark.parametrize('own', [True, False])
def test_index_line_of_another_bag_of_the_same_size_is_ignored(root, do, expected, own):
    if not own:
        # rosbag2 writes chunks, and no checksum of all data.
        for folder in (root / 'reach_0', root / 'reach_1'):
            messages = list(messages_of(folder))
            shutil.rmtree(folder)
            write_mcap(
                folder / f'{folder.name}_0.mcap', messages, compression=CompressionType.NONE
            )
        entries = rebuild_index(root)
        assert entries[0].bytes == entries[1].bytes and entries == list_episodes(root)
    do(root)
    found = find_episodes([root])
    assert {folder.name: entry.episode_id for folder, entry in found.episodes.items()} == expected
    repair_index(root)
    assert {
        name: entry.episode_id for name, entry in read_index(root).items() if name in expected
    } == expected


def test_indexed_bags_are_not_read_again(root, monkeypatch):
    def read(folder):
        raise AssertionError(folder)

    monkeypatch.setattr('irevla_control.bags.index.entry_from_bag', read)
    assert [entry.episode_id for entry in list_episodes(root)] == ['reach_0', 'reach_1']


@pytest.mark.parametrize(
    'content',
    [b'\xff\xfe\n', bytes(500), b'[' * 100_000, None],
    ids=['no text', 'zeros', 'nested', 'folder'],
)
def test_damaged_index_is_ignored(root, content):
    whole = (root / INDEX).read_bytes()
    before = list_episodes(root)
    (root / INDEX).unlink()
    if content is None:
        (root / INDEX).mkdir()
    else:
        (root / INDEX).write_bytes(content + b'\n' + whole)
        assert len(read_index(root)) == 2
    assert list_episodes(root) == before
    if content is not None:
        assert not repair_index(root) and (root / INDEX).read_bytes() == whole


@pytest.mark.parametrize(
    'wrong',
    [
        {'folder': [1]},
        {'recorded_ns': 'x'},
        {'recorded_ns': 1.5},
        {'topics': None},
        {'topics': {'/command': {}}},
        {'topics': {'/command': {'messages': '4', 'lost': 0, 'max_gap_s': 0}}},
        {'sources': 'expert'},
        {'sources': [1]},
        {'steps': True},
        {'success': 1},
        {'dropped': 'none'},
        {'task': None},
        {'more': 1},
    ],
)
def test_index_line_with_wrong_types_is_ignored(root, wrong, capsys):
    lines = (root / INDEX).read_text().splitlines()
    (root / INDEX).write_text(json.dumps(json.loads(lines[0]) | wrong) + f'\n{lines[1]}\n')
    assert list(read_index(root)) == ['reach_1']
    assert main([str(root)]) == 0 and 'listed 2 of 2 episodes' in capsys.readouterr().out
    assert not repair_index(root) and len(read_index(root)) == 2


def test_dangling_link_is_named(root):
    (root / 'reach_0' / 'more.mcap').symlink_to(root / 'nowhere' / 'more.mcap')
    with pytest.raises(BagError, match='more.mcap cannot be read: .*No such file'):
        list_episodes(root)
    assert 'more.mcap cannot be read' in repair_index(root)[0]


def converted(root, name='reach_0'):
    """Rewrite a bag without its records, as converting tools do."""
    file = root / name / f'{name}_0.mcap'
    write_mcap(file, list(messages_of(file.parent)))
    return file.parent


def test_metadata_yaml_of_another_episode_is_ignored(root):
    (root / INDEX).unlink()
    folder = converted(root)
    assert entry_from_bag(folder).seed == 0 and entry_from_bag(folder).dropped == 0
    shutil.copy(root / 'reach_1' / 'metadata.yaml', folder)
    found = find_episodes([root])
    assert [entry.episode_id for entry in found.episodes.values()] == ['reach_1', 'reach_0']
    assert not found.others
    entry = entry_from_bag(folder)
    assert (entry.episode_id, entry.seed, entry.steps, entry.success) == ('reach_0', 0, 4, True)


def parts(root, numbers, of=3):
    """Split the messages of reach_0 into `of` consecutive files; write only these numbers."""
    folder = root / 'reach_0'
    messages = list(messages_of(folder))
    shutil.rmtree(folder)
    for number in numbers:
        write_mcap(
            folder / f'reach_0_{number}.mcap',
            messages[len(messages) * number // of : len(messages) * (number + 1) // of],
        )
    return folder


@pytest.mark.parametrize('listed', [True, False])
def test_gap_in_the_file_numbers_of_a_split_bag_is_a_missing_part(root, listed):
    folder = parts(root, (0, 2))
    if listed:
        # A copy of another part does not replace the missing part.
        shutil.copy(folder / 'reach_0_2.mcap', folder / 'reach_0_2 (copy).mcap')
        (folder / 'metadata.yaml').write_text(
            yaml.safe_dump(
                {
                    'rosbag2_bagfile_information': {
                        'relative_file_paths': [f'reach_0_{number}.mcap' for number in range(3)]
                    }
                }
            )
        )
    for read in (lambda: read_episode(folder, CAMERAS), lambda: list_episodes(root)):
        with pytest.raises(BagError, match='reach_0 lacks reach_0_1.mcap, '):
            read()


def test_metadata_yaml_is_used_for_a_renamed_mcap_file(root):
    folder = root / 'reach_0'
    (folder / 'reach_0_0.mcap').rename(folder / 'best.mcap')
    assert entry_from_bag(folder).episode_id == 'reach_0'


@pytest.mark.parametrize(('kept', 'missing'), [((1, 2), '1 of its 5'), ((2,), '3 of its 5')])
def test_an_episode_whose_first_part_is_missing_is_aborted(root, kept, missing):
    entry = entry_from_bag(parts(root, kept))
    assert entry.aborted and entry.failed == f'{missing} observations are missing'


def test_episode_with_missing_events_is_aborted(root):
    folder = root / 'reach_0'
    messages = list(messages_of(folder))
    events = [each[2].publish_time for each in messages if each[1].topic == '/episode']
    shutil.rmtree(folder)
    write_mcap(
        folder / 'x.mcap',
        (
            each
            for each in messages
            if (each[1].topic, each[2].publish_time) != ('/episode', events[2])
        ),
    )
    entry = entry_from_bag(folder)
    assert entry.aborted and entry.failed == '1 of its 5 observations are missing'


@pytest.mark.parametrize('value', ['inf', 'nan', '-1', 'x'])
def test_impossible_max_skew_s_is_refused(root, value, capsys):
    file = root / 'reach_0' / 'reach_0_0.mcap'
    write_mcap(file, list(messages_of(file.parent)), [(EPISODE_METADATA, {'max_skew_s': value})])
    (file.parent / 'metadata.yaml').unlink()
    with pytest.raises(BagError, match=f'reach_0: damaged .*{value}'):
        read_episode(file.parent, CAMERAS)
    with pytest.raises(SystemExit) as caught:
        export_main(['--bags', str(root), '--output', str(root / 'out'), '--max-skew-s', value])
    assert caught.value.code == 2
    assert f'--max-skew-s: {value}: a number of seconds' in capsys.readouterr().err
    with pytest.raises(ValueError):
        StepCount.from_about({'cameras': '[]', 'max_skew_s': value, 'max_dropped_share': '0'})
