# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The few fields of a serialized message that a recorder needs, read without decoding it."""

import struct

from irevla_control.episode import SOURCES
from irevla_control.errors import BadMessageError

_STAMP = (struct.Struct('>iI'), struct.Struct('<iI'))
_LENGTH = (struct.Struct('>I'), struct.Struct('<I'))
_HEAD = 4  # of every message: representation (its second byte: 0 big endian, 1 little), options
_COMMAND_FLOATS = 7 * 8


def stamp_of(data: bytes) -> int:
    """Return the header stamp [ns] of a message that begins with a std_msgs/Header.

    Raises:
        BadMessageError: too short for a header.

    """
    try:
        seconds, nanoseconds = _STAMP[data[1] & 1].unpack_from(data, _HEAD)
    except (IndexError, struct.error):
        raise BadMessageError(f'message of {len(data)} bytes is too short for a header') from None
    return seconds * 1_000_000_000 + nanoseconds


def command_source(data: bytes) -> str:
    """Return the name of the source of a serialized irevla_msgs/EndEffectorCommand.

    Raises:
        BadMessageError: too short for a command.

    """
    try:
        length, = _LENGTH[data[1] & 1].unpack_from(data, _HEAD + 8)
        floats = (12 + length + 7) // 8 * 8
        source = data[_HEAD + floats + _COMMAND_FLOATS]
        return SOURCES[source] if source < len(SOURCES) else SOURCES[0]
    except (IndexError, struct.error):
        raise BadMessageError(f'message of {len(data)} bytes is too short for a command') from None
