# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands on the pages can be run: targets, programs, launch files and their arguments exist."""

from functools import cache
from importlib import import_module
from pathlib import Path
import re
import shlex
import sys

from launch.launch_description_sources import get_launch_description_from_python_launch_file
import pytest

from irevla_bringup.cli.commands import COMMANDS
from irevla_bringup.cli.launch_file import LaunchFile

ROOT = Path(__file__).resolve().parents[3]
PAGES = [
    *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md')),
    *sorted((ROOT / 'docs').glob('*.md')),
]


@pytest.fixture(scope='module')
def parsers():
    """Return the parser of each program by its name, as the reference has them."""
    sys.path.append(str(ROOT / 'setup'))
    packages = import_module('reference.pages').PACKAGES
    yield import_module('reference.commands').parsers(packages)
    sys.path.remove(str(ROOT / 'setup'))


def block_commands(page):
    """Return each command line in the blocks of a page, as words."""
    for block in re.findall(r'^ *```bash\n(.*?)^ *```$', page.read_text(), re.M | re.S):
        for line in block.replace('\\\n', ' ').splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def inline_commands(page):
    """Return each command in the text of a page, which may be a part of one, as words."""
    text = re.sub(r'^ *```.*?^ *```$', '', page.read_text(), flags=re.M | re.S)
    for code in re.findall(r'(?<!`)`([^`]+)`(?!`)', text):
        words = code.split()
        if len(words) > 1 and (
            words[0] in ('make', 'irevla', 'ros2', 'python') or words[0].endswith('.launch.py')
        ):
            yield words


def all_commands():
    """Return words and page of each command, and whether nothing is left out of it."""
    for page in PAGES:
        for words in block_commands(page):
            yield words, page.name, True
        for words in inline_commands(page):
            yield words, page.name, False


@cache
def launch_arguments(name):
    path = ROOT / 'launch' / name
    found = get_launch_description_from_python_launch_file(str(path))
    return {one.name: one for one in found.get_launch_arguments()}


def as_launch(words):
    """Return launch file and arguments of a command that starts one, else None."""
    if words[:3] == ['ros2', 'launch', 'irevla_bringup']:
        return words[3], words[4:]
    if words[0].endswith('.launch.py'):
        return words[0], words[1:]
    if words[0] == 'irevla' and words[1] in COMMANDS:
        command = COMMANDS[words[1]]
        program = next(
            (one.program for name, one in command.variants.items() if name in words),
            command.program,
        )
        if isinstance(program, LaunchFile):
            return program.file, [word for word in words[2:] if word not in command.variants]
    return None


def launch_problems(name, given, whole):
    """Yield what is wrong with the arguments of a launch file."""
    if not (ROOT / 'launch' / name).is_file():
        yield f'there is no {name}'
        return
    declared = launch_arguments(name)
    values = dict(word.split(':=', 1) for word in given if ':=' in word)
    yield from (f'{name} has no {key}' for key in values.keys() - declared.keys())
    if whole:
        needed = {one.name for one in declared.values() if one.default_value is None}
        yield from (f'{name} needs {key}' for key in needed - values.keys())
    for key, value in values.items():
        choices = declared[key].choices if key in declared else None
        if choices and value and value not in choices:
            yield f'{name} {key}:={value}'


def test_launch_commands_have_arguments_that_exist():
    seen, problems = [], []
    for words, page, whole in all_commands():
        if found := as_launch(words):
            seen.append(words[0])
            problems += [f'{page}: {one}' for one in launch_problems(*found, whole)]
    assert problems == []
    assert seen.count('ros2') > 15 and seen.count('irevla') > 6


def test_wrong_arguments_of_a_launch_are_found():
    problems = launch_problems('collect.launch.py', ['task:=a', 'mode:=fast'], True)
    assert sorted(problems) == [
        'collect.launch.py has no task',
        'collect.launch.py mode:=fast',
        'collect.launch.py needs tasks',
    ]


def test_commands_of_irevla_exist():
    unknown = [
        (words[1], page)
        for words, page, _ in all_commands()
        if words[0] == 'irevla' and words[1] not in COMMANDS and not words[1].startswith('-')
    ]
    assert unknown == []


def test_targets_of_make_exist():
    targets = set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.M))
    named = [(words[1], page) for words, page, _ in all_commands() if words[0] == 'make']
    assert len(named) > 20
    assert [] == [one for one in named if one[0] not in targets]


def test_executables_of_ros2_run_exist():
    setups = [*ROOT.glob('src/*/setup.py'), ROOT / 'sim/setup.py', ROOT / 'launch/setup.py']
    executables = {
        name for file in setups for name in re.findall(r"'(\w+) = irevla_", file.read_text())
    }
    named = [
        (words[3], page)
        for words, page, _ in all_commands()
        if words[:2] == ['ros2', 'run'] and len(words) > 3 and words[2].startswith('irevla_')
    ]
    assert len(named) > 5
    assert [] == [one for one in named if one[0] not in executables]


def test_programs_have_options_that_exist(parsers):
    seen = 0
    for words, page, whole in all_commands():
        length = 2 if words[0] == 'irevla' else 3
        name, given = ' '.join(words[:length]), words[length:]
        if words[0] == 'irevla' and words[1] in COMMANDS and name not in parsers:
            # A short name of a program that has a name of its own.
            module = getattr(COMMANDS[words[1]].program, 'module', '')
            name = f'python -m {module}'
        if name not in parsers:
            continue
        seen += 1
        if not whole:
            known = parsers[name]._option_string_actions
            options = {word.partition('=')[0] for word in given if word.startswith('--')}
            assert options <= {*known}, f'{page}: {shlex.join(words)}'
            continue
        # An option that is unknown, or a needed one that is missing, ends the parsing.
        try:
            parsers[name].parse_args(given)
        except SystemExit as ended:
            assert not ended.code, f'{page}: {shlex.join(words)}'
    assert seen > 10


def test_files_of_settings_in_commands_exist():
    for words, page, _ in all_commands():
        for word in words:
            path = word.rpartition(':=')[2]
            if path.startswith(('config/', 'launch/')):
                assert (ROOT / path).exists(), f'{page}: {path}'
