# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A launch starts no node if a key of its params_file would have no effect."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import subprocess
import sys
import textwrap

from launch import LaunchContext
from launch.utilities import perform_substitutions
import pytest
from test_config import CONFIG, NODES

from irevla_bringup.starting import SuiteNode, actions, from_params_file, full_name, node_table
from irevla_control.parameters.blocks import read_blocks
from irevla_control.parameters.parameter import CAMERA
from irevla_control.parameters.params_file import file_problems

LAUNCH = Path(__file__).resolve().parents[1]
BAG = LAUNCH.parent / 'src/irevla_control/test/format_1/lift_0'
CHECKPOINT = LAUNCH.parent / 'src/irevla_policy/test/format_1/policy'
TELEOP = {'use_fake_hardware': 'true', 'operator': 'scripted', 'tasks': 'pick-red-block'}


def launched(file, **arguments):
    """Return the context of a launch file, and the nodes that it would start."""
    spec = spec_from_file_location('launch_file', LAUNCH / file)
    module, context = module_from_spec(spec), LaunchContext()
    spec.loader.exec_module(module)
    for argument in module.generate_launch_description().get_launch_arguments():
        if argument.default_value is not None:
            context.launch_configurations[argument.name] = perform_substitutions(
                context, argument.default_value
            )
    context.launch_configurations.update(arguments)
    return context, list(module.launch_nodes(context))


@pytest.fixture
def refused(tmp_path):
    """Return a function that gives the error of teleop.launch.py for a params_file's text."""

    def refused(text, **arguments):
        path = tmp_path / 'lab.yaml'
        path.write_text(text)
        context, started = launched(
            'teleop.launch.py', **{**TELEOP, 'params_file': str(path), **arguments}
        )
        with pytest.raises(RuntimeError) as error:
            actions(context, started)
        return str(error.value)

    return refused


@pytest.mark.parametrize('classifier', ['', str(CHECKPOINT)])
def test_a_script_does_not_judge_beside_a_classifier(classifier):
    _, started = launched(
        'robot.launch.py',
        **TELEOP,
        checkpoint=str(CHECKPOINT),
        classifier=classifier,
    )
    [operator] = [one for one in started if getattr(one, 'name', '') == 'scripted_operator']
    assert operator.parameters['judge'] is not bool(classifier)


def block(name, line):
    return f'{name}:\n  ros__parameters:\n    {line}\n'


@pytest.mark.parametrize(
    'text, arguments, words',
    [
        (
            block('/**/franka', 'max_sped: 0.05'),
            {},
            ('lab.yaml:3: /**/franka max_sped: 0.05: /franka', 'the nearest is max_speed'),
        ),
        (
            block('/**/franka_node', 'max_speed: 0.05'),
            {},
            ('lab.yaml:1: block /**/franka_node ', 'the nearest is /franka'),
        ),
        (
            block('/franka', 'max_speed: 0.05'),
            {'namespace': 'lab'},
            ('block /franka matches no node', 'the nearest is /lab/franka'),
        ),
        (block('/**/spacemouse', 'view: 1.0'), {}, ('block /**/spacemouse matches no node',)),
        (block('/**', 'max_sped: 0.05'), {}, ('lab.yaml:3: /** max_sped: 0.05: ', 'max_speed')),
        (block('/**/franka', 'exposure_us: 8000'), {}, ('/realsense has it',)),
        (block('/**/franka', 'max_speed: fast'), {}, ('max_speed: "fast": expected a number',)),
        (block('/**/franka', 'box_low: [0.3, 0, 0.01]'), {}, ('expected [0.3, 0.0, 0.01]',)),
        (block('/**/realsense', 'rotation: [0, 45]'), {}, ('rotation: [0, 45]: expected a list',)),
        (block('/**/realsense', 'crop: [-1, 0, 48, 48]'), {}, ('whole numbers from 0 to 4096',)),
        (
            block('/**/realsense', 'fps: 30'),
            {},
            (
                'lab.yaml:3: /**/realsense fps: 30: this launch file sets 15 for /realsense',
                'argument fps:=',
            ),
        ),
        (block('/**/realsense', 'width: 640'), {}, ('sets 320 for /realsense', 'remove it')),
        (block('/**', 'max_skew_s: 0.5'), {}, ('max_skew_s: 0.5: this launch file sets 0.1 ',)),
        (block('/**', 'use_sim_time: true'), {}, ('use_sim_time: true', '/clock')),
        ('[', {}, ('lab.yaml:1: not YAML',)),
    ],
)
def test_a_key_without_effect_is_refused(refused, text, arguments, words):
    problem = refused(text, **arguments)
    assert len(problem.splitlines()) == 1 and problem.startswith('launch argument params_file:=')
    for word in words:
        assert word in problem


