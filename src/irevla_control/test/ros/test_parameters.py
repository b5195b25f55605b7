# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A node refuses parameters that it does not declare or that do not fit, with one line."""

import os
import subprocess
import sys

import pytest
import rclpy
from rclpy.context import Context
from rclpy.parameter import Parameter as RosParameter

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.errors import ConfigError
from irevla_control.ros.node import Node
from irevla_control.ros.parameters import CAMERA, Parameter, check_arguments, declare

PARAMETERS = {
    'max_speed': Parameter(0.3, 'largest speed [m/s]', 0.01, 1.5),
    'box_low': Parameter([0.3, -0.3, 0.01], 'lower corner [m]'),
    'recoveries': Parameter(3, 'how many', 0, 100),
    'cameras': Parameter([''], 'names', form=CAMERA),
}
LAB = """/**/franka:
  ros__parameters:
    {}
"""


@pytest.fixture
def declared(ros, monkeypatch):
    """Return the parameters of a node `franka` with these ROS arguments."""

    def declared(*arguments, check=lambda node: None):
        monkeypatch.setattr(sys, 'argv', ['franka_node', '--ros-args', *map(str, arguments)])
        check_arguments(sys.argv)
        context = Context()
        rclpy.init(context=context)
        node = Node('franka', context=context)
        try:
            values = declare(node, PARAMETERS)
            check(node)
            return values
        finally:
            node.destroy_node()
            context.shutdown()

    return declared


@pytest.fixture
def refused(declared):
    def refused(*arguments):
        with pytest.raises(ConfigError) as error:
            declared(*arguments)
        return str(error.value)

    return refused


def test_whole_numbers_are_accepted_as_floats(declared):
    def types(node):
        assert node.get_parameter('max_speed').type_ == RosParameter.Type.DOUBLE
        assert node.get_parameter('box_low').type_ == RosParameter.Type.DOUBLE_ARRAY
        (given,) = node.describe_parameter('max_speed').floating_point_range
        assert (given.from_value, given.to_value) == (0.01, 1.5)

    values = declared('-p', 'max_speed:=1', '-p', 'box_low:=[1, 0, 2]', check=types)
    assert values == {
        'max_speed': 1.0,
        'box_low': [1.0, 0.0, 2.0],
        'recoveries': 3,
        'cameras': [''],
    }
    assert all(type(value) is float for value in (values['max_speed'], *values['box_low']))


def test_rclpys_own_parameters_are_accepted(declared):
    assert declared('-p', 'use_sim_time:=false', '-p', 'start_type_description_service:=false')


@pytest.mark.parametrize(
    'given, words',
    [
        (
            'max_sped:=0.05',
            'parameter max_sped: 0.05: no such parameter; the nearest is max_speed',
        ),
        ('max_speed:=fast', 'parameter max_speed: "fast": expected a number from 0.01 to 1.5'),
        ('max_speed:=9.0', 'parameter max_speed: 9.0: expected a number from 0.01 to 1.5'),
        ('max_speed:=.nan', 'parameter max_speed: NaN: expected a number from 0.01 to 1.5'),
        ('recoveries:=1.5', 'parameter recoveries: 1.5: expected a whole number from 0 to 100'),
        (
            'box_low:=[0.3, 0, 0.1]',
            'parameter box_low: [0.3, 0, 0.1]: whole numbers are mixed with '
            'others; expected [0.3, 0.0, 0.1]',
        ),
        ('box_low:=[0.3]', 'parameter box_low: [0.3]: expected 3 numbers'),
        ('box_low:=[]', 'parameter box_low: []: an empty list; expected at least one value'),
        (
            'cameras:=[front left]',
            'parameter cameras: ["front left"]: \'front left\' is not a name',
        ),
        (
            'use_sim_time:=true',
            'parameter use_sim_time: true: the nodes use the clock of this '
            'machine, and no node publishes /clock; only false is possible',
        ),
    ],
)
def test_an_invalid_parameter_is_refused_in_one_line(refused, given, words):
    output = refused('-p', given)
    assert output.startswith(words) and len(output.splitlines()) == 1


def test_the_file_and_line_that_give_a_value_are_named(refused, tmp_path):
    path, other = tmp_path / 'lab.yaml', tmp_path / 'other.yaml'
    path.write_text(LAB.format('max_sped: 0.05'))
    other.write_text(LAB.format('recoveries: many'))
    assert refused('--params-file', path, '--params-file', other).splitlines() == [
        f'{path}:3: parameter max_sped: 0.05: no such parameter; the nearest is max_speed',
        f'{other}:3: parameter recoveries: "many": expected a whole number from 0 to 100',
    ]


def test_a_key_for_all_that_this_node_does_not_declare_is_refused(refused, tmp_path):
    path = tmp_path / 'lab.yaml'
    path.write_text('/**: {ros__parameters: {fps: 15}}')
    assert refused('--params-file', path).startswith(f'{path}:1: parameter fps: 15: no such')


@pytest.mark.parametrize('name', ['franka_node', '/lab/franka'])
def test_a_file_whose_block_misses_the_node_is_refused(refused, tmp_path, name):
    path = tmp_path / 'lab.yaml'
    path.write_text(f'{name}: {{ros__parameters: {{max_speed: 0.05}}}}')
    assert refused('--params-file', path) == (
        f'{path}:1: block /{name.lstrip("/")} does not match this node, /franka; name it /franka '
        'or /**/franka'
    )


def test_a_file_that_also_names_other_nodes_is_accepted(declared, tmp_path):
    path = tmp_path / 'lab.yaml'
    path.write_text(
        LAB.format('max_speed: 0.05') + '/**/robot_episode: {ros__parameters: {tasks: ["a: b"]}}'
    )
    assert declared('--params-file', path)['max_speed'] == 0.05


def test_running_node_refuses_use_sim_time(declared):
    def switch(node):
        (result,) = node.set_parameters([RosParameter('use_sim_time', value=True)])
        assert not result.successful and '/clock' in result.reason
        assert not node.get_clock().ros_time_is_active

    declared(check=switch)


NODE = """
import sys
from std_msgs.msg import Empty
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import CAMERA, Parameter, declare

class Franka(Node):
    def __init__(self):
        super().__init__('franka')
        declare(self, {'max_speed': Parameter(0.3, 'speed [m/s]', 0.01, 1.5)})
        self.create_publisher(Empty, 'front left', 1)

run_node(Franka)
"""


@pytest.mark.parametrize(
    'arguments, line',
    [
        (
            ['-p', 'max_sped:=0.05'],
            'Franka: parameter max_sped: 0.05: no such parameter; the nearest',
        ),
        (['--params-file', '/nowhere.yaml'], "'/nowhere.yaml'"),
        (
            ['-p', 'max_speed'],
            "ROS refuses the arguments: failed to initialize rcl: Couldn't parse "
            "parameter override rule: '-p max_speed'",
        ),
        ([], 'Franka: Invalid topic name: topic name must not contain characters other than'),
    ],
)
def test_a_node_that_cannot_start_ends_with_one_line_and_status_1(arguments, line):
    done = subprocess.run(
        [sys.executable, '-c', NODE, '--ros-args', *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, 'ROS_DOMAIN_ID': use_own_domain()},
    )
    assert done.returncode == 1
    output = [text for text in done.stderr.splitlines() if not text.startswith('[')]
    assert len(output) == 1 and line in output[0]
