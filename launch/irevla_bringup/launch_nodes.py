# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Launch arguments and nodes that the launch files share."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
import json
import math
from pathlib import Path
import re
import signal

from launch import Action, LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration

from irevla_bringup.demonstrations import demonstration_arguments, encode_demonstrations
from irevla_bringup.starting import SuiteNode
from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter import CAMERA, SERIAL, Parameter
from irevla_control.task_name import check_task_name
from irevla_learner.sacfd.config import SACfDConfig
from irevla_sim.expert_noise import NOISE_STD_RANGE
from irevla_sim.simulator.simulator import DEFAULT, SHIPPED, module_of

NOT_GIVEN = ''
NAMESPACE = re.compile(r'/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?', re.ASCII)
CAMERAS = Parameter([''], 'names of cameras', form=CAMERA)
SERIALS = Parameter([''], 'serial numbers of cameras', form=SERIAL)


def common_arguments() -> list[Action]:
    """Arguments of every launch file, and the handling of repeated interrupts."""
    return [
        OpaqueFunction(function=_only_launch_handles_interrupts),
        DeclareLaunchArgument(
            'namespace',
            default_value=NOT_GIVEN,
            description='namespace of all nodes; graphs in different '
            'namespaces can run in parallel',
        ),
        DeclareLaunchArgument(
            'params_file',
            default_value=NOT_GIVEN,
            description='YAML file whose parameters override config/*.yaml; '
            'parameters that this launch sets are refused',
        ),
        DeclareLaunchArgument(
            'log_level',
            default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='lowest severity that is logged',
        ),
        *page_arguments(),
    ]


def page_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of every launch file for the page of its graph."""
    return [
        DeclareLaunchArgument(
            'view',
            default_value='false',
            choices=['true', 'false'],
            description='whether a page at 127.0.0.1 shows cameras, instruction and successes',
        ),
        DeclareLaunchArgument(
            'view_port',
            default_value='8080',
            description='port of this page; if it is in use, the next free one of ten',
        ),
    ]


def page_node(context: LaunchContext, cameras: list[str]) -> list[SuiteNode]:
    """Return the node of the page, if one is wanted."""
    if value(context, 'view') != 'true':
        return []
    page = node(
        context,
        'irevla_control',
        'console',
        {
            'cameras': cameras,
            'tasks': [entry.partition(':')[0] for entry in task_names(context)],
            'port': whole_number(context, 'view_port', 1024),
        },
    )
    # Nobody loses an hour of learning because a page failed.
    return [replace(page, required=False)]


def _only_launch_handles_interrupts(_: LaunchContext) -> None:
    """Disable Python's KeyboardInterrupt; the launch has its own handler of SIGINT.

    If a second SIGINT raised it inside one of the launch's coroutines, only that coroutine would
    end, and the launch would wait for it forever. (Linux sends a child one SIGINT for each thread
    of a dying parent, and people press Ctrl-C twice.)
    """
    signal.signal(signal.SIGINT, lambda *_: None)


def episode_arguments(episodes: str = '1', horizon: str = '0') -> list[DeclareLaunchArgument]:
    """Arguments of a launch file that runs episodes, with defaults of number and length."""
    return [
        DeclareLaunchArgument(
            'tasks',
            description='names of tasks, separated by commas; name:5 for 5 episodes of this task',
        ),
        DeclareLaunchArgument(
            'episodes', default_value=episodes, description='episodes of each task'
        ),
        DeclareLaunchArgument(
            'seed', default_value='0', description='seed of the first episode of each task'
        ),
        DeclareLaunchArgument(
            'results',
            default_value=NOT_GIVEN,
            description='JSON file of the results; episodes in it are not run again',
        ),
        DeclareLaunchArgument(
            'bags',
            default_value=NOT_GIVEN,
            description='folder for the recorded episodes; empty: no recorder',
        ),
        DeclareLaunchArgument(
            'horizon',
            default_value=horizon,
            description='commands after which an episode is truncated; in simulation 0 is the '
            "task's own, else the simulator's",
        ),
        DeclareLaunchArgument(
            'linger',
            default_value='0',
            description='number of commands for which an episode continues '
            'after success, for images of success',
        ),
    ]


def simulator_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of a launch file with a simulator."""
    return [
        DeclareLaunchArgument(
            'simulator',
            default_value=DEFAULT,
            description=f'{" or ".join(SHIPPED)}, or a Python module on PYTHONPATH that has '
            'SIMULATOR',
        ),
        DeclareLaunchArgument(
            'mode',
            default_value='lock_step',
            choices=['lock_step', 'real_time'],
            description='whether the simulator waits for each command',
        ),
        DeclareLaunchArgument(
            'extra_cameras',
            default_value=NOT_GIVEN,
            description='cameras that other nodes publish, separated by '
            'commas; they are recorded, and a policy may use '
            'them',
        ),
        DeclareLaunchArgument(
            'action_repeat',
            default_value='0',
            description="simulator steps for one command; 0: the task's, else the simulator's",
        ),
        DeclareLaunchArgument(
            'tasks_file', default_value=NOT_GIVEN, description='YAML file with further tasks'
        ),
    ]


