# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which tests may run beside one that holds a turn."""

import contextlib
import fcntl
import os
from pathlib import Path

import pytest

from irevla_control.checks import turns
from irevla_control.checks.turns import turn

ONE, OTHER = Path('test_one.py'), Path('test_other.py')


@pytest.fixture(autouse=True)
def no_turn_yet(monkeypatch):
    """Hide the turn that this test itself runs in."""
    monkeypatch.setattr(turns, '_held', [])


def free(folder, kind):
    """Return whether another process could take its turn now."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return True
        return False
    finally:
        os.close(descriptor)


@pytest.mark.parametrize('alone', [True, False])
def test_a_turn_lets_others_in_unless_it_is_alone(alone, tmp_path):
    with turn(tmp_path, alone, ONE, OTHER):
        assert free(tmp_path, fcntl.LOCK_SH) is not alone
        assert not free(tmp_path, fcntl.LOCK_EX)
    assert free(tmp_path, fcntl.LOCK_EX)


def test_a_kept_turn_ends_with_the_next_test(tmp_path):
    with turn(tmp_path, True, ONE, ONE):
        pass
    assert not free(tmp_path, fcntl.LOCK_SH)
    with turn(tmp_path, True, ONE, None):
        assert not free(tmp_path, fcntl.LOCK_SH)
    assert free(tmp_path, fcntl.LOCK_EX)
