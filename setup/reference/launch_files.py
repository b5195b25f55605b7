# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the launch files and their arguments."""

from collections.abc import Iterator
from pathlib import Path

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from launch.utilities import perform_substitutions

from reference.markdown import block, code, page, table

INTRODUCTION = (
    'The launch files of the package `irevla_bringup` and their arguments. `ros2 launch '
    'irevla_bringup NAME.launch.py --show-args` prints the same. An argument without a default '
    'must be given; an empty default means that nothing is given.'
)


def launch_page(folder: Path) -> str:
    """Return the page of the launch files in a folder."""
    return page('Launch files', INTRODUCTION, launch_files(folder))


def launch_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield name and text of each launch file that starts something."""
    for file in sorted(folder.glob('*.launch.py')):
        try:
            description = get_launch_description_from_python_launch_file(str(file))
        except SystemExit:
            # An old name, which names the new one and ends.
            continue
        arguments = description.get_launch_arguments()
        about = file.read_text().split('"""')[1].strip()
        needed = ' '.join(f'{one.name}:=...' for one in arguments if not one.default_value)
        yield (
            file.name,
            f'{about}\n\n'
            + block(f'ros2 launch irevla_bringup {file.name} {needed}', 'bash')
            + '\n'
            + table(['argument', 'default', 'meaning'], map(_row, arguments)),
        )


def _row(argument: DeclareLaunchArgument) -> list[str]:
    # The class adds the choices to the description in a form of its own.
    meaning = argument.description.partition('. Valid choices are')[0]
    if argument.choices:
        meaning += f': {", ".join(map(code, argument.choices))}'
    if argument.default_value is None:
        return [code(argument.name), '**needed**', meaning]
    default = perform_substitutions(LaunchContext(), list(argument.default_value))
    return [code(argument.name), code(default), meaning]
