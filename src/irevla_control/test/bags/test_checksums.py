# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Every checksum in a bag is verified, because a changed image must not be trained on."""

import zlib

from foreign_bags import chunk_offsets, messages_of, write_mcap
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType, Writer
from played_episode import CAMERAS, assert_same, play
import pytest
from recordings import recording

from irevla_control.bags.mcap_reader import McapReader
from irevla_control.bags.reader import read_episode
from irevla_control.errors import BagError

COMPRESSIONS = list(CompressionType)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    root = tmp_path_factory.mktemp('bag')
    with recording(root) as run:
        run.play(play())
    return root / 'reach_0'


@pytest.mark.parametrize('compression', COMPRESSIONS)
@pytest.mark.parametrize(
    'options',
    [
        {},
        {'use_chunking': False},
        {'use_statistics': False},
        {'repeat_channels': False},
        {'index_types': IndexType.NONE, 'use_summary_offsets': False},
        {'enable_data_crcs': True},
        {'enable_crcs': False},
    ],
)
def test_files_of_other_writers_are_read(tmp_path, bag, compression, options):
    folder = write_mcap(
        tmp_path / 'other' / 'x.mcap', messages_of(bag), compression=compression, **options
    )
    assert_same(read_episode(folder, CAMERAS), play())


@pytest.mark.parametrize('compression', COMPRESSIONS)
def test_a_changed_byte_in_any_chunk_is_refused(tmp_path, bag, compression):
    folder = write_mcap(tmp_path / 'other' / 'x.mcap', messages_of(bag), compression=compression)
    content = (folder / 'x.mcap').read_bytes()
    chunks = chunk_offsets(content)
    assert len(chunks) > 3
    for start, size in chunks:
        damaged = bytearray(content)
        damaged[start + size // 2] ^= 1
        (folder / 'x.mcap').write_bytes(damaged)
        with pytest.raises(BagError, match=rf'{folder / "x.mcap"} cannot be read: the chunk at'):
            read_episode(folder, CAMERAS)


@settings(max_examples=60)
@given(st.data())
def test_flipped_bit_in_a_compressed_bag_is_detected_or_harmless(tmp_path_factory, bag, data):
    folder = tmp_path_factory.mktemp('flip')
    write_mcap(
        folder / 'x.mcap',
        messages_of(bag),
        compression=data.draw(st.sampled_from(COMPRESSIONS)),
        enable_data_crcs=data.draw(st.booleans()),
    )
    content = bytearray((folder / 'x.mcap').read_bytes())
    start, size = data.draw(st.sampled_from(chunk_offsets(bytes(content))))
    content[data.draw(st.integers(start, start + size - 1))] ^= 1 << data.draw(st.integers(0, 7))
    (folder / 'x.mcap').write_bytes(content)
    try:
        episode = read_episode(folder, CAMERAS)
    except BagError as error:
        assert str(folder) in str(error)
    else:
        assert_same(episode, play())


@pytest.mark.parametrize('name', [b'notes.txt', b'one two three'])
def test_a_changed_attachment_is_refused(tmp_path, name):
    path = tmp_path / 'x.mcap'
    with path.open('wb') as stream:
        writer = Writer(stream)
        writer.start('ros2', 'test')
        writer.add_attachment(0, 0, 'notes.txt', 'text/plain', b'one two three')
        writer.finish()
    McapReader(path).verify()
    content = bytearray(path.read_bytes())
    content[content.index(name)] ^= 1
    path.write_bytes(content)
    with pytest.raises(BagError, match='the attachment at byte'):
        McapReader(path).verify()


def test_file_with_fewer_messages_than_its_summary_counts_is_refused(tmp_path, bag):
    folder = write_mcap(tmp_path / 'other' / 'x.mcap', messages_of(bag), use_chunking=False)
    content = bytearray((folder / 'x.mcap').read_bytes())
    # The message's record gets an opcode that readers must skip.
    place = content.index(next(messages_of(bag))[2].data) - 31
    assert content[place] == 5
    content[place] = 0x80
    (folder / 'x.mcap').write_bytes(content)
    with pytest.raises(
        BagError, match='it contains 4 messages of /camera/corner/image_raw, and counted 5'
    ):
        read_episode(folder, CAMERAS)


def test_checksum_of_a_file_of_the_recorder_covers_all_its_data(tmp_path, bag):
    path = bag / 'reach_0_0.mcap'
    content = path.read_bytes()
    assert zlib.crc32(content) and McapReader(path).checksum
    (tmp_path / 'x.mcap').write_bytes(content[:2000] + bytes([content[2000] ^ 4]) + content[2001:])
    with pytest.raises(BagError, match='its data has another checksum'):
        McapReader(tmp_path / 'x.mcap').verify()
