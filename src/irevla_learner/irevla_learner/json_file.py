# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Files that hold either their old or their new content, never a part of it."""

import json
import os
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file such that a crash or power cut at any instant leaves it whole.

    One writer at a time: the temporary file beside it has a fixed name.
    """
    temporary = path.with_name(f'.{path.name}.tmp')
    data = content.encode() if isinstance(content, str) else content
    with open(temporary, 'wb') as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    # The rename itself is on disk only when the folder is.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically; raises ValueError on NaN and infinity, which JSON has not."""
    write_atomically(path, json.dumps(content, indent=2, allow_nan=False) + '\n')
