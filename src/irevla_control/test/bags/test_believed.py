# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What stands beside the recorded data (index, metadata) is believed only where it fits it."""

import re
import shutil

from played_episode import SECOND, play
import pytest
from recordings import recording

from irevla_control.bags.identity import entry_from_bag
from irevla_control.bags.index import INDEX, list_episodes
from irevla_control.errors import BagError


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    """Two episodes, bags of the same size."""
    root = tmp_path_factory.mktemp('recorded')
    with recording(root) as run:
        for number in range(2):
            run.play(play(f'reach_{number}', seed=number,
                          start=(1_700_000_000 + 100 * number) * SECOND))
    sizes = {(root / f'reach_{number}' / f'reach_{number}_0.mcap').stat().st_size
             for number in range(2)}
    assert len(sizes) == 1
    return root


@pytest.fixture
def root(tmp_path, recorded):
    return shutil.copytree(recorded, tmp_path / 'root')


def change(file, found, by=1):
    """Flip bits of the last byte that matches."""
    content = bytearray(file.read_bytes())
    at = [match.end() - 1 for match in re.finditer(found, bytes(content))][-1]
    content[at] ^= by
    file.write_bytes(content)


@pytest.mark.parametrize('side_file', [True, False])
def test_a_changed_byte_in_the_metadata_record_is_damage_not_another_outcome(root, side_file):
    (root / INDEX).unlink()
    if not side_file:
        (root / 'reach_0' / 'metadata.yaml').unlink()
    change(root / 'reach_0' / 'reach_0_0.mcap', rb'success\x04\0\0\0true')
    for read in (lambda: entry_from_bag(root / 'reach_0'), lambda: list_episodes(root)):
        with pytest.raises(BagError, match='reach_0_0.mcap cannot be read: .*another checksum'):
            read()


def test_a_changed_byte_in_the_summary_is_damage(root):
    change(root / 'reach_0' / 'reach_0_0.mcap', b'/command')
    with pytest.raises(BagError, match='its summary has another checksum'):
        entry_from_bag(root / 'reach_0')


def test_a_flag_is_true_or_false(root):
    side = root / 'reach_0' / 'metadata.yaml'
    whole = (root / 'reach_0' / 'reach_0_0.mcap').read_bytes()
    # As of release 0.1: told by metadata.yaml alone.
    from foreign_bags import messages_of, write_mcap
    write_mcap(root / 'reach_0' / 'reach_0_0.mcap', list(messages_of(root / 'reach_0')))
    assert whole != (root / 'reach_0' / 'reach_0_0.mcap').read_bytes()
    assert entry_from_bag(root / 'reach_0').success
    side.write_text(side.read_text().replace("success: 'true'", "success: 'trud'"))
    with pytest.raises(BagError, match="success is 'trud', true or false is needed"):
        entry_from_bag(root / 'reach_0')
