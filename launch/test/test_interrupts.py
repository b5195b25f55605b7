# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A launch ends after any number of interrupts, as from an impatient user or a shell."""

import os
import signal
import subprocess
import sys
import time

PROGRAM = """
from launch import LaunchDescription, LaunchService
from launch.actions import ExecuteProcess
from irevla_bringup.launch_arguments import common_arguments
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([
    *common_arguments(), *(ExecuteProcess(cmd=['sleep', '100']) for _ in range(6))]))
service.run()
"""
# If Python raised KeyboardInterrupt, nine in ten launches would hang.
TRIES = 3


def accept_interrupts():
    """Restore SIGINT, which a shell disables for its background processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_many_interrupts_at_once_end_a_launch():
    for _ in range(TRIES):
        process = subprocess.Popen(
            [sys.executable, '-c', PROGRAM],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            preexec_fn=accept_interrupts,
        )
        try:
            while 'process started' not in process.stdout.readline():
                assert process.poll() is None
            time.sleep(0.3)
            for _ in range(8):
                process.send_signal(signal.SIGINT)
                time.sleep(0.0006)
            process.communicate(timeout=10)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
