# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which folders and files count as an episode, as a lost episode, or as neither."""

from pathlib import Path
import shutil

from played_episode import CAMERAS, SECOND, assert_same, play
import pytest
from recordings import recording

from irevla_control.bags.index import find_episodes, list_episodes, main, rebuild_index
from irevla_control.bags.reader import read_episode
from irevla_control.errors import BagError
from irevla_control.lerobot.export import export


def test_lost_episodes_are_counted_and_named(root, capsys):
    """A lost episode counts in the total, so that its loss is visible."""
    with recording(root) as run:
        for number in (2, 3, 4):
            run.play(play(f'reach_{number}', start=(1_700_000_000 + 100 * number) * SECOND))
    (root / 'reach_0' / 'reach_0_0.mcap').unlink()
    (root / 'reach_1').rename(root / 'renamed')
    shutil.rmtree(root / 'reach_2')
    file = root / 'reach_3' / 'reach_3_0.mcap'
    file.rename(file.with_suffix('.mcap.zstd'))
    (root / 'notes').mkdir()
    found = find_episodes([root])
    assert [entry.episode_id for entry in found.episodes.values()] == ['reach_1', 'reach_4']
    assert found.lost == {
        str(
            root / 'reach_0'
        ): 'contains metadata.yaml without an MCAP file; copy the folder again',
        str(root / 'reach_2'): 'listed in index.jsonl, but gone',
        str(root / 'reach_3'): 'contains a compressed MCAP file; zstd -d unpacks it',
    }
    assert main([str(root)]) == 0
    assert 'listed 2 of 5 episodes, because 1 contains metadata.yaml' in capsys.readouterr().out
    info = export([root], root.parent / 'dataset')
    assert info['usage'].startswith('used 2 of 5 episodes, because 1 contains metadata.yaml')
    # An episode that was moved to another root is not lost.
    shutil.copytree(root / 'renamed', root.parent / 'other' / 'reach_2')
    (root / 'renamed').rename(root.parent / 'moved')
    assert str(root / 'reach_1') not in find_episodes([root, root.parent / 'other']).lost


def test_root_given_by_several_paths_is_counted_once(root, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'link').symlink_to(root)
    roots = [Path('root'), root, tmp_path / 'link', root / '..' / 'root']
    found = find_episodes(roots)
    assert list(found.episodes) == [Path('root/reach_0'), Path('root/reach_1')]
    assert not found.others and not found.lost


def test_copy_of_a_file_in_the_same_folder_is_refused(root):
    folder = root / 'reach_0'
    shutil.copy(folder / 'reach_0_0.mcap', folder / 'reach_0_0 (copy).mcap')
    for read in (lambda: read_episode(folder, CAMERAS), lambda: list_episodes(root)):
        with pytest.raises(
            BagError,
            match=r'the same file twice, as reach_0_0 \(copy\)\.mcap '
            r'and reach_0_0\.mcap; move one of them away',
        ):
            read()


def test_side_files_of_macos_are_ignored(root):
    before = list_episodes(root)
    for folder in (root, root / 'reach_0'):
        (folder / '._reach_0_0.mcap').write_bytes(b'\0\x05\x16\x07' + bytes(4092))
    (root / 'reach_0' / 'folder.mcap').mkdir()
    found = find_episodes([root])
    assert list(found.episodes.values()) == before == rebuild_index(root) and not found.others
    assert_same(read_episode(root / 'reach_0', CAMERAS), play())
