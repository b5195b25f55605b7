# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests in several processes, some of which must run alone."""

from collections.abc import Iterator
from contextlib import contextmanager
import fcntl
import os
from pathlib import Path

# File descriptor of the lock that this process holds.
_held: list[int] = []


@contextmanager
def turn(folder: Path, *, alone: bool, keep: bool) -> Iterator[None]:
    """Run a test while no test that must be alone runs in another process, or alone.

    Args:
        folder: folder that all these processes lock.
        alone: whether nothing else may run beside.
        keep: whether the next test of this process continues the turn.

    """
    if not _held:
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        _held.append(descriptor)
    try:
        yield
    finally:
        if not keep:
            descriptor = _held.pop()
            # A child process may have the descriptor too.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)
