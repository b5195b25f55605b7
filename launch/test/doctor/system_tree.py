# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A folder with files of /sys, /proc and /dev, and an effective user without root's rights."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path

NOBODY = 65534


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files by their path below a root; return the root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@contextmanager
def without_root() -> Iterator[None]:
    """Take root's rights from this process during the block, if it has them."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
