# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An isolated ROS domain for each test run; one environment shared by most tests."""

import os
from pathlib import Path
import sys

from client import Client, running
import pytest
import rclpy

from irevla_control.checks.guide_code import write_toy_simulator
from irevla_control.checks.own_domain import use_own_domain
from irevla_control.checks.turns import turn
from irevla_sim.panda.process import PandaProcess
from irevla_sim.simulator.simulator_env import SimulatorEnv


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Draw and simulate in two processes; the simulated Panda runs alone, in real time."""
    return 2


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """Run a module of the Panda or of a node alone, others in parallel."""
    alone = in_real_time(item)
    with turn(Path(__file__).parent, alone, item.path, nextitem and nextitem.path):
        return (yield)


def in_real_time(item):
    return bool(
        item.get_closest_marker('alone')
        or item.path.parent.name in ('panda', 'operators')
        or item.path.stem.endswith('_node')
    )


@pytest.fixture(scope='session')
def env():
    environment = SimulatorEnv('metaworld', image_size=48)
    yield environment
    environment.close()


@pytest.fixture(scope='session')
def blind_env():
    return SimulatorEnv('metaworld', cameras=())


@pytest.fixture(scope='session')
def toy(tmp_path_factory):
    """The guide's simulator as the module `toy`, here and in the nodes that a test starts."""
    folder = tmp_path_factory.mktemp('toy')
    write_toy_simulator(Path(__file__).resolve().parents[2], folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv('PYTHONPATH', str(folder), prepend=os.pathsep)
        yield folder
    sys.modules.pop('toy', None)


@pytest.fixture(scope='session')
def ros():
    use_own_domain()
    rclpy.init()
    yield
    rclpy.shutdown()


@pytest.fixture(scope='module')
def panda():
    """A simulated Panda in its own process."""
    panda = PandaProcess()
    yield panda
    panda.stop()


@pytest.fixture(scope='session')
def graph(ros):
    """A client of a running simulator."""
    client = Client()
    with running('simulator_node', horizon=30):
        client.wait_for_simulator()
        yield client
    client.close()
