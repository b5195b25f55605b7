# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Replay of a recorded episode: its commands, in the simulator or on the robot."""

from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument

from irevla_bringup.argument_values import (
    camera_names,
    existing_path,
    number,
    value,
    whole_number,
)
from irevla_bringup.launch_arguments import (
    common_arguments,
    episode_arguments,
    simulator_arguments,
)
from irevla_bringup.launch_nodes import episode_nodes, node
from irevla_bringup.robot import (
    episodes_on_robot,
    max_skew_s,
    operator_nodes,
    robot_arguments,
    robot_nodes,
)
from irevla_bringup.starting import Started, start
from irevla_control.bags.index import entry_from_bag
from irevla_control.errors import BagError

FROM_BAG = ('tasks', 'seed', 'horizon')
# Number of commands without motion at the end.
REST = 20


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    bag = existing_path(context, 'bag')
    try:
        entry = entry_from_bag(Path(bag))
    except BagError as error:
        raise RuntimeError(f'launch argument bag:={bag}: {error}') from error
    # The same task and layout.
    context.launch_configurations.update(
        tasks=entry.task, seed=str(max(entry.seed, 0)), horizon=str(entry.steps + REST)
    )
    image_size = whole_number(context, 'image_size', 16)
    recorded = {'bag': bag} | (
        {'bag_max_skew_s': number(context, 'bag_max_skew_s', 0, 1)}
        if value(context, 'bag_max_skew_s')
        else {}
    )
    if value(context, 'on') == 'simulator':
        return [
            node(context, 'irevla_control', 'replay', recorded),
            *episode_nodes(context, ['teleop_command'], entry.cameras, image_size),
        ]
    return [
        *robot_nodes(context, image_size),
        node(
            context,
            'irevla_control',
            'replay',
            {**recorded, 'cameras': camera_names(context), 'max_skew_s': max_skew_s(context)},
        ),
        *operator_nodes(context, demonstrate=False),
        *episodes_on_robot(context, ['teleop_command']),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the launch arguments and start the nodes."""
    return LaunchDescription(
        [
            *common_arguments(),
            DeclareLaunchArgument('bag', description='folder of the recorded episode'),
            DeclareLaunchArgument(
                'bag_max_skew_s',
                default_value='',
                description='largest age of the recorded state relative to its '
                'observation [s]; empty: what the bag states',
            ),
            DeclareLaunchArgument(
                'on',
                default_value='simulator',
                choices=['simulator', 'robot'],
                description='where its commands are executed',
            ),
            *(argument for argument in episode_arguments() if argument.name not in FROM_BAG),
            *simulator_arguments(),
            *robot_arguments(['none', 'spacemouse', 'scripted']),
            DeclareLaunchArgument(
                'image_size',
                default_value='84',
                description='height and width of the images [pixels]',
            ),
            start(launch_nodes),
        ]
    )