def classifier_argument() -> DeclareLaunchArgument:
    """Argument of a launch file with an optional success classifier."""
    return DeclareLaunchArgument(
        'classifier',
        default_value=NOT_GIVEN,
        description='folder of a success classifier, which publishes `reward`; empty: none',
    )


def policy_steps_argument() -> DeclareLaunchArgument:
    """Argument of a launch file with a policy, whose latents may be recorded."""
    return DeclareLaunchArgument(
        'record_policy_steps',
        default_value='false',
        choices=['true', 'false'],
        description='whether bags contain `policy_step` too, with the latents of the VLM '
        '(225 kB per observation and camera with BLIP-2)',
    )


def reward_node(context: LaunchContext, checkpoint: str) -> list[SuiteNode]:
    """Return the node of the success classifier, if one is given."""
    if not value(context, 'classifier'):
        return []
    return [
        node(
            context,
            'irevla_learner',
            'reward',
            {'checkpoint': checkpoint, 'classifier': existing_path(context, 'classifier')},
        )
    ]


def learner_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of a launch file with a learner."""
    return [
        DeclareLaunchArgument(
            'settings',
            default_value=NOT_GIVEN,
            description='YAML file of SACfD; empty: built-in settings',
        ),
        DeclareLaunchArgument(
            'output',
            default_value=NOT_GIVEN,
            description='folder for replay, metrics and the trained policy',
        ),
        *demonstration_arguments(),
        DeclareLaunchArgument(
            'curriculum',
            default_value=NOT_GIVEN,
            description='names of easier tasks that are played before the task, separated by '
            'commas; name:10 until it succeeded 10 times',
        ),
    ]


def exploring_policy(context: LaunchContext, checkpoint: str, **vla: object) -> list[SuiteNode]:
    """Return the policy with the noise of stage 1, and the learner that trains it.

    Args:
        context: launch context.
        checkpoint: folder of the policy.
        vla: further parameters of the policy's node.

    Raises:
        RuntimeError: invalid settings, more than one task, episodes that linger, or
            demonstrations that do not fit.

    """
    settings = value(context, 'settings') and existing_path(context, 'settings')
    try:
        sacfd = SACfDConfig.load(Path(settings) if settings else None)
    except ConfigError as error:
        raise RuntimeError(f'launch argument settings:={settings}: {error}') from error
    tasks = some_names(context, 'tasks')
    if len(tasks) > 1:
        raise RuntimeError(
            f'launch argument tasks:={value(context, "tasks")}: stage 1 learns one task at a time'
        )
    if whole_number(context, 'linger', 0):
        raise RuntimeError(
            f'launch argument linger:={value(context, "linger")}: training '
            'episodes end with their reward; use 0'
        )
    seed = whole_number(context, 'seed', 0)
    task = tasks[0].partition(':')[0]
    encode_demonstrations(context, checkpoint, value(context, 'output'), task, sacfd)
    return [
        node(
            context,
            'irevla_policy',
            'vla',
            {
                'checkpoint': checkpoint,
                'encode_last': True,
                'noise_seed': seed,
                'noise_std_low': float(sacfd.noise_std_low),
                'noise_std_high': float(sacfd.noise_std_high),
                'noise_correlation': float(sacfd.noise_correlation),
                **vla,
            },
        ),
        node(
            context,
            'irevla_learner',
            'learner',
            {
                'checkpoint': checkpoint,
                'settings': settings,
                'seed': seed,
                'task': task,
                'root': value(context, 'output'),
            },
        ),
    ]


def camera_arguments() -> list[DeclareLaunchArgument]:
    """Cameras and image size of a launch file without a policy, which would define them."""
    return [
        DeclareLaunchArgument(
            'cameras',
            default_value='front,wrist',
            description='cameras of the simulator, separated by commas',
        ),
        DeclareLaunchArgument(
            'image_size', default_value='84', description='height and width of the images [pixels]'
        ),
    ]


def noise_argument(file: str) -> DeclareLaunchArgument:
    """Argument of a launch file with a scripted expert, whose default is in a file."""
    return DeclareLaunchArgument(
        'noise_std',
        default_value=NOT_GIVEN,
        description="standard deviation of the noise on the expert's commands, as a share of the "
        f'largest command; labels have none; empty: the value of {file}',
    )


def noise_parameters(context: LaunchContext) -> dict[str, float]:
    """Return the noise of a scripted expert, if it is given."""
    if not context.launch_configurations.get('noise_std'):
        return {}
    return {'noise_std': number(context, 'noise_std', *NOISE_STD_RANGE)}


def value(context: LaunchContext, name: str) -> str:
    """Return a launch argument's value."""
    return LaunchConfiguration(name).perform(context)


