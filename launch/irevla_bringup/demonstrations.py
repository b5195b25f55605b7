# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded demonstrations for stage 1, encoded before its nodes start."""

from pathlib import Path
import subprocess
import sys

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument

from irevla_learner.sacfd.config import ANCHOR, DEMONSTRATIONS, SACfDConfig

ARGUMENTS = ('demonstration_bags', 'anchor_bags')


def demonstration_arguments() -> list[DeclareLaunchArgument]:
    """Arguments of a launch file with a learner."""
    return [
        DeclareLaunchArgument(
            'demonstration_bags',
            default_value='',
            description='folders of recorded demonstrations of the task, separated by commas; '
            'they count towards min_demonstrations',
        ),
        DeclareLaunchArgument(
            'anchor_bags',
            default_value='',
            description='folders of recorded demonstrations of the tasks that the policy must '
            'not forget, separated by commas',
        ),
    ]


def refuse_demonstrations(context: LaunchContext) -> None:
    """Raise RuntimeError if demonstrations or a curriculum are given where nothing learns."""
    for name in (*ARGUMENTS, 'curriculum'):
        if given := context.launch_configurations.get(name):
            raise RuntimeError(
                f'launch argument {name}:={given}: only a learner uses it; give the folder output'
            )


def encode_demonstrations(
    context: LaunchContext, checkpoint: str, output: str, task: str, settings: SACfDConfig
) -> None:
    """Write the learner's files of demonstrations into ``output``; up-to-date ones are kept.

    Raises:
        RuntimeError: the recordings do not fit; the program printed the reason.

    """
    frames = ['--max-frames', str(settings.anchor_frames)]
    for argument, name, selection in (
        (ARGUMENTS[0], DEMONSTRATIONS, ['--tasks', task]),
        (ARGUMENTS[1], ANCHOR, frames),
    ):
        given = context.launch_configurations.get(argument, '')
        folders = [each.strip() for each in given.split(',') if each.strip()]
        if not folders:
            continue
        if name == ANCHOR and not settings.anchor_weight:
            raise RuntimeError(
                f'launch argument {argument}:={given}: anchor_weight is 0.0 in the settings, so '
                'nothing is cloned; raise it, or leave the argument out'
            )
        command = ['--checkpoint', checkpoint, '--output', str(Path(output) / name), *selection]
        done = subprocess.run(
            [sys.executable, '-m', 'irevla_learner.encode', *command, '--bags', *folders],
            check=False,
        )
        if done.returncode:
            raise RuntimeError(
                f'launch argument {argument}:={given}: the encoder ended with status '
                f'{done.returncode}'
            )
