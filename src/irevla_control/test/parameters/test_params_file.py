# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A params file in which a limit would be ignored is refused, with file, key, value, remedy."""

import pytest
import rclpy
from rclpy.context import Context

from irevla_control.errors import ConfigError
from irevla_control.parameters.blocks import read_blocks
from irevla_control.parameters.parameter import CAMERA, TOPIC, TYPED_TOPIC, Parameter
from irevla_control.parameters.params_file import file_problems, given_to, missed

FRANKA = {
    'max_speed': Parameter(0.3, 'largest speed [m/s]', 0.01, 1.5),
    'max_step': Parameter(0.05, 'longest step [m]', 0.001, 0.2),
    'box_low': Parameter([0.3, -0.3, 0.01], 'lower corner [m]'),
    'recoveries': Parameter(3, 'how many', 0, 100),
    'realtime': Parameter(True, 'whether'),
    'robot_ip': Parameter('', 'address'),
}
REALSENSE = {
    'cameras': Parameter([''], 'names', form=CAMERA),
    'serials': Parameter([''], 'serial numbers'),
    'crop': Parameter([0], 'rectangle'),
    'fps': Parameter(30, 'rate [Hz]', 1, 120),
    'mode': Parameter('one', 'which', choices=('one', 'two')),
}
RECORDER = {
    'topics': Parameter([''], 'further topics', form=TYPED_TOPIC),
    'from_start': Parameter([''], 'topics', form=TOPIC),
}
LEARNER = {'max_pending_updates': Parameter(200, 'pending updates', 0, 1000)}
NODES = {'/franka': FRANKA, '/realsense': REALSENSE, '/recorder': RECORDER, '/learner': LEARNER}
IN_LAB = {f'/lab{name}': table for name, table in NODES.items()}


@pytest.fixture
def problems(tmp_path):
    """Return the problems of a file with this text, without the file's folder."""

    def check(text, nodes=NODES):
        path = tmp_path / 'lab.yaml'
        path.write_text(text)
        try:
            found = file_problems(path, read_blocks(path), nodes)
        except ConfigError as error:
            found = str(error).splitlines()
        assert all(line.startswith(f'{path}:') for line in found)
        return [line.removeprefix(f'{tmp_path}/') for line in found]

    return check


def block(name, *lines):
    return '\n'.join([f'{name}:', '  ros__parameters:', *(f'    {line}' for line in lines), ''])


@pytest.mark.parametrize(
    'nodes, text',
    [
        (NODES, block('/**/franka', 'max_speed: 0.05')),
        (NODES, block('/franka', 'max_speed: 0.05') + block('realsense', 'fps: 15')),
        (NODES, block('/**', 'fps: 15', 'max_speed: 0.05')),
        (NODES, block('/*', 'fps: 15')),
        (
            NODES,
            block(
                '/**/franka',
                'max_speed: 1',
                'box_low: [0, 0, 1]',
                'use_sim_time: false',
                'start_type_description_service: false',
            ),
        ),
        (NODES, block('/**/franka', 'max_speed: 5e-2')),
        (NODES, '# nothing\n'),
        (
            NODES,
            block(
                '/recorder',
                'topics: [/tool/force geometry_msgs/msg/Wrench]',
                'from_start: [robot_state, camera/front/image_raw, ""]',
            ),
        ),
        (NODES, block('/realsense', 'cameras: !!python/tuple [front, wrist]')),
        (IN_LAB, block('/lab/franka', 'max_speed: 0.05')),
        (IN_LAB, block('/*/franka', 'max_speed: 0.05')),
        (IN_LAB, block('/**/franka', 'max_speed: 0.05')),
        (IN_LAB, block('/lab/**', 'max_speed: 0.05')),
        (IN_LAB, 'lab: {franka: {ros__parameters: {max_speed: 0.05}}}'),
    ],
)
def test_a_valid_file_has_no_problem(problems, nodes, text):
    assert problems(text, nodes) == []


