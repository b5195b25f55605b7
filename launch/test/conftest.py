# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the launch tests, and the choice of tests that run in parallel."""

import fcntl
import importlib.util
import os
from pathlib import Path

import graph
import pytest

from irevla_control.checks.own_domain import use_own_domain

use_own_domain()
# File descriptor of the running test's lock.
held: list[int] = []


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Run two graphs at once: one starts while the other waits."""
    return 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Run tests marked `alone`, which a late image would fail, alone; others in parallel."""
    alone = item.get_closest_marker('alone')
    if not held:
        held.append(os.open(Path(__file__).parent, os.O_RDONLY))
        fcntl.flock(held[0], fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        return (yield)
    finally:
        # The graph of a module may run until the module's last test.
        if not (alone and nextitem and nextitem.path == item.path):
            os.close(held.pop())


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory):
    return graph.untrained_checkpoint(tmp_path_factory.mktemp('policy') / 'checkpoint')


@pytest.fixture
def install():
    """Return the module of `make setup`, which belongs to no package."""
    spec = importlib.util.spec_from_file_location(
        'install', Path(__file__).resolve().parents[2] / 'setup/install.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
