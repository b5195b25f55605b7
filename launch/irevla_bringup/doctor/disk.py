# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the folder for recordings: free space, and speed of a long write."""

import os
from pathlib import Path
import shutil
import tempfile
import time

from irevla_bringup.doctor.result import Result, not_applicable, ok, problem, warning
from irevla_control.recording.limits import Limits

# What a recorder writes with two 640x480 RGB cameras at 30 Hz, plus states and commands [bytes/s].
RECORDED_BYTES_S = 2 * 640 * 480 * 3 * 30 + 200_000
# A disk must be this much faster, because other programs write too.
MARGIN = 2
WRITTEN_BYTES, BLOCK_BYTES = 256_000_000, 4_000_000
# Recording time that the free space should suffice for, and must suffice for [s].
ENOUGH_S, LEAST_S = 3600, 600
NO_FOLDER = 'give --folder FOLDER'
FASTER = 'record to an internal SSD; smaller images or a lower fps need less'


def space(folder: Path | None) -> Result:
    """Check that the folder exists, can be written, and has room for an hour of recording."""
    if folder is None:
        return not_applicable(NO_FOLDER)
    if not folder.is_dir():
        return problem(f'{folder} is no folder', f'mkdir -p {folder}')
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return problem(f'this user may not write to {folder}', f'sudo chown $USER {folder}')
    return judged_space(shutil.disk_usage(folder).free)


def judged_space(free_bytes: int) -> Result:
    """Judge free disk space; the recorder leaves a part of it free."""
    lasts_s = max(0, free_bytes - Limits.min_free_bytes) / RECORDED_BYTES_S
    found = f'{free_bytes / 1e9:.1f} GB free: {lasts_s / 60:.0f} minutes of two 640x480 cameras'
    remedy = 'free some space, or record to another disk'
    if lasts_s >= ENOUGH_S:
        return ok(found)
    return warning(found, remedy) if lasts_s >= LEAST_S else problem(found, remedy)


def speed(folder: Path | None, size_bytes: int = WRITTEN_BYTES) -> Result:
    """Check that the folder's disk takes what a recorder writes, with a file without a name."""
    if folder is None:
        return not_applicable(NO_FOLDER)
    try:
        if shutil.disk_usage(folder).free < size_bytes + Limits.min_free_bytes:
            return not_applicable('not measured: too little free space')
        return judged_speed(written_bytes_s(folder, size_bytes))
    except OSError as error:
        return not_applicable(f'not measured: {folder}: {error.strerror}')


def judged_speed(bytes_s: float) -> Result:
    """Judge the speed of a disk [bytes/s]."""
    found = (
        f'{bytes_s / 1e6:.0f} MB/s; two 640x480 cameras at 30 Hz need {RECORDED_BYTES_S / 1e6:.0f}'
    )
    if bytes_s >= MARGIN * RECORDED_BYTES_S:
        return ok(found)
    return (warning if bytes_s >= RECORDED_BYTES_S else problem)(found, FASTER)


def written_bytes_s(folder: Path, size_bytes: int) -> float:
    """Return the speed of a write that ends on the disk [bytes/s]; nothing stays."""
    # A compressing file system must not make it faster.
    block = os.urandom(BLOCK_BYTES)
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        began = time.perf_counter()
        left = size_bytes
        while left > 0:
            left -= file.write(block[:left])
        os.fsync(file.fileno())
        return size_bytes / (time.perf_counter() - began)
