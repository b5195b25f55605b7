# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Record scripted demonstrations: simulator, expert, command mux, recorder, episode runner."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.launch_description_entity import LaunchDescriptionEntity

from irevla_bringup.launching import (
    common_arguments,
    episode_arguments,
    episode_nodes,
    node,
    number,
    simulator_parameters,
)
from launch import LaunchContext, LaunchDescription


def launch_nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the nodes with the arguments' values."""
    return [
        node(context, 'irevla_sim', 'expert', {
            'noise_std': number(context, 'noise_std', 0.0, 2.0), **simulator_parameters(context)}),
        *episode_nodes(context, 'teleop_command'),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the nodes."""
    return LaunchDescription([
        *common_arguments(),
        *episode_arguments(),
        DeclareLaunchArgument('noise_std', default_value='0.3',
                              description='noise on the expert\'s commands, as a share of the '
                                          'largest command; labels stay clean'),
        OpaqueFunction(function=launch_nodes),
    ])
