# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy on the robot: arm, cameras, VLA, command mux, operator, recorder, episode runner.

With ``output`` it runs stage 1: the VLA explores, and the learner trains its head.
"""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument

from irevla_bringup.argument_values import (
    camera_names,
    existing_path,
    value,
)
from irevla_bringup.demonstrations import refuse_demonstrations
from irevla_bringup.launch_arguments import (
    classifier_argument,
    common_arguments,
    episode_arguments,
    learner_arguments,
    policy_steps_argument,
)
from irevla_bringup.launch_nodes import (
    exploring_policy,
    node,
    reward_node,
    seen_by_policy,
)
from irevla_bringup.robot import (
    ROBOT_HORIZON,
    episodes_on_robot,
    max_skew_s,
    operator_nodes,
    robot_arguments,
    robot_nodes,
)
from irevla_bringup.starting import Started, start


def launch_nodes(context: LaunchContext) -> list[Started]:
    """Return the nodes for the launch arguments."""
    checkpoint = existing_path(context, 'checkpoint')
    cameras, image_size = seen_by_policy(checkpoint)
    if camera_names(context) != cameras:
        raise RuntimeError(
            f'launch argument cameras:={",".join(camera_names(context))}: '
            f'the policy was trained with {",".join(cameras)}, in this order'
        )
    reward = reward_node(context, checkpoint)
    skew = {'max_skew_s': max_skew_s(context)}
    learns = bool(value(context, 'output'))
    if not learns:
        refuse_demonstrations(context)
    policy = (
        exploring_policy(context, checkpoint, see_effects=True, **skew)
        if learns
        else [
            node(
                context,
                'irevla_policy',
                'vla',
                {'checkpoint': checkpoint, 'encode_last': bool(reward), **skew},
            )
        ]
    )
    return [
        *robot_nodes(context, image_size),
        *policy,
        *reward,
        # A script that knows the truth does not judge beside a classifier.
        *operator_nodes(context, demonstrate=False, follow_policy=True, judge=not reward),
        *episodes_on_robot(
            context,
            [
                'policy_command',
                *(['reward'] if reward else []),
                *(['policy_update'] if learns else []),
            ],
        ),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the launch arguments and start the nodes."""
    return LaunchDescription(
        [
            *common_arguments(),
            *episode_arguments(horizon=str(ROBOT_HORIZON)),
            *robot_arguments(['spacemouse', 'scripted', 'none']),
            classifier_argument(),
            policy_steps_argument(),
            DeclareLaunchArgument('checkpoint', description='folder of the trained policy'),
            *learner_arguments(),
            start(launch_nodes),
        ]
    )
