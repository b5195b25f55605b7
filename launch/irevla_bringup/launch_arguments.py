# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Launch arguments that the launch files share."""

import signal

from launch import Action, LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction

from irevla_bringup.demonstrations import demonstration_arguments
from irevla_sim.simulator.simulator import DEFAULT, SHIPPED

NOT_GIVEN = ''


def common_arguments() -> list[Action]:
    """Arguments of every launch file, and the handling of repeated interrupts."""
    return [
        OpaqueFunction(function=_only_launch_handles_interrupts),
        DeclareLaunchArgument(
            'namespace',
            default_value=NOT_GIVEN,
            description='namespace of all nodes; graphs in different '
            'namespaces can run in parallel',
        ),
        DeclareLaunchArgument(
            'params_file',
            default_value=NOT_GIVEN,
            description='YAML file whose parameters override config/*.yaml; '
            'parameters that this launch sets are refused',
        ),
        DeclareLaunchArgument(
            'log_level',
            default_value='info',
            choices=['debug', 'info', 'warn', 'error', 'fatal'],
            description='lowest severity that is logged',
        ),
        *page_arguments(),
    ]


def page_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of every launch file for the page of its graph."""
    return [
        DeclareLaunchArgument(
            'view',
            default_value='false',
            choices=['true', 'false'],
            description='whether a page at 127.0.0.1 shows cameras, instruction and successes',
        ),
        DeclareLaunchArgument(
            'view_port',
            default_value='8080',
            description='port of this page; if it is in use, the next free one of ten',
        ),
    ]


def _only_launch_handles_interrupts(_: LaunchContext) -> None:
    """Disable Python's KeyboardInterrupt; the launch has its own handler of SIGINT.

    If a second SIGINT raised it inside one of the launch's coroutines, only that coroutine would
    end, and the launch would wait for it forever. (Linux sends a child one SIGINT for each thread
    of a dying parent, and people press Ctrl-C twice.)
    """
    signal.signal(signal.SIGINT, lambda *_: None)


def episode_arguments(episodes: str = '1', horizon: str = '0') -> list[DeclareLaunchArgument]:
    """Arguments of a launch file that runs episodes, with defaults of number and length."""
    return [
        DeclareLaunchArgument(
            'tasks',
            description='names of tasks, separated by commas; name:5 for 5 episodes of this task',
        ),
        DeclareLaunchArgument(
            'episodes', default_value=episodes, description='episodes of each task'
        ),
        DeclareLaunchArgument(
            'seed', default_value='0', description='seed of the first episode of each task'
        ),
        DeclareLaunchArgument(
            'results',
            default_value=NOT_GIVEN,
            description='JSON file of the results; episodes in it are not run again',
        ),
        DeclareLaunchArgument(
            'bags',
            default_value=NOT_GIVEN,
            description='folder for the recorded episodes; empty: no recorder',
        ),
        DeclareLaunchArgument(
            'horizon',
            default_value=horizon,
            description='commands after which an episode is truncated; in simulation 0 is the '
            "task's own, else the simulator's",
        ),
        DeclareLaunchArgument(
            'linger',
            default_value='0',
            description='number of commands for which an episode continues '
            'after success, for images of success',
        ),
    ]


def simulator_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of a launch file with a simulator."""
    return [
        DeclareLaunchArgument(
            'simulator',
            default_value=DEFAULT,
            description=f'{" or ".join(SHIPPED)}, or a Python module on PYTHONPATH that has '
            'SIMULATOR',
        ),
        DeclareLaunchArgument(
            'mode',
            default_value='lock_step',
            choices=['lock_step', 'real_time'],
            description='whether the simulator waits for each command',
        ),
        DeclareLaunchArgument(
            'extra_cameras',
            default_value=NOT_GIVEN,
            description='cameras that other nodes publish, separated by '
            'commas; they are recorded, and a policy may use '
            'them',
        ),
        DeclareLaunchArgument(
            'action_repeat',
            default_value='0',
            description="simulator steps for one command; 0: the task's, else the simulator's",
        ),
        DeclareLaunchArgument(
            'tasks_file', default_value=NOT_GIVEN, description='YAML file with further tasks'
        ),
    ]


def classifier_argument() -> DeclareLaunchArgument:
    """Argument of a launch file with an optional success classifier."""
    return DeclareLaunchArgument(
        'classifier',
        default_value=NOT_GIVEN,
        description='folder of a success classifier, which publishes `reward`; empty: none',
    )


def policy_steps_argument() -> DeclareLaunchArgument:
    """Argument of a launch file with a policy, whose latents may be recorded."""
    return DeclareLaunchArgument(
        'record_policy_steps',
        default_value='false',
        choices=['true', 'false'],
        description='whether bags contain `policy_step` too, with the latents of the VLM '
        '(225 kB per observation and camera with BLIP-2)',
    )


def learner_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of a launch file with a learner."""
    return [
        DeclareLaunchArgument(
            'settings',
            default_value=NOT_GIVEN,
            description='YAML file of SACfD; empty: built-in settings',
        ),
        DeclareLaunchArgument(
            'output',
            default_value=NOT_GIVEN,
            description='folder for replay, metrics and the trained policy',
        ),
        *demonstration_arguments(),
        DeclareLaunchArgument(
            'curriculum',
            default_value=NOT_GIVEN,
            description='names of easier tasks that are played before the task, separated by '
            'commas; name:10 until it succeeded 10 times',
        ),
    ]


def camera_arguments() -> list[DeclareLaunchArgument]:
    """Cameras and image size of a launch file without a policy, which would define them."""
    return [
        DeclareLaunchArgument(
            'cameras',
            default_value='front,wrist',
            description='cameras of the simulator, separated by commas',
        ),
        DeclareLaunchArgument(
            'image_size', default_value='84', description='height and width of the images [pixels]'
        ),
    ]


def noise_argument(file: str) -> DeclareLaunchArgument:
    """Argument of a launch file with a scripted expert, whose default is in a file."""
    return DeclareLaunchArgument(
        'noise_std',
        default_value=NOT_GIVEN,
        description="standard deviation of the noise on the expert's commands, as a share of the "
        f'largest command; labels have none; empty: the value of {file}',
    )
