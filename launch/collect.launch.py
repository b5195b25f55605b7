# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Record scripted demonstrations: simulator, expert, command mux, recorder, episode runner."""

from launch import LaunchContext, LaunchDescription

from irevla_bringup.argument_values import camera_names, whole_number
from irevla_bringup.launch_arguments import (
    camera_arguments,
    common_arguments,
    episode_arguments,
    noise_argument,
    simulator_arguments,
)
from irevla_bringup.launch_nodes import (
    episode_nodes,
    node,
    noise_parameters,
    simulator_parameters,
)
from irevla_bringup.starting import Started, start


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    return [
        node(
            context,
            'irevla_sim',
            'expert',
            {**noise_parameters(context), **simulator_parameters(context)},
        ),
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
            noise_argument('config/expert.yaml'),
            start(launch_nodes),
        ]
    )
