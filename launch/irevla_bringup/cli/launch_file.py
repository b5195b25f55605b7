# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands that become `ros2 launch` of one of the suite's launch files."""

from dataclasses import dataclass
import difflib
import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from launch.actions import DeclareLaunchArgument

PACKAGE = 'irevla_bringup'


@dataclass(frozen=True)
class LaunchFile:
    """A launch file of this package.

    Attributes:
        file: its name.
        needs: an optional argument of the file that this command needs.
        refuses: an argument that would make another command of it.

    """

    file: str
    needs: str = ''
    refuses: str = ''

    def run(self, prog: str, words: list[str]) -> NoReturn:
        """Replace this process by `ros2 launch`; a wrong word ends it with one line."""
        if not {'-s', '--show-args', '--show-arguments'} & set(words):
            problem = self.problem(words)
            if problem:
                print(f'{prog}: {problem}; `{prog} --help` lists the arguments', file=sys.stderr)
                sys.exit(2)
        try:
            os.execvp('ros2', ['ros2', 'launch', PACKAGE, self.file, *words])
        except OSError as error:
            sys.exit(f'{prog}: ros2 cannot be started ({error.strerror}); source env.sh')

    def problem(self, words: list[str]) -> str:
        """Return what is wrong with the words of a command line, or ''."""
        options = [word for word in words if word.startswith('-')]
        wrong = [word for word in words if word not in options and ':=' not in word]
        if wrong:
            return f'{wrong[0]!r} is no argument; arguments have the form name:=value'
        given = [word.split(':=')[0] for word in words if word not in options]
        known = {argument.name: argument for argument in self.arguments()}
        for name in given:
            if name == self.refuses:
                return f'{name}:= is not for this command: {known[name].description}'
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                meant = f' (did you mean {near[0]}?)' if near else ''
                return f'{self.file} has no argument {name!r}{meant}'
        for name, argument in known.items():
            if (argument.default_value is None or name == self.needs) and name not in given:
                return f'{name}:= is missing: {argument.description}'
        return ''

    def arguments(self) -> 'list[DeclareLaunchArgument]':
        """Return the arguments that the launch file declares, in its order."""
        # Not earlier: they take half a second to import.
        from ament_index_python.packages import get_package_share_directory
        from launch.launch_description_sources import (
            get_launch_description_from_python_launch_file,
        )

        path = f'{get_package_share_directory(PACKAGE)}/launch/{self.file}'
        return get_launch_description_from_python_launch_file(path).get_launch_arguments()

    def show_help(self, prog: str, words: list[str]) -> NoReturn:
        """Print the launch file's arguments, each with its default and description."""
        print(f'usage: {prog} name:=value ...    (ros2 launch {PACKAGE} {self.file})\n')
        width = min(shutil.get_terminal_size().columns, 100)
        for argument in self.arguments():
            if argument.name != self.refuses:
                print(f'  {argument.name}:={self._value(argument)}')
                # launch appends the choices, which are in the line above.
                what = argument.description.split(' Valid choices are:')[0]
                print(textwrap.indent(textwrap.fill(what, width - 6), ' ' * 6))
        sys.exit(0)

    def _value(self, argument: 'DeclareLaunchArgument') -> str:
        """Return what an argument may be, and its default."""
        default = argument.default_value
        # Defaults of the suite are texts; another substitution is known at the launch only.
        texts = [getattr(part, 'text', '...') for part in default or ()]
        choices = f' {"|".join(argument.choices)}' if argument.choices else ''
        needed = default is None or argument.name == self.needs
        return (' (needed)' if needed else ''.join(texts)) + choices
