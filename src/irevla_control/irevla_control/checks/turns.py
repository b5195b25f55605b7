# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests in several processes, some of which must run alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from irevla_control.files import Lock

# The lock that this process has.
_held: list[Lock] = []


@contextmanager
def turn(folder: Path, alone: bool, module: Path, following: Path | None) -> Iterator[None]:
    """Run a test while no test that must be alone runs in another process, or alone.

    Args:
        folder: folder that all these processes lock.
        alone: whether nothing else may run beside.
        module: file of the test.
        following: file of the next test of this process, which continues a turn alone if it is
            the same: a graph of a module may run until the module's last test.

    """
    if not _held:
        _held.append(Lock(folder, is_folder=True, wait=True, shared=not alone))
    try:
        yield
    finally:
        if not alone or following != module:
            _held.pop().close()
