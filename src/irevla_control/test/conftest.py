# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Shared fixtures: an isolated ROS domain, recorded episodes; which tests run alone."""

from pathlib import Path
import shutil

from played_episode import SECOND, play
import pytest
import rclpy
from recordings import recording

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.checks.turns import turn


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Run two modules at once: one computes while the other waits."""
    return 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Run modules of nodes and of ROS alone, because they have deadlines; others in parallel."""
    alone = bool(
        item.get_closest_marker('alone')
        or item.path.parent.name == 'ros'
        or item.path.stem.endswith('_node')
    )
    with turn(Path(__file__).parent, alone, item.path, nextitem and nextitem.path):
        return (yield)


@pytest.fixture(scope='module')
def ros():
    """A context of rclpy in a domain of this test run's own."""
    use_own_domain()
    rclpy.init()
    yield
    # A test may have shut the context down.
    rclpy.try_shutdown()


@pytest.fixture(scope='session')
def recorded(tmp_path_factory):
    """Two episodes, bags of the same size; tests take `root`."""
    root = tmp_path_factory.mktemp('recorded')
    with recording(root) as run:
        for number in range(2):
            run.play(
                play(f'reach_{number}', seed=number, start=(1_700_000_000 + 100 * number) * SECOND)
            )
    sizes = {
        (root / f'reach_{number}' / f'reach_{number}_0.mcap').stat().st_size for number in range(2)
    }
    assert len(sizes) == 1
    return root


@pytest.fixture
def root(tmp_path, recorded):
    """A copy of the recorded episodes that a test may change."""
    return shutil.copytree(recorded, tmp_path / 'root')