@pytest.mark.parametrize(
    'text, words',
    [
        # A misspelt limit, in any place.
        (
            block('/**/franka', 'max_sped: 0.05'),
            ['lab.yaml:3: /**/franka max_sped: 0.05: ', 'nearest is max_speed'],
        ),
        (block('/**', 'max_sped: 0.05'), ['lab.yaml:3: /** max_sped: 0.05: ', 'max_speed']),
        (
            block('/**/learner', 'most_owed: 5'),
            [
                'lab.yaml:3: /**/learner most_owed: 5: /learner has no such parameter; it is now '
                'max_pending_updates'
            ],
        ),
        (block('/**/franka', 'fps: 15'), ['/franka has no such parameter; /realsense has it']),
        (block('/**/franka', 'limits:', '  max_speed: 0.05'), ['limits.max_speed: 0.05']),
        # A block without a node.
        (
            block('/**/franka_node', 'max_speed: 0.05'),
            ['lab.yaml:1: block /**/franka_node matches no node', 'the nearest is /franka'],
        ),
        (block('/lab/franka', 'max_speed: 0.05'), ['block /lab/franka', 'the nearest is /franka']),
        (block('/*/franka', 'max_speed: 0.05'), ['block /*/franka', 'the nearest is /franka']),
        (block('/lab/**', 'max_speed: 0.05'), ['block /lab/** matches no node']),
        (
            block('/**/spacemouse', 'view: 1.0'),
            [
                'block /**/spacemouse matches no node',
                'started: /franka, /realsense, /recorder, /learner',
            ],
        ),
        # Wrong types and ranges.
        (
            block('/**/franka', 'max_speed: fast'),
            ['max_speed: "fast": expected a number from 0.01 to 1.5'],
        ),
        (block('/**/franka', 'max_speed: 3.0'), ['max_speed: 3.0: expected a number from 0.01']),
        (block('/**/franka', 'max_speed: .nan'), ['max_speed: NaN: expected a number']),
        (block('/**/franka', 'max_speed: .inf'), ['max_speed: Infinity: expected a number']),
        (block('/**/franka', 'max_speed: true'), ['max_speed: true: expected a number']),
        (block('/**/franka', 'max_speed: [0.05]'), ['max_speed: [0.05]: expected a number']),
        (block('/**/franka', 'recoveries: 3.0'), ['recoveries: 3.0: expected a whole number']),
        (block('/**/franka', 'recoveries: true'), ['recoveries: true: expected a whole number']),
        (block('/**/franka', 'realtime: 1'), ['realtime: 1: expected true or false']),
        (block('/**/franka', 'robot_ip: 172'), ['robot_ip: 172: expected text', 'needs quotes']),
        (block('/**/franka', 'box_low: 0.3'), ['box_low: 0.3: expected 3 numbers']),
        (block('/**/franka', 'box_low: [0.3, 0.0]'), ['box_low: [0.3, 0.0]: expected 3 numbers']),
        (block('/**/franka', 'box_low: [0.3, .nan, 0.0]'), ['expected 3 numbers']),
        (block('/**/realsense', 'mode: three'), ['mode: "three": expected one of "one", "two"']),
        (
            block('/**/realsense', 'serials: [123, 456]'),
            ['serials: [123, 456]: expected a list of texts; text that', 'needs quotes'],
        ),
        # Mixed lists, which ROS cannot read.
        (
            block('/**/franka', 'box_low: [0.3, 0, 0.01]'),
            ['lab.yaml:3: /**/franka box_low: [0.3, 0, 0.01]: ', 'expected [0.3, 0.0, 0.01]'],
        ),
        (
            block('/**/franka', 'box_low: [0.3, a, 0.1]'),
            ['box_low: [0.3, "a", 0.1]: a list of mixed'],
        ),
        (block('/**/realsense', 'crop: [0, [1, 2]]'), ['crop: [0, [1, 2]]: a list of mixed']),
        (block('/**/realsense', 'crop: []'), ['crop: []: an empty list']),
        (
            block('/**/franka', 'max_speed:'),
            ['lab.yaml:3: /**/franka max_speed: null: has no value'],
        ),
        # Names of cameras that cannot be part of a topic's name.
        (
            block('/**/realsense', 'cameras: [front left, wrist]'),
            [
                'cameras: ["front left", "wrist"]: '
                "'front left' is not a name of letters, digits and _"
            ],
        ),
        (block('/**/realsense', 'cameras: [2nd]'), ['cameras: ["2nd"]: \'2nd\' is not a name']),
        (block('/**/realsense', 'cameras: [front-left]'), ["'front-left' is not a name"]),
        (block('/**/realsense', 'cameras: [a/b]'), ["'a/b' is not a name"]),
        (block('/**/realsense', 'cameras: [front, front]'), ['"front" given twice']),
        # Names of topics.
        (
            block('/**/recorder', 'from_start: [a b]'),
            ['from_start: ["a b"]: \'a b\' is not the name'],
        ),
        (
            block('/**/recorder', 'topics: [force geometry_msgs/msg/Wrench, force]'),
            ['\'force\' is not "name package/msg/Type"'],
        ),
        (block('/**/recorder', 'topics: [my-force geometry_msgs/msg/Wrench]'), [' is not "name']),
        # A clock that no node publishes.
        (
            block('/**/franka', 'use_sim_time: true'),
            ['use_sim_time: true: ', '/clock', 'only false'],
        ),
        (block('/**', 'use_sim_time: true'), ['use_sim_time: true: ', '/clock', 'only false']),
        (block('/**/franka', 'use_sim_time: yes please'), ['use_sim_time: "yes please": ']),
        # Files that are no params files.
        ('/**/franka: {max_speed: 0.05}', ['/**/franka max_speed: 0.05: is outside']),
        (
            '/**/franka:\n  ros_parameters:\n    max_speed: 0.05\n',
            ['max_speed: 0.05: is outside', '`ros__parameters:`'],
        ),
        ('max_speed: 0.05', ['/max_speed has 0.05']),
        ('/**/franka:', ['/**/franka has null']),
        ('/**/franka: {ros__parameters: }', ['ros__parameters: null: expected parameters']),
        ('- 1', ['the file has [1]']),
        ('/**/fr*: {ros__parameters: {max_speed: 0.05}}', ["'/**/fr*' cannot name a node"]),
        (
            '/lab: {/franka: {ros__parameters: {max_speed: 0.05}}}',
            ["'/franka' cannot name a node"],
        ),
        ('[a', ['lab.yaml:1: not YAML']),
        ('/**/franka: {ros__parameters: {max_speed: !!python/name:os.abort }}', ['not YAML']),
        # ROS ignores the first of two equal keys.
        (
            block('/**/franka', 'max_speed: 0.05', 'max_speed: 0.3'),
            ['lab.yaml:4: /**/franka max_speed: given twice, first in line 3'],
        ),
        (
            block('/**/franka', 'max_speed: 0.05') + block('/**/franka', 'max_step: 0.01'),
            ['lab.yaml:4: ', '/**/franka: given twice, first in line 1'],
        ),
        ('/a: &x {ros__parameters: {}}\n/b: *x', ['lab.yaml:2: ROS allows no aliases']),
    ],
)
def test_each_ineffective_entry_is_one_line_with_the_remedy(problems, text, words):
    found = problems(text)
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]


