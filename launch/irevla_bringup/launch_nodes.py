# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that the launch files share."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
import json
from pathlib import Path
import re

from launch import LaunchContext

from irevla_bringup.argument_values import (
    existing_path,
    extra_cameras,
    number,
    some_names,
    task_names,
    value,
    whole_number,
)
from irevla_bringup.demonstrations import encode_demonstrations
from irevla_bringup.starting import SuiteNode
from irevla_control.errors import ConfigError
from irevla_learner.sacfd.config import SACfDConfig
from irevla_sim.expert_noise import NOISE_STD_RANGE
from irevla_sim.simulator.simulator import module_of

NAMESPACE = re.compile(r'/?([A-Za-z_]\w*(/[A-Za-z_]\w*)*)?', re.ASCII)


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


def noise_parameters(context: LaunchContext) -> dict[str, float]:
    """Return the noise of a scripted expert, if it is given."""
    if not context.launch_configurations.get('noise_std'):
        return {}
    return {'noise_std': number(context, 'noise_std', *NOISE_STD_RANGE)}


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
    extra = extra_cameras(context)
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