@pytest.mark.parametrize('text', [block('/**/realsense', 'fps: 15'), block('/**', 'horizon: 50')])
def test_a_key_with_the_launch_file_s_own_value_is_accepted(tmp_path, text):
    path = tmp_path / 'lab.yaml'
    path.write_text(text)
    context, started = launched('teleop.launch.py', horizon='50', params_file=str(path), **TELEOP)
    assert len(actions(context, started)) == len(started)


def test_a_block_of_a_renamed_node_is_refused_with_the_new_name(tmp_path):
    path = tmp_path / 'lab.yaml'
    path.write_text(block('/**/metaworld', 'control_hz: 10.0'))
    context, started = launched('collect.launch.py', tasks='push', params_file=str(path))
    with pytest.raises(RuntimeError, match='matches no node .*; node metaworld is now simulator'):
        actions(context, started)


def test_a_file_that_is_not_there_is_refused():
    context, started = launched('teleop.launch.py', params_file='/nowhere.yaml', **TELEOP)
    with pytest.raises(RuntimeError, match='params_file:=/nowhere.yaml'):
        actions(context, started)


def test_an_outer_namespace_is_part_of_a_node_s_name(tmp_path):
    """Such as PushRosNamespace in a launch file that includes one of the suite's."""
    context, started = launched(
        'teleop.launch.py', namespace='left', ros_namespace='lab', **TELEOP
    )
    names = {full_name(context, node) for node in started if isinstance(node, SuiteNode)}
    assert '/lab/left/franka' in names


def test_each_node_gets_only_parameters_that_it_declares(tmp_path):
    path = tmp_path / 'lab.yaml'
    path.write_text(block('/**', 'max_speed: 1') + block('/**/realsense', 'gain: 30'))
    context, started = launched('teleop.launch.py', params_file=str(path), **TELEOP)
    nodes = {full_name(context, node): node for node in started if isinstance(node, SuiteNode)}
    given = from_params_file(path, nodes, ())
    assert {name: values for name, values in given.items() if values} == {
        '/franka': {'max_speed': 1.0},
        '/realsense': {'gain': 30},
    }
    assert len(actions(context, started)) == len(started)


@pytest.mark.parametrize('file', ['sim.launch.py', 'robot.launch.py', 'stage1.launch.py'])
@pytest.mark.parametrize('record', ['true', 'false', None])
def test_policy_steps_are_recorded_only_on_request(tmp_path, file, record):
    arguments = {
        **TELEOP,
        'checkpoint': str(CHECKPOINT),
        'bags': str(tmp_path),
        'output': str(tmp_path),
        **({'record_policy_steps': record} if record else {}),
    }
    _, started = launched(file, **arguments)
    (recorder,) = [one for one in started if isinstance(one, SuiteNode) and one.name == 'recorder']
    assert recorder.parameters['record_policy_steps'] is (record == 'true')


def test_a_launch_file_without_a_policy_records_no_policy_steps(tmp_path):
    _, started = launched('teleop.launch.py', bags=str(tmp_path), **TELEOP)
    (recorder,) = [one for one in started if isinstance(one, SuiteNode) and one.name == 'recorder']
    assert recorder.parameters['record_policy_steps'] is False


