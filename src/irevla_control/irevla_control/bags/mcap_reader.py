# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads MCAP files of any writer, with or without chunks, compression and index.

All checksums in a file are verified: the summary's first, all others before a message is used.
A metadata record has none, see `BagFolder.check_record`.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from io import BytesIO
import mmap
from pathlib import Path
from shlex import quote
import struct
from typing import NamedTuple
import zlib

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Metadata, MetadataIndex, Schema, Statistics
from mcap.stream_reader import get_chunk_data_stream

from irevla_control.bags.mcap_file import (
    MAGIC,
    MESSAGE_FIELDS,
    RECORD,
    NoEndError,
    Traffic,
    read_checksum,
)
from irevla_control.errors import BagError

RECOVERY = 'python -m irevla_control.recording.recovery'
_CRC = struct.Struct('<I')
# Channel and log time of a message.
_MESSAGE = struct.Struct('<H4xQ')
# The first message of a file is within this many bytes.
_BEGINNING = 1 << 20


class Recorded(NamedTuple):
    """A message: id of its channel, time of reception [ns since 1970] and CDR bytes."""

    channel: int
    log_time: int
    data: bytes


class McapReader:
    """Contents and messages of an MCAP file.

    Attributes:
        path: path of the file.
        size: size of the file [bytes].
        checksum: see `read_checksum`.
        schemas, channels: schemas and channels by id.
        messages: number of messages by channel id, as counted in the file.
        traffic: messages that `read` found, by channel id.

    """

    def __init__(self, path: Path) -> None:
        """Read the summary of the file; the whole file if the summary is incomplete.

        Raises:
            BagError: the file is truncated, damaged or not an MCAP file.

        """
        self.path = path
        self.schemas: dict[int, Schema] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, int] = {}
        self.traffic: dict[int, Traffic] = {}
        self._metadata: list[MetadataIndex] = []
        self._statistics: Statistics | None = None
        with self._mapped() as view:
            self.size, self.checksum = len(view), read_checksum(path)
            summary = struct.unpack_from('<Q', view, len(view) - len(MAGIC) - 20)[0]
            if summary:
                for opcode, _, body in _records(view, summary):
                    self._take_in(opcode, body)
        if not self._complete():
            for _ in self.read(()):
                pass
            self.messages = {key: each.messages for key, each in self.traffic.items()}

    def _complete(self) -> bool:
        """Return whether the summary lists all records that it counts."""
        counted = self._statistics
        return counted is not None and (
            counted.channel_count,
            counted.schema_count,
            counted.metadata_count,
        ) == (len(self.channels), len(self.schemas), len(self._metadata))

    def _take_in(self, opcode: int, body: memoryview) -> None:
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(_stream(body))
            self.schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(_stream(body))
            self.channels[channel.id] = channel
            self.messages.setdefault(channel.id, 0)
        elif opcode == Opcode.STATISTICS:
            self._statistics = Statistics.read(_stream(body))
            self.messages |= self._statistics.channel_message_counts
        elif opcode == Opcode.METADATA_INDEX:
            self._metadata.append(MetadataIndex.read(_stream(body)))

    def metadata(self, name: str) -> Iterator[dict[str, str]]:
        """Yield the metadata records of a name, the last one first.

        Raises:
            BagError: a record is damaged.

        """
        for index in sorted(self._metadata, key=lambda each: -each.offset):
            if index.name != name:
                continue
            with self._mapped() as view:
                opcode, _, body = next(_records(view, index.offset), (0, 0, view[:0]))
                if opcode != Opcode.METADATA:
                    raise ValueError(f'no metadata record at byte {index.offset}')
                found = Metadata.read(_stream(body)).metadata
            yield found

    def verify(self) -> None:
        """Verify all checksums in the file.

        Raises:
            BagError: a checksum differs.

        """
        for _ in self.read(()):
            pass

    def read(self, channels: Collection[int]) -> Iterator[Recorded]:
        """Yield the messages of these channels in the order of the file.

        Raises:
            BagError: the file is damaged, or the number of messages differs from the count in the
                file; may be raised after the last message.

        """
        self.traffic = {key: Traffic() for key in self.channels}
        metadata = []
        with self._mapped() as view:
            read_checksum(self.path, verify=True)
            for opcode, at, body in _unpacked(view):
                if opcode == Opcode.MESSAGE:
                    key, log_time = _MESSAGE.unpack_from(body)
                    self.traffic[key].add(log_time)
                    if key in channels:
                        yield Recorded(key, log_time, bytes(body[MESSAGE_FIELDS:]))
                elif opcode == Opcode.METADATA:
                    name = Metadata.read(_stream(body)).name
                    metadata.append(MetadataIndex(at, RECORD.size + len(body), name))
                elif opcode in (Opcode.SCHEMA, Opcode.CHANNEL):
                    self._take_in(opcode, body)
                    self.traffic |= {
                        key: Traffic() for key in self.channels.keys() - self.traffic.keys()
                    }
            self._metadata = metadata
            self._compare()

    def _compare(self) -> None:
        if self._statistics is None:
            return
        counted = self._statistics.channel_message_counts
        for key, traffic in self.traffic.items():
            if counted and traffic.messages != counted.get(key, 0):
                raise ValueError(
                    f'it contains {traffic.messages} messages of '
                    f'{self.channels[key].topic}, and counted {counted.get(key, 0)}'
                )

    @contextmanager
    def _mapped(self) -> Iterator[memoryview]:
        """Yield the content; turn errors of the block into a BagError."""
        try:
            with self.path.open('rb') as file:
                # Not closed here, because the traceback of an error may still refer to it.
                yield memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError) as error:
            raise self._damaged(
                str(error).removeprefix(f'{self.path.name} '), torn=isinstance(error, NoEndError)
            ) from error
        except (
            KeyError,
            IndexError,
            OverflowError,
            MemoryError,
            struct.error,
            McapError,
        ) as error:
            raise self._damaged(f'{type(error).__name__}: {error}') from error

    def _damaged(self, reason: str, torn: bool = False) -> BagError:
        remedy = 'copy it again from where it was recorded, or leave the episode out'
        if torn and _is_chunked(self.path):
            remedy += '; where its recorder was killed, `mcap recover` of the mcap tools saves it'
        elif torn and len([*self.path.parent.glob('[!.]*.mcap')]) == 1:
            remedy = (
                'copy it again from where it was recorded; where the recorder was killed, '
                f'recover it with {RECOVERY} {quote(str(self.path.parent))}'
            )
        return BagError(f'{self.path} cannot be read: {reason}; {remedy}')


