# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Files that nobody has written to for a while."""

import os
import time

from irevla_control.recording.in_use import QUIET_S


def leave_alone(path):
    """Make a file look as if its last write was some time ago, as that of a torn copy is."""
    then = time.time() - QUIET_S - 1
    os.utime(path, (then, then))
