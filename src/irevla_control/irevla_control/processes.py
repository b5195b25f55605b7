# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Helper for processes that start child processes."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Make the kernel send SIGINT to this process when its parent dies, even by `kill -9`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
