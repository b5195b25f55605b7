# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Nodes that the launch files of the robot share: arm, cameras, operator; real or simulated."""

from collections.abc import Iterable
import sys

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, ExecuteProcess

from irevla_bringup.argument_values import (
    camera_names,
    number,
    serial_numbers,
    value,
    whole_number,
)
from irevla_bringup.launch_arguments import NOT_GIVEN
from irevla_bringup.launch_nodes import (
    node,
    noise_parameters,
    played,
)
from irevla_bringup.starting import Started, SuiteNode, ends_all
from irevla_sim.panda.process import LOST_PACKETS

CAMERAS = 'front,wrist'
# Rate of images, and so of commands [Hz].
FPS = 15
# Operators that move a SpaceMouse whose reports arrive on a topic.
SIMULATED_MICE = ('fake_spacemouse', 'scripted_person')
# Size of rendered images for which two cores are fast enough [pixels].
FAKE_WIDTH, FAKE_HEIGHT = 320, 240
FAKE_STARTS_S = 60.0
# On busy cores the simulated arm is late without an obstacle [s].
FAKE_HELD_BACK_S = 40.0
# Simulated cameras run in simulated time, which can be slower [s].
FAKE_LOST_AFTER_S = 2.0
# Largest age of sensor samples against the first camera's image, in image periods.
MAX_SKEW = 1.5
# Time without progress after which an episode is played again [s]: longer than a reset, and with
# a person longer than the pause between two episodes.
STALL_S, PATIENT_S = 100.0, 3600.0
# Number of commands after which an episode is truncated.
ROBOT_HORIZON = 200
# A person may discard any number of episodes.
ANY_NUMBER = 1_000_000


def robot_arguments(operators: list[str]) -> list[DeclareLaunchArgument]:
    """Arguments of a launch file of the robot, with these operators and a simulated one."""
    return [
        DeclareLaunchArgument(
            'robot_ip', default_value=NOT_GIVEN, description='address of the robot'
        ),
        DeclareLaunchArgument(
            'use_fake_hardware',
            default_value='false',
            choices=['true', 'false'],
            description='a simulated Panda and rendered camera images, behind '
            'the same protocol and SDK as real ones',
        ),
        DeclareLaunchArgument(
            'scene',
            default_value=NOT_GIVEN,
            description='name of a simulated Panda that runs already at '
            'robot_ip; empty: use_fake_hardware starts one',
        ),
        DeclareLaunchArgument(
            'cameras',
            default_value=CAMERAS,
            description='names of the cameras, separated by commas; the first gives the stamps',
        ),
        DeclareLaunchArgument(
            'serials',
            default_value=NOT_GIVEN,
            description='their serial numbers, in the same order',
        ),
        DeclareLaunchArgument(
            'fps', default_value=str(FPS), description='rate of images, and so of commands [Hz]'
        ),
        DeclareLaunchArgument(
            'operator',
            default_value=operators[0],
            choices=[*operators, *SIMULATED_MICE],
            description='operator, who gives verdicts and may take over: a '
            'person with a SpaceMouse, a script that reads the '
            'simulated scene, a program that sends the reports '
            'of a SpaceMouse to spacemouse_reports, or a script that '
            'does so as a person would',
        ),
    ]


def by_hand(context: LaunchContext) -> bool:
    """Return whether the operator starts each episode."""
    return value(context, 'operator') in ('spacemouse', *SIMULATED_MICE)


def is_fake(context: LaunchContext) -> bool:
    """Return whether the hardware is simulated."""
    return value(context, 'use_fake_hardware') == 'true'


def max_skew_s(context: LaunchContext) -> float:
    """Return the largest age of sensor samples against the first camera's image [s]."""
    return MAX_SKEW / number(context, 'fps', 1, 120)


