# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""How a node ends: with its running callback when asked, at once when asked twice."""

import os
import signal
import subprocess
import sys
import time

import pytest

from irevla_control.ros.node import ENDS_WITHIN_S, SAME_S

NODE = """
import sys, time
from irevla_control.ros.node import Node, run_node

def report(word):
    print(word, flush=True)

def work(seconds):
    report('begun')
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            pass
    except KeyboardInterrupt as error:
        # As ctypes does with an interrupt that it meets.
        raise TypeError('argument 1') from error
    report('done')

class Working(Node):
    def __init__(self):
        super().__init__('working')
        if sys.argv[1] == 'create':
            work(60)
        self.create_timer(0.1, self.on_timer)

    def on_timer(self):
        if sys.argv[1] == 'fail':
            raise TypeError('a defect')
        work(float(sys.argv[1]))

    def destroy_node(self):
        report('cleaned up')
        super().destroy_node()

if sys.argv[1] == 'init':
    import rclpy
    rclpy.init = lambda **_: work(60)
run_node(Working, shared_memory=sys.argv[1] != 'network')
"""


@pytest.fixture
def start():
    running = []

    def start(*arguments, **environment):
        running.append(
            subprocess.Popen(
                [sys.executable, '-c', NODE, *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, 'ROS_DOMAIN_ID': str(1 + os.getpid() % 100), **environment},
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def ended_well(process):
    """Return the output of a process that ended with status 0 and without an error."""
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, '')
    return output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_running_callback_finish(start, number):
    process = start('3.0')
    assert process.stdout.readline() == 'begun\n'
    # As one Ctrl-C that comes from the terminal and from the launch.
    process.send_signal(number)
    process.send_signal(signal.SIGINT)
    assert ended_well(process) == 'done\ncleaned up\n'


def test_a_second_signal_breaks_the_callback_off_and_cleans_up(start):
    process = start('60')
    assert process.stdout.readline() == 'begun\n'
    process.send_signal(signal.SIGINT)
    time.sleep(SAME_S + 0.1)
    process.send_signal(signal.SIGTERM)
    assert ended_well(process) == 'cleaned up\n'


@pytest.mark.parametrize('while_it', ['create', 'init'])
def test_a_signal_breaks_off_a_node_that_is_being_made(start, while_it):
    process = start(while_it)
    assert process.stdout.readline() == 'begun\n'
    process.send_signal(signal.SIGINT)
    assert ended_well(process) == ''


def test_a_profile_that_is_missing_ends_the_node_with_its_name(start, tmp_path):
    process = start('network', FASTRTPS_DEFAULT_PROFILES_FILE=str(tmp_path / 'mine.xml'))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and errors.startswith('Working: FASTRTPS_DEFAULT_PROFILES_FILE')
    assert f'{tmp_path}/mine.xml' in errors and errors.count('\n') == 1


def test_a_defect_ends_the_node_with_its_trace(start):
    process = start('fail')
    output, errors = process.communicate(timeout=20)
    assert output == 'cleaned up\n'
    assert process.returncode == 1 and 'TypeError: a defect' in errors


def test_a_middleware_that_does_not_end_is_not_waited_for(start, tmp_path):
    source, library = tmp_path / 'stuck.c', tmp_path / 'stuck.so'
    source.write_text('#include <unistd.h>\nint rcl_node_fini(void *node) { for (;;) pause(); }\n')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', library, source], check=True)
    process = start('0.1', LD_PRELOAD=str(library))
    assert process.stdout.readline() == 'begun\n'
    asked = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert ENDS_WITHIN_S < time.monotonic() - asked < ENDS_WITHIN_S + 5
    assert output.endswith('cleaned up\n'), 'the node itself ended well'
    assert process.returncode == 0 and errors == '', 'a hang in the middleware loses nothing'
