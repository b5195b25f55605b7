# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A program that is stopped or refuses its input ends with one line and status 1."""

import signal
import subprocess
import sys

import pytest

from irevla_control.errors import ConfigError
from irevla_control.processes import run_command

WAITS = """
import time
from irevla_control.processes import run_command
def main():
    print('started', flush=True)
    # Short sleeps: a signal just before a sleep is handled after it.
    while True:
        time.sleep(0.02)
run_command(main)
"""


@pytest.fixture(autouse=True)
def handlers():
    """Restore the handlers of signals, which `run_command` replaces for the whole process."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stopped_program_says_that_it_continues(number):
    process = subprocess.Popen(
        [sys.executable, '-c', WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == 'started\n'
    process.send_signal(number)
    assert process.communicate(timeout=30)[1] == 'stopped; the same command continues from here\n'
    assert process.returncode == 1


def test_bad_input_is_one_line_with_the_name_of_the_program():
    def main():
        raise ConfigError('seed: -1 is too small')

    with pytest.raises(SystemExit) as ended:
        run_command(main, 'irevla train')
    assert ended.value.code == 'irevla train: seed: -1 is too small'


@pytest.mark.parametrize('status', [None, 0, 3])
def test_the_status_of_the_program_is_that_of_the_process(status):
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: status)
    assert ended.value.code == status