def robot_nodes(context: LaunchContext, image_size: int) -> Iterable[Started]:
    """Return the arm, the cameras and the episodes.

    Raises:
        RuntimeError: a missing address, or not one serial number for each camera.

    """
    cameras, fake = camera_names(context), is_fake(context)
    address = value(context, 'robot_ip') or ('127.0.0.1' if fake else '')
    if not address:
        raise RuntimeError(
            'launch argument robot_ip is empty; give the address of the robot, or '
            'use_fake_hardware:=true'
        )
    serials = serial_numbers(context) or (cameras if fake else [])
    if len(serials) != len(cameras):
        raise RuntimeError(
            f'launch argument serials:={",".join(serials)}: one for each of the '
            f'cameras {", ".join(cameras)} is needed; docs/hardware.md says how '
            'to list them'
        )
    streams = {
        'cameras': cameras,
        'serials': serials,
        'image_size': image_size,
        'fps': whole_number(context, 'fps', 1),
    }
    if fake:
        scene = value(context, 'scene') or f'panda-{address}'
        if not value(context, 'scene'):
            yield ExecuteProcess(
                cmd=[
                    sys.executable,
                    '-m',
                    'irevla_sim.panda.physics',
                    '--address',
                    address,
                    '--name',
                    scene,
                    '--lost-packets',
                    str(LOST_PACKETS),
                ],
                output='screen',
                on_exit=ends_all('the simulated Panda'),
            )
        yield node(context, 'irevla_sim', 'scene', {'scene': scene})
        yield node(
            context,
            'irevla_sim',
            'realsense',
            {
                **streams,
                'width': FAKE_WIDTH,
                'height': FAKE_HEIGHT,
                'lost_after_s': FAKE_LOST_AFTER_S,
                'min_rate_share': 0.0,
            },
            executable='fake_realsense_node',
            arguments=['--scene', scene],
        )
    else:
        yield node(context, 'irevla_control', 'realsense', streams)
    yield node(
        context,
        'irevla_control',
        'franka',
        {
            'robot_ip': address,
            **(
                {
                    'realtime': False,
                    'connect_timeout_s': FAKE_STARTS_S,
                    'held_back_s': FAKE_HELD_BACK_S,
                }
                if fake
                else {}
            ),
        },
    )
    yield node(
        context,
        'irevla_control',
        'robot_episode',
        {
            'camera': cameras[0],
            'arrange': fake,
            'operator_begins': by_hand(context),
            'horizon': whole_number(context, 'horizon', 1),
            'linger': whole_number(context, 'linger', 0),
        },
    )


def operator_nodes(
    context: LaunchContext, demonstrate: bool, follow_policy: bool = False, judge: bool = True
) -> list[SuiteNode]:
    """Return the operator, who commands the arm, or corrects and judges the policy.

    Args:
        context: launch context.
        demonstrate: whether a script commands the arm, or only judges.
        follow_policy: whether a person answers the policy's observations only.
        judge: whether a script gives verdicts.

    Raises:
        RuntimeError: a script or a program with real hardware.

    """
    operator = value(context, 'operator')
    observed = {'cameras': camera_names(context), 'max_skew_s': max_skew_s(context)}
    if operator in ('scripted', *SIMULATED_MICE) and not is_fake(context):
        raise RuntimeError(
            f'launch argument operator:={operator} needs simulated hardware; '
            'add use_fake_hardware:=true, or choose another operator'
        )
    if operator == 'scripted':
        return [
            node(
                context,
                'irevla_sim',
                'scripted_operator',
                {
                    **observed,
                    'demonstrate': demonstrate,
                    'judge': judge,
                    **noise_parameters(context),
                },
            )
        ]
    mouse = {**observed, 'follow_policy': follow_policy}
    if operator == 'spacemouse':
        return [node(context, 'irevla_control', 'spacemouse', mouse)]
    if operator not in SIMULATED_MICE:
        return []
    nodes = [node(context, 'irevla_sim', 'spacemouse', mouse, executable='fake_spacemouse_node')]
    if operator == 'scripted_person':
        demonstrates = {'patience': 0} if demonstrate else {}
        person = {**demonstrates, **noise_parameters(context)}
        nodes.append(node(context, 'irevla_sim', 'scripted_person', person))
    return nodes


def episodes_on_robot(
    context: LaunchContext, needed: list[str], **runner: object
) -> Iterable[SuiteNode]:
    """Return mux, recorder and runner, with further parameters of the runner."""
    patient = by_hand(context)
    return played(
        context,
        needed,
        camera_names(context),
        {'max_skew_s': max_skew_s(context)},
        {
            'stall_timeout_s': PATIENT_S if patient else STALL_S,
            **({'max_retries': ANY_NUMBER} if patient else {}),
            **runner,
        },
    )