@pytest.mark.parametrize('file', ['robot.launch.py', 'stage1.launch.py'])
def test_a_curriculum_reaches_the_runner_and_the_task_the_learner(tmp_path, file):
    arguments = {**TELEOP, 'checkpoint': str(CHECKPOINT), 'curriculum': 'near:2, half'}
    _, started = launched(file, output=str(tmp_path), **arguments)
    nodes = {one.name: one.parameters for one in started if isinstance(one, SuiteNode)}
    assert nodes['episode_runner']['curriculum'] == ['near:2', 'half']
    assert nodes['learner']['task'] == 'pick-red-block'
    with pytest.raises(RuntimeError, match='curriculum:=no way:2: task name'):
        launched(file, output=str(tmp_path), **{**arguments, 'curriculum': 'no way:2'})


def test_a_curriculum_without_a_learner_is_refused():
    arguments = {**TELEOP, 'checkpoint': str(CHECKPOINT), 'curriculum': 'near:2'}
    with pytest.raises(RuntimeError, match='curriculum:=near:2: only a learner uses it'):
        launched('robot.launch.py', **arguments)


@pytest.mark.parametrize(
    'argument, given',
    [
        ('cameras', 'front left,wrist'),
        ('cameras', '2nd'),
        ('cameras', 'front-left'),
        ('cameras', 'front,front'),
        ('serials', '123,123'),
        ('namespace', 'my lab'),
    ],
)
def test_invalid_names_are_refused(argument, given):
    with pytest.raises(RuntimeError, match=f'launch argument {argument}:={given}: '):
        launched('teleop.launch.py', **{**TELEOP, argument: given})


@pytest.mark.parametrize('name', NODES)
def test_the_shipped_files_match_their_nodes(name):
    path = CONFIG / f'{name}.yaml'
    for node in (f'/{name}', f'/lab/{name}'):
        assert file_problems(path, read_blocks(path), {node: node_table(name)}) == []


def test_the_example_file_in_docs_hardware_is_accepted(tmp_path):
    page = (LAUNCH.parent / 'docs/hardware.md').read_text()
    path = tmp_path / 'lab.yaml'
    path.write_text(textwrap.dedent(page.split('```yaml\n')[1].split('```')[0]))
    context, started = launched('teleop.launch.py', params_file=str(path), **TELEOP)
    assert len(actions(context, started)) == len(started)


def test_only_cameras_and_the_joint_prefix_have_the_form_of_a_camera_name():
    for name in NODES:
        for key, parameter in node_table(name).items():
            assert (parameter.form is CAMERA) == (key in ('camera', 'cameras', 'joint_prefix')), (
                name,
                key,
            )


def test_the_tables_are_read_without_importing_torch():
    subprocess.run(
        [
            sys.executable,
            '-c',
            'import sys\n'
            'import irevla_bringup.launch_nodes, irevla_bringup.robot\n'
            'from irevla_bringup.starting import node_table\n'
            f'for name in {list(NODES)}: assert node_table(name)\n'
            'assert not {"torch", "transformers"} & set(sys.modules)',
        ],
        check=True,
    )


@pytest.mark.parametrize('where', [{'on': 'simulator'}, {'on': 'robot', **TELEOP}])
@pytest.mark.parametrize(
    'given, expected',
    [({}, None), ({'bag_max_skew_s': '0'}, 0.0), ({'bag_max_skew_s': '0.05'}, 0.05)],
)
def test_a_replay_gets_the_skew_of_its_bag_only_where_it_is_given(where, given, expected):
    _, started = launched('replay.launch.py', bag=str(BAG), **where, **given)
    (replay,) = (one for one in started if isinstance(one, SuiteNode) and one.name == 'replay')
    assert replay.parameters.get('bag_max_skew_s') == expected


def test_a_skew_of_a_bag_out_of_range_is_refused():
    with pytest.raises(RuntimeError, match='bag_max_skew_s:=33 is not a number from 0 to 1'):
        launched('replay.launch.py', bag=str(BAG), bag_max_skew_s='33')
