# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether another process still writes a file, such as a copy or a recorder."""

import os
from pathlib import Path
import time
from typing import NamedTuple

from irevla_control.errors import BagError

# Time without a write after which a file counts as unused [s]; slow copies may pause.
QUIET_S = 10.0


class FileState(NamedTuple):
    """Values that change with each write to a file, and with its replacement."""

    size: int
    modified_ns: int
    inode: int


def state_of(path: Path) -> FileState:
    """Return the present state of a file; OSError if it does not exist."""
    found = path.stat()
    return FileState(found.st_size, found.st_mtime_ns, found.st_ino)


def check_unused(path: Path) -> None:
    """Raise BagError if a process writes this file, or wrote it less than `QUIET_S` ago.

    Processes of other users and computers are detected only by the time of their last write.
    """
    writer = _writer(path)
    if writer:
        raise BagError(
            f'{path} is open for writing by process {writer}; wait until it has finished'
        )
    age_s = time.time() - path.stat().st_mtime
    if 0 <= age_s < QUIET_S:
        raise BagError(
            f'{path} was written {age_s:.0f} s ago, so that a copy or a recorder may '
            f'still be at it; wait until it has finished, {QUIET_S:.0f} s at least'
        )


def _writer(path: Path) -> str:
    """Return id and name of a process that has the file open for writing, or ''."""
    wanted = path.stat()
    for descriptor in Path('/proc').glob('[0-9]*/fd/*'):
        try:
            found = descriptor.stat()
            if (found.st_dev, found.st_ino) != (wanted.st_dev, wanted.st_ino):
                continue
            process = descriptor.parents[1]
            info = (process / 'fdinfo' / descriptor.name).read_text()
            flags = next(
                int(line.split()[1], 8) for line in info.splitlines() if line.startswith('flags:')
            )
            if flags & os.O_ACCMODE != os.O_RDONLY:
                return f'{process.name} ({(process / "comm").read_text().strip()})'
        except (OSError, StopIteration):
            # The process ended, or belongs to another user.
            continue
    return ''
