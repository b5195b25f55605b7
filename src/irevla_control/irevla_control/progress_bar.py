# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Progress bars of long work."""

import sys
from typing import Any

from tqdm import tqdm

# Interval between updates [s]; longer in a file, where each update is a line.
TERMINAL_S, FILE_S = 0.5, 10


def progress_bar(*args: Any, **options: Any) -> tqdm:
    """Return tqdm's bar with these arguments; its update rate depends on the output."""
    return tqdm(*args, mininterval=TERMINAL_S if sys.stderr.isatty() else FILE_S, **options)
