# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""`irevla` lists the programs of the suite, starts them, and refuses wrong words in one line."""

from pathlib import Path
import resource
import shlex
import signal
import subprocess
import sys

import pytest

from irevla_bringup.cli.commands import COMMANDS
from irevla_bringup.cli.launch_file import LaunchFile
from irevla_bringup.cli.program import main
from irevla_bringup.cli.python_program import PythonProgram

ROOT = Path(__file__).resolve().parents[3]
# Packages that take too long to import for a list of commands.
HEAVY = {'torch', 'rclpy', 'launch', 'numpy', 'yaml'}
VARIANTS = {
    f'{name} {option}'.strip(): program
    for name, command in COMMANDS.items()
    for option, program in [
        ('', command.program),
        *((option, variant.program) for option, variant in command.variants.items()),
    ]
}
LAUNCHES = {name for name, program in VARIANTS.items() if isinstance(program, LaunchFile)}


def run(words, **options):
    """Run `irevla` as a process of its own; return the ended process."""
    code = 'from irevla_bringup.cli.program import main; main()'
    return subprocess.run(
        [sys.executable, '-c', code, *shlex.split(words)],
        capture_output=True,
        text=True,
        timeout=60,
        **options,
    )


def ended(words, capsys):
    """Return status, stdout and stderr of `irevla` in this process."""
    with pytest.raises(SystemExit) as exit_:
        main(shlex.split(words))
    return exit_.value.code, *capsys.readouterr()


@pytest.fixture
def ros2(tmp_path, monkeypatch):
    """Put a `ros2` in front of the PATH that prints its words, one per line."""
    program = tmp_path / 'ros2'
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')


@pytest.mark.parametrize('words', ['', '--help', '-h'])
def test_help_lists_every_command_with_its_example(words, capsys):
    status, shown, errors = ended(words, capsys)
    assert (status, errors) == (0, '')
    for name, command in COMMANDS.items():
        assert f'  {name:<10}{command.what}\n' in shown and f'$ {command.example}\n' in shown
        assert command.example.startswith(f'irevla {name} ')
    assert all(len(line) <= 100 for line in shown.splitlines())


def test_help_takes_less_than_a_third_of_a_second_of_the_processor():
    def cpu_s():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    taken = []
    for _ in range(3):
        before = cpu_s()
        run('--help')
        taken.append(cpu_s() - before)
    assert min(taken) < 0.3


def test_help_imports_nothing_that_is_slow():
    code = (
        'import sys; from irevla_bringup.cli import program; print(program.contents()); '
        'print(*sys.modules, sep="\\n")'
    )
    shown = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=60
    ).stdout.splitlines()
    assert 'irevla_bringup.cli.commands' in shown and not HEAVY.intersection(shown)


def test_env_sh_puts_irevla_on_the_path():
    found = subprocess.run(
        ['bash', '-c', f'. {ROOT}/env.sh; . {ROOT}/env.sh; command -v irevla; echo $PATH'],
        capture_output=True,
        text=True,
        env={'HOME': '/', 'PATH': '/usr/bin:/bin'},
        timeout=60,
    ).stdout.splitlines()
    assert found[0] == f'{ROOT}/install/irevla_bringup/lib/irevla_bringup/irevla'
    assert found[1].split(':').count(str(Path(found[0]).parent)) == 1


@pytest.mark.parametrize('words', ['evalute x:=1', 'frobnicate'])
def test_an_unknown_command_is_refused_in_one_line(words, capsys):
    status, shown, errors = ended(words, capsys)
    assert (status, shown, errors.count('\n')) == (2, '', 1)
    assert ('did you mean evaluate?' if 'eval' in words else '`irevla --help`') in errors


@pytest.mark.parametrize('name', sorted(LAUNCHES))
def test_the_launch_files_exist_and_their_help_lists_their_arguments(name, capsys):
    status, shown, errors = ended(f'{name} --help', capsys)
    assert (status, errors) == (0, '')
    assert f'usage: irevla {name} name:=value' in shown
    arguments = VARIANTS[name].arguments()
    for argument in arguments:
        assert (f'  {argument.name}:=' in shown) == (argument.name != VARIANTS[name].refuses)
    assert {VARIANTS[name].needs, VARIANTS[name].refuses} <= {each.name for each in arguments} | {
        ''
    }


