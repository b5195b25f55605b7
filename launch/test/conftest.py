# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch tests share, and which of them run side by side."""

import fcntl
import importlib.util
import os
from pathlib import Path

import graph
import pytest

graph.use_own_domain()
# The lock of the test that runs.
held: list[int] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Two graphs at once: one starts where the other waits."""
    return 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """A module that a late picture would fail is marked `alone`; all else runs side by side."""
    alone = item.get_closest_marker('alone')
    if not held:
        held.append(os.open(Path(__file__).parent, os.O_RDONLY))
        fcntl.flock(held[0], fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        return (yield)
    finally:
        # Its graph may run on until its last test.
        if not (alone and nextitem and nextitem.path == item.path):
            os.close(held.pop())


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory):
    return graph.untrained_checkpoint(tmp_path_factory.mktemp('policy') / 'checkpoint')


@pytest.fixture
def install():
    """The module of `make setup`, which no package holds."""
    spec = importlib.util.spec_from_file_location(
        'install', Path(__file__).resolve().parents[2] / 'setup/install.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
