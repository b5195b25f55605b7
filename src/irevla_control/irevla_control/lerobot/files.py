# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The numbered files of a LeRobotDataset, each with several episodes up to a size."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from irevla_control.lerobot.encoding import Encoding

_MEBIBYTE = 2**20


class Place(NamedTuple):
    """Place of rows: chunk and file index, and index of the first row in the file."""

    chunk: int
    file: int
    first: int


class NumberedFiles(ABC):
    """Files of rows; a new file begins when an episode would exceed the size limit."""

    def __init__(
        self, folder: Path, name: Callable[..., str], limit_mb: float, chunk_files: int
    ) -> None:
        """Write files in a folder.

        Args:
            folder: folder of the dataset.
            name: returns a relative path for chunk_index and file_index.
            limit_mb: largest size of a file [MiB]; only a file of one episode may exceed it.
            chunk_files: number of files in each chunk.

        """
        self._folder, self._name = folder, name
        self._limit, self._chunk_files = limit_mb * _MEBIBYTE, chunk_files
        self._number, self._rows = 0, 0

    def place(self, rows: int) -> Place:
        """Return the place for the next rows, at least 1; then call `write` with them."""
        if self._rows and self._row_bytes() * (self._rows + rows) >= self._limit:
            self.close()
            self._number, self._rows = self._number + 1, 0
        self._rows += rows
        return Place(*divmod(self._number, self._chunk_files), self._rows - rows)

    def _new_path(self) -> Path:
        chunk, file = divmod(self._number, self._chunk_files)
        path = self._folder / self._name(chunk_index=chunk, file_index=file)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @abstractmethod
    def close(self) -> None:
        """Finish the open file."""

    @abstractmethod
    def _row_bytes(self) -> float:
        """Return the mean size of a row in the open file [bytes]."""


class ParquetFiles(NumberedFiles):
    """Parquet files of tables with one schema; each table is a row group."""

    _writer: pq.ParquetWriter | None = None

    def write(self, table: pa.Table) -> None:
        """Write a table to the place returned last."""
        if self._writer is None:
            self._path = self._new_path()
            self._writer = pq.ParquetWriter(
                self._path, table.schema, compression='snappy', write_page_checksum=True
            )
        self._writer.write_table(table)

    def close(self) -> None:
        """Finish the file that is open, if any."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _row_bytes(self) -> float:
        return self._path.stat().st_size / self._rows


class VideoFiles(NumberedFiles):
    """MP4 videos of one camera, each of one encoder."""

    _container: Any = None

    def __init__(
        self,
        folder: Path,
        name: Callable[..., str],
        limit_mb: float,
        chunk_files: int,
        fps: int,
        encoding: Encoding,
    ) -> None:
        """Write videos with these frames per second; other arguments as in `NumberedFiles`."""
        super().__init__(folder, name, limit_mb, chunk_files)
        self._fps, self._encoding = fps, encoding

    def write(self, images: np.ndarray, first: int) -> None:
        """Write uint8 (T, height, width, 3) RGB images from index ``first`` in the file on."""
        if self._container is None:
            self._open(*images.shape[1:3])
        for number, image in enumerate(images, first):
            frame = av.VideoFrame.from_ndarray(image, format='rgb24')
            frame.pts, frame.time_base = number, Fraction(1, self._fps)
            self._encode(frame)

    def close(self) -> None:
        """Finish the file that is open, if any."""
        if self._container is not None:
            self._encode(None)
            self._container.close()
            self._container = None

    def info(self, height: int, width: int) -> dict[str, Any]:
        """Return the entry of meta/info.json for these videos."""
        return self._encoding.info(height, width, self._fps)

    def _open(self, height: int, width: int) -> None:
        # The index is at the beginning, so that a player need not read to the end.
        self._container = av.open(
            str(self._new_path()), 'w', format='mp4', options={'movflags': 'faststart'}
        )
        self._stream = self._container.add_stream(
            self._encoding.encoder, rate=self._fps, options=self._encoding.options()
        )
        self._stream.height, self._stream.width = height, width
        self._stream.pix_fmt = self._encoding.pixels
        self._bytes, self._packets = 0, 0

    def _encode(self, frame: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._bytes, self._packets = self._bytes + packet.size, self._packets + 1
            self._container.mux(packet)

    def _row_bytes(self) -> float:
        return self._bytes / max(1, self._packets)
