# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors about a file of a dataset, in one line with file, key, value and remedy."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import av
import pyarrow as pa

from irevla_control.errors import BagError, one_line

_REMEDY = 'correct it, or export or download the dataset again'


@contextmanager
def reading(file: Path) -> Iterator[Path]:
    """Turn errors while a file is read into a BagError with the file's name."""
    try:
        yield file
    except (
        pa.ArrowException,
        av.FFmpegError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        AttributeError,
        RecursionError,
    ) as error:
        raise BagError(
            f'{file}: not complete, or damaged ({type(error).__name__}: '
            f'{one_line(error)}); export or download the dataset again'
        ) from error


def refuse(file: Path, key: str, value: Any, needed: str) -> NoReturn:
    """Raise BagError for a value that is not valid."""
    raise BagError(f'{file}: {key} is {value!r}; {needed} is needed: {_REMEDY}')


def get(content: Any, key: str, file: Path, of: str = '') -> Any:
    """Return the value of a key, or raise BagError.

    Args:
        content: a mapping; any other value counts as a missing key.
        key: the key.
        file: file of the content.
        of: text after the key in an error, such as ' of episode 3'.

    """
    if not isinstance(content, dict) or key not in content:
        raise BagError(f'{file}: key {key}{of} is missing; {_REMEDY}')
    return content[key]
