# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The command `irevla`: finds the command in the table and starts its program."""

from collections.abc import Sequence
import difflib
from itertools import groupby
import signal
import sys
from typing import NoReturn

from irevla_bringup.cli.commands import COMMANDS, OTHERS, Command

HELP = ('-h', '--help')


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line; without a command print the table of contents."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or any(word in HELP for word in words):
        # `irevla --help | head` ends without a traceback.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    if not words or words[0] in HELP:
        print(contents())
        sys.exit(0)
    if words == ['--version']:
        from importlib.metadata import version

        print(f'irevla {version("irevla_bringup")}')
        sys.exit(0)
    name, *rest = words
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        print(
            f'irevla: {name!r} is no command'
            + (f'; did you mean {near[0]}?' if near else '; `irevla --help` lists them'),
            file=sys.stderr,
        )
        sys.exit(2)
    run(name, COMMANDS[name], rest)


def run(name: str, command: Command, words: list[str]) -> NoReturn:
    """Run a command, or the variant of it that one of the words selects."""
    prog, program = f'irevla {name}', command.program
    chosen = [word for word in words if word in command.variants]
    if len(set(chosen)) > 1:
        print(f'{prog}: {" and ".join(chosen)} exclude each other', file=sys.stderr)
        sys.exit(2)
    if chosen:
        prog, program = f'{prog} {chosen[0]}', command.variants[chosen[0]].program
        words = [word for word in words if word not in chosen]
    if any(word in HELP for word in words):
        if not chosen:
            print(about(name, command))
        program.show_help(prog, words)
    program.run(prog, words)


def contents() -> str:
    """Return the table of contents of the suite: each command with an example, by group."""
    lines = [
        'usage: irevla COMMAND ...    `irevla COMMAND --help` lists the arguments of a command',
        '',
        'Improve a vision-language-action model on a robot by online reinforcement learning.',
    ]
    for group, entries in groupby(COMMANDS.items(), lambda entry: entry[1].group):
        lines += ['', f'{group}:']
        for name, command in entries:
            lines += [f'  {name:<10}{command.what}']
            lines += [
                f'  {"":<10}{option}: {variant.what}'
                for option, variant in command.variants.items()
            ]
            lines += [f'  {"":<10}$ {command.example}']
    width = max(len(line) for line, _ in OTHERS) + 2
    lines += ['', 'Other programs:', *(f'  {line:<{width}}{what}' for line, what in OTHERS)]
    return '\n'.join(lines)


def about(name: str, command: Command) -> str:
    """Return what a command does, its variants and an example."""
    lines = [f'irevla {name}: {command.what}.', f'$ {command.example}', '']
    for option, variant in command.variants.items():
        lines += [f'  irevla {name} {option} --help: {variant.what}']
    return '\n'.join([*lines, ''] if command.variants else lines)
