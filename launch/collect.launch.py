# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Record scripted demonstrations: simulator, expert, command mux, recorder, episode runner."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument

from irevla_bringup.launch_nodes import (
    NOT_GIVEN,
    camera_arguments,
    camera_names,
    common_arguments,
    episode_arguments,
    episode_nodes,
    node,
    number,
    simulator_arguments,
    simulator_parameters,
    value,
    whole_number,
)
from irevla_bringup.starting import Started, start
from irevla_sim.expert_noise import NOISE_STD_RANGE


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    noise = (
        {'noise_std': number(context, 'noise_std', *NOISE_STD_RANGE)}
        if value(context, 'noise_std')
        else {}
    )
    return [
        node(context, 'irevla_sim', 'expert', {**noise, **simulator_parameters(context)}),
        *episode_nodes(
            context,
            ['teleop_command'],
            camera_names(context),
            whole_number(context, 'image_size', 16),
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the launch arguments and start the nodes."""
    return LaunchDescription(
        [
            *common_arguments(),
            *episode_arguments(),
            *simulator_arguments(),
            *camera_arguments(),
            DeclareLaunchArgument(
                'noise_std',
                default_value=NOT_GIVEN,
                description="standard deviation of the noise on the expert's "
                'commands, as a share of the largest command; labels '
                'have none; empty: the value of config/expert.yaml',
            ),
            start(launch_nodes),
        ]
    )
