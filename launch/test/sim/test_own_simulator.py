# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The guide's simulator runs in launch files and in Algorithm 1, selected in one place."""

from dataclasses import replace
import os
from pathlib import Path
import sys

import graph
import numpy as np
import pytest
import yaml

from irevla_bringup import ros_backend
from irevla_bringup.ros_backend import RosBackend
from irevla_control.bags.reader import read_episode
from irevla_control.checks.guide_code import write_toy_simulator
from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.config import load_config
from irevla_sim.simulator.rollout import demonstrate
from irevla_sim.simulator.simulator_env import SimulatorEnv

ROOT = Path(__file__).resolve().parents[3]
PYTHON_LINES = 60


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The guide's simulator as the module `toy`, here and in the nodes that a test starts."""
    folder = tmp_path / 'toy'
    folder.mkdir()
    write_toy_simulator(ROOT, folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv('PYTHONPATH', str(folder), prepend=os.pathsep)
    # Each test imports the module from its own folder.
    sys.modules.pop('toy', None)
    yield folder
    sys.modules.pop('toy', None)


@pytest.fixture
def config():
    """The shipped configuration for another simulator."""
    shipped = load_config(graph.CONFIG / 'algorithm1.yaml')
    return replace(shipped, environment='toy:Toy-v0', horizon=None)


def test_the_guide_s_simulator_is_short(toy):
    assert len((toy / 'toy.py').read_text().splitlines()) <= PYTHON_LINES


def test_its_demonstrations_are_recorded_as_in_process(toy, config, tmp_path):
    run = tmp_path / 'run'
    backend = RosBackend(config, 0, 1, run)
    (run / 'logs').mkdir(parents=True)
    results = backend.collect(
        {'reach-red': 1, 'reach-blue': 1}, run / 'demonstrations', {'noise_std': 0.2}
    )
    assert [result.task for result in results] == ['reach-red', 'reach-blue']
    env = SimulatorEnv('toy')
    for result in results:
        expected = demonstrate(env, result.task, result.seed, 0.2)
        bag = run / 'demonstrations/worker0' / result.episode_id
        episode = read_episode(bag, ('front', 'wrist'))
        assert result.success and result.steps == len(expected.actions) < 40
        assert episode.instruction == expected.instruction
        np.testing.assert_array_equal(episode.states, expected.states)
        np.testing.assert_array_equal(episode.actions, expected.actions)
        np.testing.assert_array_equal(episode.labels, expected.labels)
        for camera, images in expected.images.items():
            np.testing.assert_array_equal(episode.images[camera], images)


@pytest.mark.parametrize(('horizon', 'given'), [(None, 0), (30, 30)])
def test_every_graph_of_algorithm_1_has_the_environment_s_simulator(
    toy, config, tmp_path, monkeypatch, horizon, given
):
    started = []
    monkeypatch.setattr(ros_backend, 'run_graphs', lambda graphs, *_, **__: started.extend(graphs))
    backend = RosBackend(replace(config, horizon=horizon), 0, 2, tmp_path)
    backend.collect({'reach-red': 1}, tmp_path / 'demonstrations', {})
    backend.evaluate(tmp_path / 'checkpoint', {'reach-red': 1, 'reach-blue': 1}, tmp_path / 'e')
    (tmp_path / 'stage1').mkdir()
    backend.learn('reach-blue', tmp_path / 'checkpoint', tmp_path / 'stage1')
    assert [one.launch_file for one in started] == [
        'collect.launch.py',
        'sim.launch.py',
        'sim.launch.py',
        'stage1.launch.py',
    ]
    for one in started:
        assert (one.arguments['simulator'], one.arguments['horizon']) == ('toy', given)


def test_an_environment_without_a_node_is_refused_over_ros(config, tmp_path):
    other = replace(config, environment='CartPole-v1')
    with pytest.raises(ConfigError, match='CartPole-v1 is no simulator of the suite'):
        RosBackend(other, 0, 1, tmp_path)


def test_the_horizon_is_a_number_or_null(tmp_path):
    shipped = graph.CONFIG / 'algorithm1.yaml'
    values = yaml.safe_load(shipped.read_text()) | {
        name: str(graph.CONFIG / folder / file)
        for name, folder, file in (
            ('settings', 'learning', 'sacfd.yaml'),
            ('training', 'training', 'stage2.yaml'),
        )
    }
    file = tmp_path / 'own.yaml'
    for value in (None, 30):
        file.write_text(yaml.safe_dump(values | {'horizon': value}))
        assert load_config(file).horizon == value
    file.write_text(yaml.safe_dump(values | {'horizon': 0}))
    with pytest.raises(ConfigError, match='horizon'):
        load_config(file)