def names(context: LaunchContext, name: str) -> list[str]:
    """Return a launch argument's value as a list of names."""
    return [one.strip() for one in value(context, name).split(',') if one.strip()]


def some_names(context: LaunchContext, name: str) -> list[str]:
    """Return a launch argument's value as a list of at least one name."""
    found = names(context, name)
    if not found:
        raise RuntimeError(f'launch argument {name} is empty; give names separated by commas')
    return found


def camera_names(context: LaunchContext) -> list[str]:
    """Return the names of the cameras, which are parts of topic names."""
    return _fitted(context, 'cameras', CAMERAS, some_names(context, 'cameras'))


def serial_numbers(context: LaunchContext) -> list[str]:
    """Return the serial numbers of the cameras; empty if none are given."""
    return _fitted(context, 'serials', SERIALS, names(context, 'serials'))


def _fitted(
    context: LaunchContext, name: str, parameter: Parameter, found: list[str]
) -> list[str]:
    try:
        return parameter.fitted(found) if found else []
    except ConfigError as error:
        raise RuntimeError(f'launch argument {name}:={value(context, name)}: {error}') from error


def task_names(context: LaunchContext, name: str = 'tasks') -> list[str]:
    """Return a launch argument as entries `task` or `task:count`."""
    entries = some_names(context, name)
    for entry in entries:
        try:
            check_task_name(
                entry.partition(':')[0], f'launch argument {name}:={value(context, name)}'
            )
        except ConfigError as error:
            raise RuntimeError(str(error)) from error
    return entries


def whole_number(context: LaunchContext, name: str, least: int) -> int:
    """Return a launch argument's value as a whole number."""
    text = value(context, name)
    if not text.lstrip('-').isdigit() or int(text) < least:
        raise RuntimeError(f'launch argument {name}:={text} is not a whole number >= {least}')
    return int(text)


def number(context: LaunchContext, name: str, low: float, high: float) -> float:
    """Return a launch argument's value as a number within a range."""
    text = value(context, name)
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not low <= found <= high:
        raise RuntimeError(f'launch argument {name}:={text} is not a number from {low} to {high}')
    return found


def existing_path(context: LaunchContext, name: str) -> str:
    """Return a launch argument's value as an absolute path that exists."""
    path = Path(value(context, name)).absolute()
    if not value(context, name) or not path.exists():
        raise RuntimeError(f'launch argument {name}:={value(context, name)} does not exist')
    return str(path)


