# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays on disk whose space is preallocated."""

import math
import os
from pathlib import Path

import numpy as np

from irevla_control.errors import ConfigError
from irevla_control.files import replacement


def disk_array(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.memmap:
    """Open an array, or create it with zeros.

    Raises:
        ConfigError: the disk has no room for it, or the file is of another size.

    """
    size = dtype.itemsize * math.prod(shape)
    if not path.exists():
        # A killed process leaves only a temporary file of another name.
        try:
            with replacement(path) as new, open(new, 'wb') as file:
                # Preallocated: writing to a mapped file on a full disk kills the process.
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise ConfigError(
                f'{path} needs {size / 1e6:.0f} MB: {error.strerror}; free that '
                'space, choose another folder, or lower capacity'
            ) from error
    found = path.stat().st_size
    if found != size:
        # Mapping a truncated file would silently extend it with zeros.
        raise ConfigError(
            f'{path} has {found} bytes, {size} are needed: it is truncated or of '
            'another array; copy the folder again, or choose another'
        )
    return np.memmap(path, dtype, 'r+', shape=shape)
