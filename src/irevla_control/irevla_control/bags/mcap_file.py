# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An MCAP file that is whole up to its last message at every instant.

Messages are not gathered in chunks: each goes to the operating system in one write, so that a
killed process loses none of those written, and what a torn file lost is exactly its last record.
"""

from collections.abc import Callable
from dataclasses import dataclass
import errno
from io import BytesIO
import mmap
import os
from pathlib import Path
import struct
import zlib

from mcap.data_stream import ReadDataStream, RecordBuilder
from mcap.exceptions import EndOfFile
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
_RECORD = struct.Struct('<BQ')
_MESSAGE = struct.Struct('<BQHIQQ')
_MESSAGE_FIELDS = _MESSAGE.size - _RECORD.size
_CRC = struct.Struct('<I')

# Called with topic, type and data of a message; the data is gone after the call.
Visit = Callable[[str, str, memoryview], None]


_FOOTER = struct.Struct('<BQQQI8s')  # and the closing magic
_DATA_END = struct.Struct('<BQI')


def read_checksum(path: Path, verify: bool = False) -> int:
    """Return the checksum that a finished file states for its data section.

    With ``verify`` every byte is compared with the checksums (those that are given: 0 is none).

    Raises:
        ValueError: no end, or other contents than when it was written.
        OSError: it cannot be read.

    """
    with path.open('rb') as file:
        size = os.fstat(file.fileno()).st_size
        if size < len(MAGIC) + _DATA_END.size + _FOOTER.size:
            raise ValueError(f'{path.name} is truncated')
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data, \
                memoryview(data) as view:
            opcode, _, summary, _, summary_crc, magic = _FOOTER.unpack(view[-_FOOTER.size:])
            if opcode != Opcode.FOOTER or magic != MAGIC:
                raise ValueError(f'{path.name} has no end; it is truncated')
            # Without a summary the footer follows the data.
            end = (summary or size - _FOOTER.size) - _DATA_END.size
            if not len(MAGIC) <= end <= size - _FOOTER.size - _DATA_END.size:
                raise ValueError(f'{path.name} is damaged at its end')
            opcode, length, crc = _DATA_END.unpack(view[end:end + _DATA_END.size])
            if opcode != Opcode.DATA_END or length != _CRC.size:
                raise ValueError(f'{path.name} is damaged at the end of its data')
            if verify and crc and zlib.crc32(view[:end]) != crc:
                raise ValueError(f'{path.name} is damaged: its data has another checksum')
            if verify and summary_crc and summary_crc != zlib.crc32(
                    view[summary:size - _CRC.size - len(MAGIC)]):
                raise ValueError(f'{path.name} is damaged: its summary has another checksum')
            return crc


@dataclass
class Traffic:
    """What went through a channel: messages, and the longest time between two of them [ns]."""

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


class McapFile:
    """An open MCAP file; see `create` and `recover`.

    Attributes:
        channels: by id.
        schemas: by id.
        traffic: per channel id.
        size: bytes so far, all of them whole records.
        metadata: metadata records by name.

    """

    def __init__(self, path: Path, descriptor: int) -> None:
        """Use `create` or `recover`."""
        self.path = path
        self.channels: dict[int, Channel] = {}
        self.schemas: dict[int, Schema] = {}
        self.traffic: dict[int, Traffic] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.size = 0
        self._descriptor = descriptor
        self._crc = 0
        self._metadata_at: list[MetadataIndex] = []

    @classmethod
    def create(cls, path: Path, metadata: dict[str, dict[str, str]]) -> 'McapFile':
        """Begin a new file; the metadata stands before the first message.

        Raises:
            OSError: it exists, or the disk refuses.

        """
        file = cls(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        file._append(MAGIC, _bytes(Header(profile='ros2', library='irevla')))
        for name, values in metadata.items():
            file._append_metadata(Metadata(name, values))
        return file

    @classmethod
    def recover(cls, path: Path, visit: Visit) -> 'McapFile':
        """Open a torn file, cut it after its last whole record, and be ready to `finish` it.

        ``visit`` is called with topic, type and data of each message that is left.

        Raises:
            ValueError: not even the beginning is that of an MCAP file.
            OSError: it cannot be read or written.

        """
        file = cls(path, os.open(path, os.O_RDWR))
        length = os.fstat(file._descriptor).st_size
        if length < len(MAGIC):
            file.abandon()
            raise ValueError('shorter than the first bytes of any MCAP file')
        with mmap.mmap(file._descriptor, length, access=mmap.ACCESS_READ) as data, \
                memoryview(data) as view:
            if view[:len(MAGIC)] != MAGIC:
                file.abandon()
                raise ValueError('does not begin as an MCAP file')
            file.size = len(MAGIC)
            while end := file._read_record(view, file.size, visit):
                file.size = end
            file._crc = zlib.crc32(view[:file.size])
        os.ftruncate(file._descriptor, file.size)
        os.lseek(file._descriptor, file.size, os.SEEK_SET)
        return file

    def _read_record(self, view: memoryview, start: int,
                     visit: Visit) -> int:
        """Take in the record at an offset; return where it ends, 0 when it is not whole."""
        body = start + _RECORD.size
        if body > len(view):
            return 0
        opcode, length = _RECORD.unpack_from(view, start)
        end = body + length
        if end > len(view):
            return 0
        if opcode == Opcode.MESSAGE:
            if length < _MESSAGE_FIELDS:
                return 0
            _, _, channel, _, log_time, _ = _MESSAGE.unpack_from(view, start)
            if channel not in self.traffic:
                return 0
            self.traffic[channel].add(log_time)
            topic, schema = self.channels[channel].topic, self.channels[channel].schema_id
            visit(topic, self.schemas[schema].name, view[start + _MESSAGE.size:end])
            return end
        try:
            return end if self._take_in(opcode, start, view[start:end]) else 0
        except (EndOfFile, struct.error, UnicodeDecodeError):
            return 0

    def _take_in(self, opcode: int, start: int, record: memoryview) -> bool:
        """Take in a record that is no message; return whether it may stand before the last one."""
        stream = ReadDataStream(BytesIO(record[_RECORD.size:]))
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            self.schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(stream)
            self.channels[channel.id] = channel
            self.traffic[channel.id] = Traffic()
        elif opcode == Opcode.METADATA and not self.channels:
            metadata = Metadata.read(stream)
            self.metadata[metadata.name] = metadata.metadata
            self._metadata_at.append(MetadataIndex(start, len(record), metadata.name))
        else:
            return opcode == Opcode.HEADER
        return True

    def _append(self, *parts: bytes) -> None:
        """Write whole records, or nothing.

        Raises:
            OSError: the disk refuses; the file ends after the last whole record.

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
        self._metadata_at.append(MetadataIndex(self.size, len(data), record.name))
        self.metadata[record.name] = record.metadata
        self._append(data)

    def add_channel(self, topic: str, type_name: str, definition: str,
                    metadata: dict[str, str]) -> int:
        """Add a topic of CDR messages with its 'ros2msg' definition; return its channel id."""
        schema = next((known for known in self.schemas.values() if known.name == type_name), None)
        records = []
        if schema is None:
            schema = Schema(id=len(self.schemas) + 1, name=type_name, encoding='ros2msg',
                            data=definition.encode())
            records.append(schema)
        channel = Channel(id=len(self.channels) + 1, topic=topic, message_encoding='cdr',
                          metadata=metadata, schema_id=schema.id)
        self._append(_bytes(*records, channel))
        self.schemas[schema.id] = schema
        self.channels[channel.id] = channel
        self.traffic[channel.id] = Traffic()
        return channel.id

    def write(self, channel: int, log_time: int, publish_time: int, sequence: int,
              data: bytes) -> None:
        """Write a message; log times [ns] must not fall.

        Raises:
            OSError: the disk refuses; everything before this message is kept.

        """
        self._append(_MESSAGE.pack(Opcode.MESSAGE, _MESSAGE_FIELDS + len(data), channel,
                                   sequence & 0xFFFFFFFF, log_time, publish_time), data)
        self.traffic[channel].add(log_time)

    def sync(self) -> None:
        """Wait until everything so far is on the disk."""
        os.fdatasync(self._descriptor)

    def finish(self, metadata: dict[str, dict[str, str]]) -> None:
        """Add metadata and the summary; then sync and close the file.

        Raises:
            OSError: the disk refuses.

        """
        for name, values in metadata.items():
            self._append_metadata(Metadata(name, values))
        self._append(_bytes(DataEnd(data_section_crc=self._crc)))
        summary_start = self.size
        used = [traffic for traffic in self.traffic.values() if traffic.messages]
        statistics = Statistics(
            attachment_count=0, channel_count=len(self.channels),
            channel_message_counts={key: value.messages for key, value in self.traffic.items()},
            chunk_count=0, message_count=sum(traffic.messages for traffic in used),
            message_end_time=max((traffic.last for traffic in used), default=0),
            message_start_time=min((traffic.first for traffic in used), default=0),
            metadata_count=len(self._metadata_at), schema_count=len(self.schemas))
        groups = [(Opcode.SCHEMA, _bytes(*self.schemas.values())),
                  (Opcode.CHANNEL, _bytes(*self.channels.values())),
                  (Opcode.STATISTICS, _bytes(statistics)),
                  (Opcode.METADATA_INDEX, _bytes(*self._metadata_at))]
        offsets, at = [], summary_start
        for opcode, data in groups:
            if data:
                offsets.append(SummaryOffset(opcode, group_start=at, group_length=len(data)))
            at += len(data)
        summary = b''.join([*(data for _, data in groups), _bytes(*offsets)])
        footer = _bytes(Footer(summary_start=summary_start, summary_offset_start=at,
                               summary_crc=0))[:-_CRC.size]
        crc = _CRC.pack(zlib.crc32(footer, zlib.crc32(summary)))
        self._append(summary, footer, crc, MAGIC)
        os.fsync(self._descriptor)
        self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        os.close(self._descriptor)