def _is_chunked(path: Path) -> bool:
    """Return whether a file's first message is in a chunk."""
    try:
        with path.open('rb') as file:
            beginning = file.read(_BEGINNING)
    except OSError:
        return False
    at = len(MAGIC)
    while at + RECORD.size <= len(beginning):
        opcode, length = RECORD.unpack_from(beginning, at)
        if opcode in (Opcode.CHUNK, Opcode.MESSAGE):
            return opcode == Opcode.CHUNK
        at += RECORD.size + length
    return False


def _stream(body: memoryview) -> ReadDataStream:
    return ReadDataStream(BytesIO(body))


def _records(view: memoryview, at: int) -> Iterator[tuple[int, int, memoryview]]:
    """Yield opcode, offset and body of the complete records from an offset on."""
    while at + RECORD.size <= len(view):
        opcode, length = RECORD.unpack_from(view, at)
        start = at + RECORD.size
        if start + length > len(view):
            return
        yield opcode, at, view[start : start + length]
        at = start + length


def _unpacked(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield the records of a file's data section, including those in chunks.

    Raises:
        ValueError: a checksum differs, or the data section has no end.

    """
    if view[: len(MAGIC)] != MAGIC:
        raise ValueError('it does not begin as an MCAP file')
    for opcode, at, body in _records(view, len(MAGIC)):
        if opcode == Opcode.DATA_END:
            return
        if opcode == Opcode.CHUNK:
            chunk = _decompressed(at, body)
            end = 0
            for inner, place, record in _records(chunk, 0):
                yield inner, at, record
                end = place + RECORD.size + len(record)
            if end != len(chunk):
                raise ValueError(f'the chunk at byte {at} ends within a record')
        elif opcode == Opcode.ATTACHMENT:
            (crc,) = _CRC.unpack_from(body, len(body) - _CRC.size)
            if crc and crc != zlib.crc32(body[: -_CRC.size]):
                raise ValueError(f'the attachment at byte {at} has another checksum')
        else:
            yield opcode, at, body
    raise ValueError('its data has no end')


def _decompressed(at: int, body: memoryview) -> memoryview:
    """Return the records of a chunk; ValueError if size or checksum differs."""
    chunk = Chunk.read(_stream(body))
    try:
        stream, size = get_chunk_data_stream(chunk, validate_crc=True)
    except Exception as error:
        # Each compression library has its own error types.
        raise ValueError(f'the chunk at byte {at} cannot be read ({error})') from error
    if size != chunk.uncompressed_size:
        raise ValueError(
            f'the chunk at byte {at} contains {size} bytes, {chunk.uncompressed_size} were written'
        )
    return memoryview(stream.read(size))