def node(
    context: LaunchContext,
    package: str,
    name: str,
    parameters: dict,
    executable: str = '',
    arguments: Sequence[str] = (),
) -> SuiteNode:
    """Return node ``name`` of ``package``, with the parameters of config/<name>.yaml.

    Its executable is ``<name>_node`` by default.
    """
    namespace = value(context, 'namespace')
    if not NAMESPACE.fullmatch(namespace):
        raise RuntimeError(
            f'launch argument namespace:={namespace}: expected are names of '
            'letters, digits and _, separated by /'
        )
    return SuiteNode(
        package,
        executable or f'{name}_node',
        name,
        namespace,
        parameters,
        [*arguments, '--ros-args', '--log-level', value(context, 'log_level')],
    )


def seen_by_policy(checkpoint: str) -> tuple[list[str], int]:
    """Return the cameras and the image size that a checkpoint was trained with."""
    file = Path(checkpoint) / 'config.json'
    try:
        config = json.loads(file.read_text())
        return list(config['cameras']), int(config['image_size'])
    except (OSError, ValueError, KeyError) as error:
        raise RuntimeError(
            f'launch argument checkpoint:={checkpoint} is no folder of a trained '
            f'policy: {file}: {error!r}'
        ) from error


def simulator_parameters(context: LaunchContext) -> dict:
    """Return the parameters that simulator and expert share."""
    simulator = value(context, 'simulator')
    try:
        module_of(simulator)
    except ConfigError as error:
        raise RuntimeError(f'launch argument simulator:={simulator}: {error}') from error
    return {
        'simulator': simulator,
        'action_repeat': whole_number(context, 'action_repeat', 0),
        'tasks_file': value(context, 'tasks_file') and existing_path(context, 'tasks_file'),
    }


def episode_nodes(
    context: LaunchContext, needed: list[str], cameras: list[str], image_size: int
) -> Iterable[SuiteNode]:
    """Return simulator, mux, recorder and runner, which waits for the ``needed`` topics.

    The simulator renders the ``cameras`` that no other node publishes.
    """
    extra = _fitted(context, 'extra_cameras', CAMERAS, names(context, 'extra_cameras'))
    rendered, mode = [name for name in cameras if name not in extra], value(context, 'mode')
    yield node(
        context,
        'irevla_sim',
        'simulator',
        {
            'cameras': rendered,
            'mode': mode,
            'image_size': image_size,
            'horizon': whole_number(context, 'horizon', 0),
            'linger': whole_number(context, 'linger', 0),
            **simulator_parameters(context),
        },
    )
    # In real time the simulator does not wait for a command.
    from_start = [f'camera/{name}/image_raw' for name in rendered] + [
        'robot_state',
        *(['command'] if mode == 'lock_step' else []),
    ]
    yield from played(
        context, needed, list(dict.fromkeys([*cameras, *extra])), {'from_start': from_start}
    )


def played(
    context: LaunchContext,
    needed: list[str],
    cameras: list[str],
    recorder: dict | None = None,
    runner: dict | None = None,
) -> Iterable[SuiteNode]:
    """Return mux, page, recorder if ``bags`` is given, and runner, with further parameters.

    The runner waits for the ``needed`` topics.
    """
    yield node(context, 'irevla_control', 'command_mux', {})
    yield from page_node(context, cameras)
    bags = value(context, 'bags')
    if bags:
        yield node(
            context,
            'irevla_control',
            'recorder',
            {
                'cameras': cameras,
                'root': str(Path(bags).absolute()),
                'record_policy_steps': context.launch_configurations.get('record_policy_steps')
                == 'true',
                **(recorder or {}),
            },
        )
    results = value(context, 'results')
    yield node(
        context,
        'irevla_control',
        'episode_runner',
        {
            'tasks': task_names(context),
            # Only a launch file with a learner has the argument.
            'curriculum': task_names(context, 'curriculum')
            if context.launch_configurations.get('curriculum')
            else [''],
            'episodes': whole_number(context, 'episodes', 1),
            'seed': whole_number(context, 'seed', 0),
            'output': results and str(Path(results).absolute()),
            'recorded': bool(bags),
            'wait_for': ['command', *needed, *(['recorded_episode'] if bags else [])],
            **(runner or {}),
        },
    )
