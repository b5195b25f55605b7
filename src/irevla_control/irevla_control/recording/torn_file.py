# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the complete records of an MCAP file without an end."""

from collections.abc import Callable
from io import BytesIO
import mmap
import os
from pathlib import Path
import struct

from mcap.data_stream import ReadDataStream
from mcap.exceptions import EndOfFile
from mcap.opcode import Opcode
from mcap.records import Channel, Metadata, MetadataIndex, Schema

from irevla_control.bags.layout import EPISODE_METADATA
from irevla_control.bags.mcap_file import (
    BEGINNING,
    MAGIC,
    MESSAGE,
    MESSAGE_FIELDS,
    RECORD,
    Contents,
    Traffic,
)

# Called with topic, type and data of a message; the data is valid during the call only.
Visit = Callable[[str, str, memoryview], None]

# Names of records that the recorder never writes.
_FOREIGN = {
    Opcode.CHUNK: 'a chunk',
    Opcode.MESSAGE_INDEX: 'an index of messages',
    Opcode.CHUNK_INDEX: 'an index of chunks',
    Opcode.ATTACHMENT: 'an attachment',
    Opcode.ATTACHMENT_INDEX: 'an index of attachments',
}
# Metadata records after the messages; recovery writes them again.
_OF_THE_END = ('rosbag2', EPISODE_METADATA)
# Largest accepted time between two messages [ns]; behind damage, larger ones are random bytes.
_DAY = 86_400_000_000_000


def read_torn(path: Path, visit: Visit) -> Contents:
    """Return the contents of a file up to its last complete message.

    After the last message the file may have an incomplete record or other bytes, which a kill or
    a power cut left. Without a message it may have only a header, or a part of one.

    Args:
        path: path of the file.
        visit: called with topic, type and data of each message.

    Raises:
        ValueError: the file has other contents, which the text names.
        OSError: the file cannot be read.

    """
    with path.open('rb') as stream:
        length = os.fstat(stream.fileno()).st_size
        start = stream.read(len(MAGIC))
        if not MAGIC.startswith(start):
            raise ValueError('does not begin as an MCAP file')
        if length <= len(MAGIC):
            return Contents()
        with mmap.mmap(stream.fileno(), length, access=mmap.ACCESS_READ) as data:
            with memoryview(data) as view:
                reader = _TornReader(view, visit)
                contents = reader.read()
            if contents.messages:
                _refuse_more(data, contents)
            elif length > reader.header_end and not BEGINNING.startswith(
                data[: len(BEGINNING) + 1]
            ):
                raise ValueError(f'contains no whole message in its {length} bytes')
    return contents


class _TornReader:
    """Reads record after record."""

    def __init__(self, view: memoryview, visit: Visit) -> None:
        self.contents = Contents(size=len(MAGIC))
        self.header_end = len(MAGIC)
        self._view = view
        self._visit = visit

    def read(self) -> Contents:
        """Read all complete records up to the end of the data or of the file."""
        self._read_header()
        while end := self._read_record(self.contents.size):
            self.contents.size = end
        return self.contents

    def _read_header(self) -> None:
        record = self._record(len(MAGIC))
        if record is not None:
            if record[0] != Opcode.HEADER:
                raise ValueError('does not begin with the header of an MCAP file')
            self.contents.size = self.header_end = record[1]

    def _record(self, start: int) -> tuple[int, int] | None:
        """Return opcode and end of the record at an offset; None if it is incomplete.

        Raises:
            ValueError: the recorder never writes such a record.

        """
        if start + RECORD.size > len(self._view):
            return None
        opcode, length = RECORD.unpack_from(self._view, start)
        if opcode in _FOREIGN:
            raise ValueError(
                f'contains {_FOREIGN[opcode]} at byte {start}, which this recorder does not write'
            )
        end = start + RECORD.size + length
        return None if end > len(self._view) else (opcode, end)

    def _read_record(self, start: int) -> int:
        """Read the record at an offset; return its end, or 0 after the last one."""
        record = self._record(start)
        # A power cut leaves zeros, which are no opcode.
        if record is None or record[0] in (0, Opcode.DATA_END):
            return 0
        opcode, end = record
        try:
            if opcode == Opcode.MESSAGE:
                return self._read_message(start, end)
            return self._take_in(opcode, start, end)
        except (EndOfFile, struct.error, UnicodeDecodeError):
            return 0

    def _read_message(self, start: int, end: int) -> int:
        contents = self.contents
        if end - start < MESSAGE.size:
            return 0
        _, _, channel, _, log_time, _ = MESSAGE.unpack_from(self._view, start)
        if channel not in contents.traffic:
            return 0
        contents.traffic[channel].add(log_time)
        schema = contents.schemas[contents.channels[channel].schema_id]
        self._visit(
            contents.channels[channel].topic, schema.name, self._view[start + MESSAGE.size : end]
        )
        return end

    def _take_in(self, opcode: int, start: int, end: int) -> int:
        """Read a record other than a message; return its end, or 0 if it follows the messages."""
        stream, contents = (
            ReadDataStream(BytesIO(self._view[start + RECORD.size : end])),
            self.contents,
        )
        if opcode == Opcode.SCHEMA:
            schema = Schema.read(stream)
            contents.schemas[schema.id] = schema
        elif opcode == Opcode.CHANNEL:
            channel = Channel.read(stream)
            if channel.schema_id not in contents.schemas:
                return 0
            contents.channels[channel.id] = channel
            contents.traffic.setdefault(channel.id, Traffic())
        elif opcode == Opcode.METADATA:
            metadata = Metadata.read(stream)
            if contents.channels and metadata.name not in _OF_THE_END:
                raise ValueError(
                    f'contains metadata {metadata.name!r} at byte {start}, which this '
                    'recorder does not write'
                )
            contents.metadata[metadata.name] = metadata.metadata
            if contents.channels:
                return 0
            contents.metadata_at.append(MetadataIndex(start, end - start, metadata.name))
        else:
            raise ValueError(
                f'contains a record of kind {opcode} at byte {start}, which is not known there'
            )
        return end


def _refuse_more(data: mmap.mmap, contents: Contents) -> None:
    """Raise ValueError if a complete message follows the contents that were read.

    Such a file is damaged in the middle, not torn; cutting it there would lose these messages.
    """
    last = max(traffic.last for traffic in contents.traffic.values())
    at = contents.size
    while (at := data.find(bytes([Opcode.MESSAGE]), at + 1)) >= 0:
        if at + MESSAGE.size > len(data):
            return
        _, length, channel, _, log_time, _ = MESSAGE.unpack_from(data, at)
        if (
            channel in contents.traffic
            and last <= log_time < last + _DAY
            and MESSAGE_FIELDS <= length <= len(data) - at - RECORD.size
        ):
            raise ValueError(
                f'is damaged at byte {contents.size}, and contains whole messages '
                f'behind it, from byte {at} on'
            )
