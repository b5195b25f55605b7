# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy in simulation: simulator, VLA, command mux, recorder, episode runner."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument

from irevla_bringup.argument_values import existing_path
from irevla_bringup.launch_arguments import (
    classifier_argument,
    common_arguments,
    episode_arguments,
    policy_steps_argument,
    simulator_arguments,
)
from irevla_bringup.launch_nodes import (
    episode_nodes,
    node,
    reward_node,
    seen_by_policy,
)
from irevla_bringup.starting import Started, start


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    checkpoint = existing_path(context, 'checkpoint')
    cameras, image_size = seen_by_policy(checkpoint)
    reward = reward_node(context, checkpoint)
    return [
        node(
            context,
            'irevla_policy',
            'vla',
            {'checkpoint': checkpoint, 'encode_last': bool(reward)},
        ),
        *reward,
        *episode_nodes(
            context, ['policy_command', *(['reward'] if reward else [])], cameras, image_size
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the launch arguments and start the nodes."""
    return LaunchDescription(
        [
            *common_arguments(),
            *episode_arguments(),
            *simulator_arguments(),
            classifier_argument(),
            policy_steps_argument(),
            DeclareLaunchArgument('checkpoint', description='folder of the trained policy'),
            start(launch_nodes),
        ]
    )
