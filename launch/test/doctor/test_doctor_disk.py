# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Space and speed of the folder for recordings."""

import os
from pathlib import Path
import shutil
import tempfile

import pytest
from system_tree import without_root

from irevla_bringup.doctor import disk


def test_without_a_folder_there_is_nothing_to_check():
    assert disk.space(None).status == disk.speed(None).status == 'not applicable'


def test_a_missing_folder_is_a_problem(tmp_path):
    found = disk.space(tmp_path / 'none')
    assert found.status == 'problem' and found.remedy == f'mkdir -p {tmp_path}/none'
    assert disk.speed(tmp_path / 'none').status == 'not applicable'


def test_a_folder_of_another_user_is_a_problem():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        with without_root():
            found, speed = disk.space(Path(folder)), disk.speed(Path(folder), 1000)
    assert found.status == 'problem' and 'may not write' in found.found
    assert speed.status == 'not applicable' and 'Permission denied' in speed.found


@pytest.mark.parametrize(
    ('gigabytes', 'status'),
    [(1000, 'ok'), (201, 'ok'), (199, 'warning'), (20, 'problem'), (0, 'problem')],
)
def test_space_is_judged_by_the_time_that_it_lasts(gigabytes, status):
    found = disk.judged_space(int(gigabytes * 1e9))
    assert found.status == status and bool(found.remedy) == (status != 'ok')


@pytest.mark.parametrize(('mb_s', 'status'), [(500, 'ok'), (80, 'warning'), (30, 'problem')])
def test_speed_is_judged_by_what_two_cameras_need(mb_s, status):
    found = disk.judged_speed(mb_s * 1e6)
    assert found.status == status and f'{mb_s} MB/s' in found.found and 'need 55' in found.found


def test_the_write_is_measured_and_leaves_nothing(tmp_path):
    assert 1e5 < disk.written_bytes_s(tmp_path, 5_000_001) < 1e11
    found = disk.speed(tmp_path, 1_000_000)
    assert 'MB/s' in found.found and list(tmp_path.iterdir()) == []


def test_a_nearly_full_disk_is_not_filled(tmp_path):
    size = shutil.disk_usage(tmp_path).free
    found = disk.speed(tmp_path, size)
    assert found.status == 'not applicable' and 'too little free space' in found.found
    assert disk.space(tmp_path).found
