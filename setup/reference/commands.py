# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of the command lines, from their argparse parsers."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.metadata import entry_points
import os
from pathlib import Path
import runpy
import sys
from typing import NoReturn
from unittest.mock import patch
import warnings

from irevla_bringup.cli.commands import COMMANDS
from irevla_bringup.cli.program import contents
from irevla_bringup.cli.python_program import PythonProgram
from reference.markdown import block, page

INTRODUCTION = (
    'Every command of the suite, as `--help` prints it. Each needs a shell with `source env.sh`. '
    'Launch files have [a page of their own](launch.md). Bad input ends with one line that names '
    'the remedy, and with a status that is not zero.'
)
# Modules that the suite itself starts.
_INTERNAL = ('irevla_sim.panda.physics', 'irevla_control.checks')
_WIDTH = '80'


class _Parsed(Exception):  # noqa: N818 (no error)
    """Raised in place of parsing, with the parser."""


def command_page(roots: list[Path]) -> str:
    """Return the page of the commands in some folders of packages."""
    return page('Command lines', INTRODUCTION, command_lines(roots))


def command_lines(roots: list[Path]) -> Iterator[tuple[str, str]]:
    """Yield name and help of each command: `irevla`, then the others, sorted by name."""
    yield 'irevla', block(contents())
    with patch.dict(os.environ, COLUMNS=_WIDTH):
        for name, parser in sorted(parsers(roots).items()):
            yield name, block(parser.format_help())


def parsers(roots: list[Path]) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command, and of its subcommands, by name."""
    return {name: each for parser in _parsers(roots) for name, each in _with_subcommands(parser)}


def modules(roots: list[Path]) -> Iterator[str]:
    """Yield the modules that are run by `python -m`, without old names."""
    for root in roots:
        for file in sorted(root.rglob('irevla_*/**/*.py')):
            text = file.read_text()
            path = file.relative_to(root).with_suffix('')
            name = '.'.join(path.parts).removesuffix('.__main__')
            if (
                path.parts[0].startswith('irevla_')
                and ("__name__ == '__main__'" in text or path.name == '__main__')
                and 'import run_moved' not in text
                and not name.startswith(_INTERNAL)
                and not name.endswith('_node')
            ):
                yield name


def _parsers(roots: list[Path]) -> Iterator[argparse.ArgumentParser]:
    for name in modules(roots):
        with _stopped_at_parsing(f'python -m {name}') as found, warnings.catch_warnings():
            # A module that another one has imported is run a second time.
            warnings.simplefilter('ignore', RuntimeWarning)
            runpy.run_module(name, run_name='__main__', alter_sys=True)
        yield from found
    for name, command in COMMANDS.items():
        program = command.program
        # The others are short names of programs that have a name of their own.
        if isinstance(program, PythonProgram) and program.module not in modules(roots):
            with _stopped_at_parsing(name) as found:
                import_module(program.module).main([], prog=f'irevla {name}')
            yield from found
    for entry in entry_points(group='console_scripts'):
        if entry.module.startswith('irevla_') and not entry.name.endswith(('_node', 'irevla')):
            with _stopped_at_parsing(entry.name) as found:
                getattr(import_module(entry.module), entry.attr)()
            yield from found


@contextmanager
def _stopped_at_parsing(name: str) -> Iterator[list[argparse.ArgumentParser]]:
    """Collect the parser of a program, which ends where it would parse its arguments."""
    found: list[argparse.ArgumentParser] = []

    def stop(parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        # `python -m` gives the name of the file where a program sets none.
        if parser.prog.endswith('.py'):
            parser.prog = name
        found.append(parser)
        raise _Parsed

    with (
        patch.object(argparse.ArgumentParser, 'parse_known_args', stop),
        patch.object(sys, 'argv', [name]),
    ):
        with suppress(_Parsed):
            yield found


def _with_subcommands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield parser.prog, parser
    for action in parser._actions:  # noqa: SLF001 (argparse has no other way)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for each in action.choices.values():
                yield from _with_subcommands(each)
