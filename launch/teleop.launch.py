# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations on the robot: arm, cameras, operator, command mux, recorder, episode runner."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument

from irevla_bringup.argument_values import whole_number
from irevla_bringup.launch_arguments import (
    common_arguments,
    episode_arguments,
    noise_argument,
)
from irevla_bringup.robot import (
    ANY_NUMBER,
    ROBOT_HORIZON,
    episodes_on_robot,
    operator_nodes,
    robot_arguments,
    robot_nodes,
)
from irevla_bringup.starting import Started, start


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    return [
        *robot_nodes(context, whole_number(context, 'image_size', 16)),
        *operator_nodes(context, demonstrate=True),
        *episodes_on_robot(
            context, ['teleop_command'], only_successes=True, max_retries=ANY_NUMBER
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the launch arguments and start the nodes."""
    return LaunchDescription(
        [
            *common_arguments(),
            *episode_arguments(episodes='20', horizon=str(ROBOT_HORIZON)),
            *robot_arguments(['spacemouse', 'scripted']),
            DeclareLaunchArgument(
                'image_size',
                default_value='224',
                description='height and width of the images [pixels]',
            ),
            noise_argument('config/scripted_operator.yaml or scripted_person.yaml'),
            start(launch_nodes),
        ]
    )
