# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Helpers for programs, and for processes that start child processes."""

from collections.abc import Callable
import ctypes
import signal
import subprocess
import sys
from typing import NoReturn

from irevla_control.errors import IrevlaError

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Make the kernel send SIGINT to this process when its parent dies, even by `kill -9`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def end_process(process: subprocess.Popen, within_s: float) -> None:
    """End a child process by SIGTERM; kill it if it still runs after ``within_s``."""
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run_command(
    command: Callable[[], int | None],
    name: str = 'error',
    stopped: str = 'stopped; the same command continues from here',
) -> NoReturn:
    """Run a program and end this process with its status; end its child processes with it.

    Args:
        command: returns the exit status, or None for 0.
        name: in front of the line that reports an `IrevlaError`; the status is then 1.
        stopped: the line after Ctrl-C, SIGTERM or SIGHUP; the status is then 1.

    """
    # Each of these signals must end the child processes too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(command())
    except IrevlaError as error:
        sys.exit(f'{name}: {error}')
    except KeyboardInterrupt:
        sys.exit(stopped)
