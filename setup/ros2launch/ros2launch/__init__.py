# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""`ros2 launch PACKAGE FILE [name:=value ...]` or `ros2 launch PATH [name:=value ...]`."""

import argparse
from pathlib import Path
import sys

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription, LaunchIntrospector, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import (
    AnyLaunchDescriptionSource,
    get_launch_description_from_any_launch_file,
)
from ros2cli.command import CommandExtension


def find_launch_file(package: str, file: str) -> str:
    """Return the only launch file of that name in the package's share folder."""
    share = Path(get_package_share_directory(package))
    found = sorted(share.rglob(file))
    if len(found) != 1:
        raise RuntimeError(f'{len(found)} files named {file!r} in {share}; one is needed')
    return str(found[0])


def show_arguments(path: str) -> None:
    """Print each declared argument with its choices, default and description."""
    description = get_launch_description_from_any_launch_file(path)
    for argument in description.get_launch_arguments():
        default = argument.default_value
        text = (
            '(required)'
            if default is None
            else '(default: {!r})'.format(
                ''.join(getattr(part, 'text', str(part)) for part in default)
            )
        )
        choices = f' one of {argument.choices}' if argument.choices else ''
        print(f"    '{argument.name}':{choices}\n        {argument.description}\n        {text}\n")


class LaunchCommand(CommandExtension):
    """Run a launch file."""

    def add_arguments(self, parser: argparse.ArgumentParser, cli_name: str) -> None:
        """Declare the arguments of the verb."""
        parser.add_argument('-d', '--debug', action='store_true', help='verbose launch output')
        parser.add_argument(
            '-p', '--print', action='store_true', help='print the launch description and stop'
        )
        parser.add_argument(
            '-s',
            '--show-args',
            action='store_true',
            help='show the arguments of the launch file and stop',
        )
        parser.add_argument('package_or_path', help='a package, or the path of a launch file')
        parser.add_argument(
            'rest',
            nargs='*',
            metavar='file or name:=value',
            help='the launch file of the package, then its arguments',
        )

    def main(self, *, parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
        """Launch; return the launch service's exit status."""
        rest = list(args.rest)
        if Path(args.package_or_path).is_file():
            path = args.package_or_path
        elif rest and ':=' not in rest[0]:
            path = find_launch_file(args.package_or_path, rest.pop(0))
        else:
            parser.error(f'{args.package_or_path!r} is no file; a package needs a file name too')
        wrong = [word for word in rest if ':=' not in word]
        if wrong:
            parser.error(f'arguments have the form name:=value, not {wrong[0]!r}')
        if args.show_args:
            show_arguments(path)
            return 0
        given = [tuple(word.split(':=', 1)) for word in rest]
        known = {
            argument.name
            for argument in get_launch_description_from_any_launch_file(
                path
            ).get_launch_arguments()
        }
        unknown = [name for name, _ in given if name not in known]
        if unknown:
            parser.error(
                f'{unknown[0]!r} is no argument of {path}; known are {", ".join(sorted(known))}'
            )
        include = IncludeLaunchDescription(
            AnyLaunchDescriptionSource(path), launch_arguments=given
        )
        description = LaunchDescription([include])
        if args.print:
            print(LaunchIntrospector().format_launch_description(description))
            return 0
        # Without a terminal only the launch itself can send the nodes a Ctrl-C.
        service = LaunchService(noninteractive=not sys.stdin.isatty(), debug=args.debug)
        service.include_launch_description(description)
        return service.run()