def test_a_block_without_the_namespace_is_refused(problems):
    for name in ('franka', '/franka'):
        (line,) = problems(block(name, 'max_speed: 0.05'), IN_LAB)
        assert 'block /franka matches no node' in line
        assert line.endswith('the nearest is /lab/franka')


def test_every_problem_of_a_file_is_reported(problems):
    found = problems(block('/**/franka', 'max_sped: 0.05', 'max_stp: 0.01') + block('/x', 'y: 1'))
    assert len(found) == 3


def test_block_for_all_nodes_gives_each_node_its_declared_parameters(tmp_path):
    path = tmp_path / 'lab.yaml'
    path.write_text(
        block('/**', 'fps: 15', 'max_speed: 1', 'use_sim_time: false')
        + block('/**/franka', 'max_speed: 0.05')
    )
    blocks = read_blocks(path)
    assert given_to('/realsense', REALSENSE, blocks) == {'fps': 15, 'use_sim_time': False}
    given = given_to('/franka', FRANKA, blocks)
    assert given == {'max_speed': 0.05, 'use_sim_time': False}
    blocks.reverse()
    speed = given_to('/franka', FRANKA, blocks)['max_speed']
    assert speed == 1.0 and type(speed) is float, 'the last value is used, as in ROS'


def test_a_file_given_to_a_node_must_name_it(tmp_path):
    path = tmp_path / 'lab.yaml'

    def missing(text, node):
        path.write_text(text)
        return missed(path, read_blocks(path), node)

    for text in (
        block('/**/franka', 'a: 1'),
        block('/**/robot_episode', 'a: 1'),
        block('/left/franka', 'a: 1') + block('/right/franka', 'a: 1'),
    ):
        assert missing(text, '/left/franka') == ''
    for name in ('franka_node', 'franca', '/lab/franka', '/*/franka'):
        assert '/**/franka' in missing(block(name, 'a: 1'), '/franka')


def test_blocks_match_as_ros_itself_does(ros, tmp_path):
    names = [
        'franka',
        '/lab/franka',
        'lab/franka',
        '/**/franka',
        '/*/franka',
        '**/franka',
        '*/franka',
        '/**',
        '**',
        '/*',
        '*',
        '/lab/*',
        '/lab/**',
        '/**/*',
        '/*/*',
        '/lab/**/franka',
        '/a/b/franka',
        '/a/**/franka',
        '/**/b/franka',
        '/*/b/franka',
        '/**/franka/**',
    ]
    path = tmp_path / 'lab.yaml'
    path.write_text(
        ''.join(block(f'"{name}"', f'key{number}: 1') for number, name in enumerate(names))
    )
    blocks = read_blocks(path)
    context = Context()
    rclpy.init(args=['--ros-args', '--params-file', str(path)], context=context)
    try:
        for name, namespace in (
            ('franka', ''),
            ('franka', '/lab'),
            ('franka', '/a/b'),
            ('vla', '/lab'),
        ):
            node = rclpy.create_node(
                name,
                namespace=namespace,
                context=context,
                automatically_declare_parameters_from_overrides=True,
            )
            taken = [node.has_parameter(f'key{number}') for number in range(len(names))]
            node.destroy_node()
            assert [each.matches(f'{namespace}/{name}') for each in blocks] == taken
    finally:
        context.shutdown()