@pytest.mark.parametrize('name', sorted(COMMANDS))
def test_the_example_of_a_command_is_valid(name, capsys):
    program, words = COMMANDS[name].program, shlex.split(COMMANDS[name].example)[2:]
    if isinstance(program, LaunchFile):
        assert program.problem(words) == ''
    else:
        shown = ended(f'{name} --help', capsys)[1]
        assert all(word in shown for word in words if word.startswith('-'))


@pytest.mark.parametrize('name', sorted(VARIANTS.keys() - LAUNCHES))
def test_the_help_of_a_program_has_the_name_that_the_user_typed(name, capsys):
    assert isinstance(VARIANTS[name], PythonProgram)
    status, shown, errors = ended(f'{name} --help', capsys)
    assert (status, errors) == (0, '')
    assert f'usage: irevla {name} [-h]' in ' '.join(shown.split()) and 'python -m' not in shown


@pytest.mark.parametrize(
    ('words', 'file'),
    [
        ('collect tasks:=drawer-open bags:="my bags"', 'collect.launch.py'),
        ('collect --robot robot_ip:=1.2.3.4 tasks:=pick', 'teleop.launch.py'),
        ('collect robot_ip:=1.2.3.4 tasks:=pick --robot', 'teleop.launch.py'),
        ('improve tasks:=a checkpoint:=b output:=c --debug', 'stage1.launch.py'),
        ('evaluate --show-args', 'sim.launch.py'),
    ],
)
def test_a_launch_gets_the_words_as_they_are(words, file, ros2):
    done = run(words)
    given = [word for word in shlex.split(words)[1:] if word != '--robot']
    assert done.stdout.splitlines() == ['launch', 'irevla_bringup', file, *given]
    assert (done.returncode, done.stderr) == (7, ''), 'the status of ros2 launch'


@pytest.mark.parametrize(
    ('words', 'problem'),
    [
        ('collect task:=a', "collect.launch.py has no argument 'task' (did you mean tasks?)"),
        ('collect robot_ip:=a tasks:=b', "collect.launch.py has no argument 'robot_ip'"),
        ('collect tasks=a', "'tasks=a' is no argument; arguments have the form name:=value"),
        ('collect', 'tasks:= is missing: names of tasks'),
        ('evaluate tasks:=a', 'checkpoint:= is missing: folder of the trained policy'),
        ('improve tasks:=a checkpoint:=b', 'output:= is missing'),
        ('improve --robot tasks:=a checkpoint:=b', 'output:= is missing'),
        ('evaluate --robot tasks:=a output:=b', 'output:= is not for this command'),
        ('improve --robot --algorithm1', '--robot and --algorithm1 exclude each other'),
    ],
)
def test_wrong_words_of_a_launch_are_refused_in_one_line(words, problem, ros2, capsys):
    status, shown, errors = ended(words, capsys)
    assert (status, shown, errors.count('\n')) == (2, '', 1)
    assert errors.startswith(f'irevla {words.split()[0]}') and problem in errors


def test_without_ros2_a_launch_says_what_to_source(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    status, _, _ = ended('collect tasks:=a', capsys)
    assert 'source env.sh' in status


def test_a_program_gets_the_words_and_its_status_is_returned(tmp_path):
    done = run(f'episodes {tmp_path}')
    assert (done.returncode, done.stderr) == (0, '') and done.stdout.startswith('listed 0')
    done = run(f'episodes {tmp_path}/none')
    assert done.returncode == 1 and 'is not a folder' in done.stderr
    done = run('export --bags x')
    assert done.returncode == 2 and 'irevla export: error: ' in done.stderr


def test_help_ends_quietly_when_its_reader_does():
    done = subprocess.run(
        [
            'bash',
            '-c',
            f'{sys.executable} -c "$0" collect --help | head -1',
            'from irevla_bringup.cli.program import main; main()',
        ],
        capture_output=True,
        text=True,
        timeout=60,
        # Libraries of the tests block it, unlike a shell.
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE}),
    )
    assert done.stdout and done.stderr == ''


def test_version_is_that_of_the_package(capsys):
    assert ended('--version', capsys)[1].startswith('irevla 0.')
