# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A node ends after its running callback at one signal, and at once at a second signal."""

import os
import signal
import subprocess
import sys
import time

import pytest

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.node import ENDS_WITHIN_S, HANGS, SAME_S

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
        # ctypes raises this error when it is interrupted.
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
                env={**os.environ, 'ROS_DOMAIN_ID': use_own_domain(), **environment},
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def output_of_success(process):
    """Return the output of a process that ended with status 0 and without an error."""
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, '')
    return output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_running_callback_finish(start, number):
    process = start('3.0')
    assert process.stdout.readline() == 'begun\n'
    # One Ctrl-C comes from the terminal and from the launch.
    process.send_signal(number)
    process.send_signal(signal.SIGINT)
    assert output_of_success(process) == 'done\ncleaned up\n'


def test_second_signal_interrupts_the_callback_and_cleans_up(start):
    process = start('60')
    assert process.stdout.readline() == 'begun\n'
    process.send_signal(signal.SIGINT)
    time.sleep(SAME_S + 0.1)
    process.send_signal(signal.SIGTERM)
    assert output_of_success(process) == 'cleaned up\n'


@pytest.mark.parametrize('phase', ['create', 'init'])
def test_signal_interrupts_a_node_that_is_being_created(start, phase):
    process = start(phase)
    assert process.stdout.readline() == 'begun\n'
    process.send_signal(signal.SIGINT)
    assert output_of_success(process) == ''


def test_missing_profile_ends_the_node_and_is_named(start, tmp_path):
    process = start('network', FASTRTPS_DEFAULT_PROFILES_FILE=str(tmp_path / 'mine.xml'))
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1 and errors.startswith('Working: FASTRTPS_DEFAULT_PROFILES_FILE')
    assert f'{tmp_path}/mine.xml' in errors and errors.count('\n') == 1


def test_a_defect_ends_the_node_with_its_trace(start):
    process = start('fail')
    output, errors = process.communicate(timeout=20)
    assert output == 'cleaned up\n'
    assert process.returncode == 1 and 'TypeError: a defect' in errors


@pytest.fixture
def hanging(tmp_path):
    """Return a library with which a node's destruction hangs."""
    source, library = tmp_path / 'stuck.c', tmp_path / 'stuck.so'
    source.write_text('#include <unistd.h>\nint rcl_node_fini(void *node) { for (;;) pause(); }\n')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', library, source], check=True)
    return str(library)


def test_node_ends_although_its_middleware_hangs(start, hanging):
    process = start('0.1', LD_PRELOAD=hanging)
    assert process.stdout.readline() == 'begun\n'
    signalled = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert ENDS_WITHIN_S < time.monotonic() - signalled < ENDS_WITHIN_S + 5
    assert output.endswith('cleaned up\n'), 'the node itself ended well'
    assert process.returncode == 0, 'a hang in the middleware loses nothing'
    assert errors.count('\n') == 1 and f'working: {HANGS}' in errors


def test_a_defect_is_printed_and_ends_the_node_with_status_1_although_its_middleware_hangs(
    start, hanging
):
    process = start('fail', LD_PRELOAD=hanging)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert 'TypeError: a defect' in errors and HANGS in errors
