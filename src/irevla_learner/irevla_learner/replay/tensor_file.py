# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a safetensors file array by array, so that memory need not contain all arrays."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
import json
from pathlib import Path
import shutil
import tempfile
from typing import IO

import numpy as np

from irevla_control.files import replacement, writing

_KINDS = {'int64': 'I64', 'float32': 'F32', 'float16': 'F16'}
# Alignment of the arrays: size of the largest number type above [bytes].
_ALIGNMENT = 8
_COPY_BYTES = 1 << 22
_REMEDY = 'free some space, or choose another file'


class TensorFile:
    """A context manager that collects arrays, then writes them after the file's header.

    Until `finish`, the arrays are in unnamed files, which the system removes after a kill.
    """

    def __init__(self, path: Path) -> None:
        """Prepare to write this path; create its folder if needed.

        Raises:
            ConfigError: a write fails, here or in other methods.

        """
        self._path = path
        self._open = ExitStack()
        # Largest types first, so that each array begins at a multiple of its type's size.
        self._parts: dict[np.dtype, IO[bytes]] = {}
        self._entries: dict[np.dtype, list[tuple[str, tuple[int, ...], int]]] = {}
        with writing(path, _REMEDY):
            path.parent.mkdir(parents=True, exist_ok=True)
            for kind in map(np.dtype, _KINDS):
                part = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115 (closed with all)
                self._parts[kind] = self._open.enter_context(part)
                self._entries[kind] = []

    def __enter__(self) -> 'TensorFile':
        return self

    def __exit__(self, *_: object) -> None:
        # An error while unneeded buffers are flushed is ignored.
        with suppress(OSError):
            self._open.close()

    def add(self, name: str, array: np.ndarray) -> None:
        """Add an array of int64, float32 or float16."""
        with writing(self._path, _REMEDY):
            self._parts[array.dtype].write(np.ascontiguousarray(array).data)
        self._entries[array.dtype].append((name, array.shape, array.nbytes))

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write the file; replace an existing one."""
        text = self._header(metadata)
        with (
            writing(self._path, _REMEDY),
            replacement(self._path) as new,
            open(new, 'wb') as file,
        ):
            file.write(len(text).to_bytes(8, 'little') + text)
            for part in self._parts.values():
                part.seek(0)
                shutil.copyfileobj(part, file, _COPY_BYTES)

    def _header(self, metadata: Mapping[str, str]) -> bytes:
        header: dict[str, object] = {'__metadata__': dict(metadata)}
        offset = 0
        for kind, entries in self._entries.items():
            for name, shape, size in entries:
                header[name] = {
                    'dtype': _KINDS[kind.name],
                    'shape': shape,
                    'data_offsets': [offset, offset + size],
                }
                offset += size
        text = json.dumps(header).encode()
        return text + b' ' * (-len(text) % _ALIGNMENT)
