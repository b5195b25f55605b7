# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Arrays on disk whose room is taken when they are made."""

import math
import os
from pathlib import Path

import numpy as np

from irevla_control.errors import ConfigError
from irevla_control.files import replacement


def disk_array(path: Path, dtype: np.dtype, shape: tuple[int, ...]) -> np.memmap:
    """Open an array, or make it, of zeros.

    Raises:
        ConfigError: the disk has no room for it, or the file is of another size.

    """
    size = dtype.itemsize * math.prod(shape)
    if not path.exists():
        # What a killed process leaves is not taken for a truncated array.
        try:
            with replacement(path) as new, open(new, 'wb') as file:
                # All of it now: a disk that is full later would kill the process.
                os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise ConfigError(f'{path} needs {size / 1e6:.0f} MB: {error.strerror}; free so much, '
                              'give another folder, or lower capacity') from error
    found = path.stat().st_size
    if found != size:
        # Opening it would fill a truncated file with zeros without a word.
        raise ConfigError(f'{path} has {found} bytes, {size} are needed: it is truncated or of '
                          'another array; copy the folder again, or give another')
    return np.memmap(path, dtype, 'r+', shape=shape)
