# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""config/ has every parameter of every node with a comment, and nothing else."""

from importlib import import_module
from pathlib import Path

from launch import LaunchContext
import pytest
import yaml

from irevla_bringup.argument_values import task_names

CONFIG = Path(__file__).resolve().parents[2] / 'config'
NODES = {
    'simulator': 'irevla_sim.simulator.simulator_node',
    'expert': 'irevla_sim.simulator.expert_node',
    'command_mux': 'irevla_control.episodes.command_mux_node',
    'recorder': 'irevla_control.recording.recorder_node',
    'franka': 'irevla_control.franka.franka_node',
    'realsense': 'irevla_control.cameras.realsense_node',
    'spacemouse': 'irevla_control.teleop.spacemouse_node',
    'replay': 'irevla_control.teleop.replay_node',
    'robot_episode': 'irevla_control.episodes.robot_episode_node',
    'scene': 'irevla_sim.panda.scene_node',
    'scripted_operator': 'irevla_sim.panda.scripted_operator_node',
    'scripted_person': 'irevla_sim.panda.devices.scripted_person_node',
    'episode_runner': 'irevla_control.episodes.episode_runner_node',
    'console': 'irevla_control.console.console_parameters',
    'vla': 'irevla_policy.nodes.vla_node',
    'learner': 'irevla_learner.nodes.learner_node',
    'reward': 'irevla_learner.nodes.reward_node',
}
# Parameters that change from run to run are set by the launch files.
FROM_LAUNCH = {
    'simulator': {
        'simulator',
        'cameras',
        'image_size',
        'horizon',
        'linger',
        'mode',
        'action_repeat',
        'tasks_file',
    },
    'expert': {'simulator', 'action_repeat', 'tasks_file'},
    'command_mux': set(),
    'franka': {'robot_ip'},
    'realsense': {'cameras', 'serials', 'image_size', 'fps'},
    'spacemouse': {'cameras', 'max_skew_s', 'follow_policy'},
    'replay': {'bag', 'cameras', 'max_skew_s'},
    'robot_episode': {'camera', 'horizon', 'linger', 'arrange', 'operator_begins'},
    'scene': set(),
    'scripted_operator': {'cameras', 'max_skew_s', 'demonstrate', 'judge'},
    'scripted_person': set(),
    'recorder': {'cameras', 'root'},
    'console': {'cameras', 'tasks', 'port'},
    'episode_runner': {
        'tasks',
        'episodes',
        'curriculum',
        'seed',
        'instruction',
        'output',
        'wait_for',
        'recorded',
    },
    'vla': {'checkpoint'},
    'learner': {'checkpoint', 'settings', 'root', 'seed', 'task'},
    'reward': {'checkpoint', 'classifier'},
}


@pytest.mark.parametrize('node', NODES)
def test_config_and_node_agree_on_the_parameters(node):
    text = (CONFIG / f'{node}.yaml').read_text()
    given = yaml.safe_load(text)[f'/**/{node}']['ros__parameters']
    declared = import_module(NODES[node]).PARAMETERS
    assert set(given) | FROM_LAUNCH[node] == set(declared)
    for name, value in given.items():
        assert type(value) is type(declared[name].default), name
        assert value == declared[name].default, (
            f'{name} has two defaults, {value} and {declared[name].default}'
        )
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith('    ') and ':' in line and line.strip()[0] not in '#-':
            assert '#' in line or lines[number - 1].strip().startswith('#'), line


@pytest.mark.parametrize('node', NODES)
def test_every_parameter_is_described(node):
    for name, parameter in import_module(NODES[node]).PARAMETERS.items():
        assert len(parameter.description) > 10, name
        if isinstance(parameter.default, float) and name.endswith(('_s', '_hz')):
            assert '[s]' in parameter.description or '[Hz]' in parameter.description, name


def test_a_task_that_cannot_name_a_recording_is_refused_before_a_node_starts():
    context = LaunchContext()
    context.launch_configurations['tasks'] = 'pick-carrot:5, pick eggplant:2'
    with pytest.raises(RuntimeError, match="launch argument tasks:=.*such as 'pick-eggplant'"):
        task_names(context)
    context.launch_configurations['tasks'] = 'pick-carrot:5, pick-eggplant'
    assert task_names(context) == ['pick-carrot:5', 'pick-eggplant']


def test_every_node_of_the_suite_is_covered():
    root = CONFIG.parent
    files = {
        path.stem.removesuffix('_node')
        for folder in ('src', 'sim')
        for path in (root / folder).rglob('*_node.py')
        if 'test' not in path.parts
    }
    # The fake nodes are the real nodes with other devices.
    assert files == {*NODES, 'fake_realsense', 'fake_spacemouse'}
