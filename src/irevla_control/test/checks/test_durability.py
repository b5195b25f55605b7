# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from irevla_control.checks.durability import durable_replaces, own_file_handling
from irevla_control.files import replace_synced, sync, write_synced


def test_a_synced_rename_passes(tmp_path):
    with durable_replaces(tmp_path / 'file'):
        write_synced(tmp_path / 'file', 'content')


def folder_with_a_file(path):
    path.mkdir()
    (path / 'file').write_text('content')
    return path


def test_a_file_that_was_not_synced_inside_a_renamed_folder_fails(tmp_path):
    new = folder_with_a_file(tmp_path / 'new')
    sync(new)
    with (
        pytest.raises(AssertionError, match='file.* before it was on the disk'),
        durable_replaces(tmp_path / 'target'),
    ):
        os.rename(new, tmp_path / 'target')


def test_a_rename_whose_folder_is_not_synced_afterwards_fails(tmp_path):
    new = folder_with_a_file(tmp_path / 'new')
    with (
        pytest.raises(AssertionError, match='entries of .* are not on the disk'),
        durable_replaces(tmp_path / 'target'),
    ):
        sync(new / 'file')
        sync(new)
        new.rename(tmp_path / 'target')


def test_a_target_that_is_written_in_place_fails(tmp_path):
    with (
        pytest.raises(AssertionError, match='did not come by a rename'),
        durable_replaces(tmp_path / 'target'),
    ):
        (tmp_path / 'target').write_text('content')
    with (
        pytest.raises(AssertionError, match='did not come by a rename'),
        durable_replaces(tmp_path / 'target'),
    ):
        replace_synced(folder_with_a_file(tmp_path / 'new'), tmp_path / 'other')


@pytest.mark.parametrize(
    'line, found',
    [
        ('import fcntl', 'imports fcntl'),
        ('os.replace(a, b)', 'calls os.replace'),
        ('shutil.move(a, b)', 'calls shutil.move'),
        ('folder.rename(b)', 'calls folder.rename'),
        ("(folder / 'x').replace(b)", 'calls (folder / '),
        ("text.replace('a', 'b')", ''),
        ('time.replace(hour=1)', ''),
        ('dataclasses.replace(a, b=1)', ''),
    ],
)
def test_renames_and_locks_beside_the_shared_functions_are_found(tmp_path: Path, line, found):
    (tmp_path / 'package.xml').write_text('<package><name>pack</name></package>')
    (tmp_path / 'pack').mkdir()
    (tmp_path / 'pack' / 'module.py').write_text(f'{line}\n')
    problems = own_file_handling(tmp_path)
    assert (found in problems) if found else problems == ''
