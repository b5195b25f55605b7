# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 over ROS: the VLA explores and the learner trains its head, until the stage ends."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument

from irevla_bringup.argument_values import existing_path, value
from irevla_bringup.launch_arguments import (
    classifier_argument,
    common_arguments,
    episode_arguments,
    learner_arguments,
    policy_steps_argument,
    simulator_arguments,
)
from irevla_bringup.launch_nodes import (
    episode_nodes,
    exploring_policy,
    reward_node,
    seen_by_policy,
)
from irevla_bringup.starting import Started, start


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    checkpoint = existing_path(context, 'checkpoint')
    cameras, image_size = seen_by_policy(checkpoint)
    if value(context, 'mode') != 'lock_step':
        raise RuntimeError(
            'launch argument mode:=real_time: the real-time simulator executes '
            'commands later than the observations they answer; use lock_step'
        )
    if not value(context, 'output'):
        raise RuntimeError('launch argument output is empty; give a folder')
    reward = reward_node(context, checkpoint)
    return [
        *exploring_policy(context, checkpoint),
        *reward,
        *episode_nodes(
            context,
            ['policy_command', 'policy_update', *(['reward'] if reward else [])],
            cameras,
            image_size,
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the launch arguments and start the nodes."""
    return LaunchDescription(
        [
            *common_arguments(),
            *episode_arguments(episodes='1000000'),
            *simulator_arguments(),
            classifier_argument(),
            policy_steps_argument(),
            DeclareLaunchArgument('checkpoint', description='folder of the policy to train'),
            *learner_arguments(),
            start(launch_nodes),
        ]
    )
