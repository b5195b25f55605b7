# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes an MCAP file that is readable up to its last message at any time.

Messages are not collected in chunks: each is written to the operating system in one call, so a
killed process loses no written message, and a torn file loses its last record only.
"""

import copy
from dataclasses import dataclass, field, fields
import errno
import mmap
import os
from pathlib import Path
import struct
import zlib

from mcap.data_stream import RecordBuilder
from mcap.opcode import Opcode
from mcap.records import (
    Channel,
    DataEnd,
    Footer,
    Header,
    McapRecord,
    Metadata,
    MetadataIndex,
    Schema,
    Statistics,
    SummaryOffset,
)

MAGIC = b'\x89MCAP0\r\n'
# Opcode and length of a record; the same with the fields of a message.
RECORD = struct.Struct('<BQ')
MESSAGE = struct.Struct('<BQHIQQ')
MESSAGE_FIELDS = MESSAGE.size - RECORD.size
_CRC = struct.Struct('<I')

# Size of one write while a file is copied [bytes].
_PART = 1 << 24
_FOOTER = struct.Struct('<BQQQI8s')  # and the closing magic
_DATA_END = struct.Struct('<BQI')


class NoEndError(ValueError):
    """A file without its end."""


def read_checksum(path: Path, verify: bool = False) -> int:
    """Return the checksum of a complete file's data, else of its summary, else 0.

    The summary contains the times of the messages, so it identifies the recording. The checksum
    of the summary is verified, with ``verify`` that of the data too.

    Raises:
        NoEndError: the file has no end.
        ValueError: the file has changed since it was written.
        OSError: the file cannot be read.

    """
    with path.open('rb') as file:
        size = os.fstat(file.fileno()).st_size
        if size < len(MAGIC) + _DATA_END.size + _FOOTER.size:
            raise NoEndError(f'{path.name} is truncated')
        with (
            mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data,
            memoryview(data) as view,
        ):
            opcode, _, summary, _, summary_crc, magic = _FOOTER.unpack(view[-_FOOTER.size :])
            if opcode != Opcode.FOOTER or magic != MAGIC:
                raise NoEndError(f'{path.name} has no end; it is truncated')
            # Without a summary the footer follows the data.
            end = (summary or size - _FOOTER.size) - _DATA_END.size
            if not len(MAGIC) <= end <= size - _FOOTER.size - _DATA_END.size:
                raise ValueError(f'{path.name} is damaged at its end')
            opcode, length, crc = _DATA_END.unpack(view[end : end + _DATA_END.size])
            if opcode != Opcode.DATA_END or length != _CRC.size:
                raise ValueError(f'{path.name} is damaged at the end of its data')
            if verify and crc and zlib.crc32(view[:end]) != crc:
                raise ValueError(f'{path.name} is damaged: its data has another checksum')
            if summary_crc and summary_crc != zlib.crc32(
                view[summary : size - _CRC.size - len(MAGIC)]
            ):
                raise ValueError(f'{path.name} is damaged: its summary has another checksum')
            # Excludes the stored checksum: a CRC over data and their CRC is constant.
            return crc or (zlib.crc32(view[summary : -_FOOTER.size]) if summary else 0)


@dataclass
class Traffic:
    """Number of messages of a channel, first and last time, and longest time between two [ns]."""

    messages: int = 0
    first: int = 0
    last: int = 0
    max_gap: int = 0

    def add(self, log_time: int) -> None:
        """Count a message."""
        if self.messages:
            self.max_gap = max(self.max_gap, log_time - self.last)
        else:
            self.first = log_time
        self.messages += 1
        self.last = log_time


def _bytes(*records: McapRecord) -> bytes:
    builder = RecordBuilder()
    for record in records:
        record.write(builder)
    return builder.end()


# First bytes of every file.
BEGINNING = MAGIC + _bytes(Header(profile='ros2', library='irevla'))


@dataclass
class Contents:
    """Contents of the complete records at the beginning of an MCAP file.

    Attributes:
        channels: channels by id.
        schemas: schemas by id.
        traffic: traffic by channel id.
        metadata: metadata records by name.
        metadata_at: index of the metadata records.
        size: size of the complete records [bytes].

    """

    channels: dict[int, Channel] = field(default_factory=dict)
    schemas: dict[int, Schema] = field(default_factory=dict)
    traffic: dict[int, Traffic] = field(default_factory=dict)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    metadata_at: list[MetadataIndex] = field(default_factory=list)
    size: int = 0

    @property
    def messages(self) -> int:
        """Number of messages of all channels."""
        return sum(traffic.messages for traffic in self.traffic.values())


class McapFile(Contents):
    """An open MCAP file; see `create` and `resume`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Use `create` or `resume`."""
        super().__init__()
        self.path = path
        self._descriptor = descriptor
        self._crc = 0

    @classmethod
    def create(cls, path: Path, metadata: dict[str, dict[str, str]]) -> 'McapFile':
        """Create a file; the metadata is before the first message.

        Raises:
            OSError: the file exists, or a write fails.

        """
        file = cls(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        file._append(BEGINNING)
        for name, values in metadata.items():
            file._append_metadata(Metadata(name, values))
        return file

    @classmethod
    def resume(cls, path: Path, torn: Path, contents: Contents) -> 'McapFile':
        """Create a file with a copy of the complete records of a torn file.

        Raises:
            OSError: the file exists, the torn file cannot be read, or a write fails.

        """
        file = cls(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        try:
            with torn.open('rb') as source:
                while part := source.read(min(_PART, contents.size - file.size)):
                    file._append(part)
            if file.size != contents.size:
                raise OSError(errno.EIO, 'it became shorter while it was read', str(torn))
        except OSError:
            file.abandon()
            raise
        for each in fields(Contents):
            setattr(file, each.name, copy.deepcopy(getattr(contents, each.name)))
        return file

    def _append(self, *parts: bytes) -> None:
        """Write complete records, or nothing.

        Raises:
            OSError: a write fails; the file ends after the last complete record.

        """
        length = sum(map(len, parts))
        try:
            if os.writev(self._descriptor, parts) != length:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            os.lseek(self._descriptor, self.size, os.SEEK_SET)
            raise
        for part in parts:
            self._crc = zlib.crc32(part, self._crc)
        self.size += length

    def _append_metadata(self, record: Metadata) -> None:
        data = _bytes(record)
        self.metadata_at.append(MetadataIndex(self.size, len(data), record.name))
        self.metadata[record.name] = record.metadata
        self._append(data)

    def add_channel(
        self, topic: str, type_name: str, definition: str, metadata: dict[str, str]
    ) -> int:
        """Add a topic of CDR messages with its 'ros2msg' definition; return its channel id."""
        schema = next((known for known in self.schemas.values() if known.name == type_name), None)
        records = []
        if schema is None:
            schema = Schema(
                id=len(self.schemas) + 1,
                name=type_name,
                encoding='ros2msg',
                data=definition.encode(),
            )
            records.append(schema)
        channel = Channel(
            id=len(self.channels) + 1,
            topic=topic,
            message_encoding='cdr',
            metadata=metadata,
            schema_id=schema.id,
        )
        self._append(_bytes(*records, channel))
        self.schemas[schema.id] = schema
        self.channels[channel.id] = channel
        self.traffic[channel.id] = Traffic()
        return channel.id

    def write(
        self, channel: int, log_time: int, publish_time: int, sequence: int, data: bytes
    ) -> None:
        """Write a message; log times [ns] must not decrease.

        Raises:
            OSError: the write fails; all earlier messages are kept.

        """
        self._append(
            MESSAGE.pack(
                Opcode.MESSAGE,
                MESSAGE_FIELDS + len(data),
                channel,
                sequence & 0xFFFFFFFF,
                log_time,
                publish_time,
            ),
            data,
        )
        self.traffic[channel].add(log_time)

    def sync(self) -> None:
        """Wait until all messages so far are on the disk."""
        os.fdatasync(self._descriptor)

    def finish(self, metadata: dict[str, dict[str, str]]) -> None:
        """Write metadata and the summary; then sync and close the file.

        Raises:
            OSError: a write fails.

        """
        for name, values in metadata.items():
            self._append_metadata(Metadata(name, values))
        self._append(_bytes(DataEnd(data_section_crc=self._crc)))
        summary_start = self.size
        used = [traffic for traffic in self.traffic.values() if traffic.messages]
        statistics = Statistics(
            attachment_count=0,
            channel_count=len(self.channels),
            channel_message_counts={key: value.messages for key, value in self.traffic.items()},
            chunk_count=0,
            message_count=sum(traffic.messages for traffic in used),
            message_end_time=max((traffic.last for traffic in used), default=0),
            message_start_time=min((traffic.first for traffic in used), default=0),
            metadata_count=len(self.metadata_at),
            schema_count=len(self.schemas),
        )
        groups = [
            (Opcode.SCHEMA, _bytes(*self.schemas.values())),
            (Opcode.CHANNEL, _bytes(*self.channels.values())),
            (Opcode.STATISTICS, _bytes(statistics)),
            (Opcode.METADATA_INDEX, _bytes(*self.metadata_at)),
        ]
        offsets, at = [], summary_start
        for opcode, data in groups:
            if data:
                offsets.append(SummaryOffset(opcode, group_start=at, group_length=len(data)))
            at += len(data)
        summary = b''.join([*(data for _, data in groups), _bytes(*offsets)])
        footer = _bytes(
            Footer(summary_start=summary_start, summary_offset_start=at, summary_crc=0)
        )[: -_CRC.size]
        crc = _CRC.pack(zlib.crc32(footer, zlib.crc32(summary)))
        self._append(summary, footer, crc, MAGIC)
        os.fsync(self._descriptor)
        self.abandon()

    def abandon(self) -> None:
        """Close the file without an end, if it is open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
