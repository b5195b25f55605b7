# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the launch tests, and the choice of tests that run in parallel."""

import importlib.util
from pathlib import Path

import graph
import pytest

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.checks.turns import turn

use_own_domain()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Run two graphs at once: one starts while the other waits."""
    return 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Run tests marked `alone`, which a late image would fail, alone; others in parallel."""
    alone = bool(item.get_closest_marker('alone'))
    with turn(Path(__file__).parent, alone, item.path, nextitem and nextitem.path):
        return (yield)


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
