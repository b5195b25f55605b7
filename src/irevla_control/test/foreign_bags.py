# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags as other tools (mcap, ros2 bag, rosbags) write the same messages."""

from io import BytesIO

from mcap.reader import make_reader
from mcap.records import Chunk
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer


def messages_of(folder):
    """Yield schema, channel and message of everything in a bag, as recorded."""
    for file in sorted(folder.glob('*.mcap')):
        with file.open('rb') as stream:
            yield from make_reader(stream).iter_messages()


def write_mcap(path, messages, metadata=(), **options):
    """Write messages by mcap's own writer, in small chunks; metadata as (name, dict)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('wb') as stream:
        writer = Writer(
            stream, **{'chunk_size': 400, 'compression': CompressionType.ZSTD, **options}
        )
        writer.start('ros2', 'test')
        for name, values in metadata:
            writer.add_metadata(name, values)
        schemas, channels = {}, {}
        for schema, channel, message in messages:
            if schema.name not in schemas:
                schemas[schema.name] = writer.register_schema(
                    schema.name, schema.encoding, schema.data
                )
            if channel.topic not in channels:
                channels[channel.topic] = writer.register_channel(
                    channel.topic, channel.message_encoding, schemas[schema.name], channel.metadata
                )
            writer.add_message(
                channels[channel.topic],
                message.log_time,
                message.data,
                message.publish_time,
                message.sequence,
            )
        writer.finish()
    return path.parent


def chunk_offsets(content):
    """Return (offset of its data, size) of each chunk's compressed data in a file."""
    found, at = [], 0
    for record in StreamReader(BytesIO(content), emit_chunks=True).records:
        if isinstance(record, Chunk):
            at = content.index(record.data, at)
            found.append((at, len(record.data)))
    return found
