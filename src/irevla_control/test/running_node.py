# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A node of this package in a process of its own."""

from contextlib import contextmanager
import signal
import subprocess
import sys


@contextmanager
def running(module, *parameters):
    """Yield the process of the node in a module, such as `episodes.command_mux_node`."""
    arguments = [word for parameter in parameters for word in ('-p', parameter)]
    process = subprocess.Popen(
        [sys.executable, '-m', f'irevla_control.{module}', '--ros-args', *arguments],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(10)
