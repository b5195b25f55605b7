# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file of a dataset: in one line its name, the key, the value, the remedy."""

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
    """Name the file in whatever error reading it gives."""
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
    """Raise BagError because of a value."""
    raise BagError(f'{file}: {key} is {value!r}; {needed} is needed: {_REMEDY}')


def get(content: Any, key: str, file: Path, of: str = '') -> Any:
    """Return the value of a key, or raise BagError.

    Args:
        content: a mapping; anything else lacks the key.
        key: the key.
        file: where the content was read.
        of: what it is about, as ' of episode 3'.

    """
    if not isinstance(content, dict) or key not in content:
        raise BagError(f'{file}: key {key}{of} is missing; {_REMEDY}')
    return content[key]
