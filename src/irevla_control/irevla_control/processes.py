# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What processes that start others share."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Have the kernel send this process a Ctrl-C when its parent dies, even by `kill -9`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
