# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 over the graph: the VLA explores, the learner improves its head, until it is done."""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.launch_description_entity import LaunchDescriptionEntity

from irevla_bringup.launching import (
    NOT_GIVEN,
    classifier_argument,
    common_arguments,
    episode_arguments,
    episode_nodes,
    existing_path,
    node,
    reward_node,
    seen_by_policy,
    simulator_arguments,
    some_names,
    value,
    whole_number,
)
from irevla_control.errors import ConfigError
from irevla_learner.sacfd_config import SACfDConfig
from launch import LaunchContext, LaunchDescription


def launch_nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Start the nodes with the arguments' values."""
    checkpoint = existing_path(context, 'checkpoint')
    cameras, image_size = seen_by_policy(checkpoint)
    settings = value(context, 'settings') and existing_path(context, 'settings')
    try:
        sacfd = SACfDConfig.load(settings or None)
    except ConfigError as error:
        raise RuntimeError(f'launch argument settings:={settings}: {error}') from error
    if not value(context, 'output'):
        raise RuntimeError('launch argument output is empty; give a folder')
    if len(some_names(context, 'tasks')) > 1:
        raise RuntimeError(f'launch argument tasks:={value(context, "tasks")}: stage 1 learns one '
                           'task at a time')
    if value(context, 'mode') != 'lock_step':
        raise RuntimeError('launch argument mode:=real_time: the real-time simulator executes '
                           'commands later than the observations they answer; use lock_step')
    if whole_number(context, 'linger', 0):
        raise RuntimeError(f'launch argument linger:={value(context, "linger")}: an episode to '
                           'learn from ends with its reward; use 0')
    seed = whole_number(context, 'seed', 0)
    reward = reward_node(context, checkpoint)
    return [
        node(context, 'irevla_policy', 'vla', {
            'checkpoint': checkpoint, 'encode_last': True, 'noise_seed': seed,
            'noise_std_low': float(sacfd.noise_std_low),
            'noise_std_high': float(sacfd.noise_std_high),
            'noise_correlation': float(sacfd.noise_correlation)}),
        node(context, 'irevla_learner', 'learner', {
            'checkpoint': checkpoint, 'settings': settings, 'seed': seed,
            'root': value(context, 'output')}),
        *reward,
        *episode_nodes(context, ['policy_command', 'policy_update',
                                 *(['reward'] if reward else [])],
                       cameras, image_size),
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start the nodes."""
    return LaunchDescription([
        *common_arguments(),
        *episode_arguments(episodes='1000000'),
        *simulator_arguments(),
        classifier_argument(),
        DeclareLaunchArgument('checkpoint', description='folder of the policy to improve'),
        DeclareLaunchArgument('settings', default_value=NOT_GIVEN,
                              description='YAML file of SACfD; empty: built-in settings'),
        DeclareLaunchArgument('output', description='folder for replay, metrics and the improved '
                                                    'policy'),
        OpaqueFunction(function=launch_nodes),
    ])
