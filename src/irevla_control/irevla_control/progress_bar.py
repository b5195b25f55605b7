# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Progress bars of long work, the same everywhere."""

import sys
from typing import Any

from tqdm import tqdm

# Between two states of a bar [s]: in a file each is a line.
TERMINAL_S, FILE_S = 0.5, 10


def progress_bar(*args: Any, **options: Any) -> tqdm:
    """Return tqdm's bar of these arguments, at a rate that suits where it is shown."""
    return tqdm(*args, mininterval=TERMINAL_S if sys.stderr.isatty() else FILE_S, **options)
