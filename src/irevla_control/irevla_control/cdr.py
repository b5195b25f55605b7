# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads the fields that a recorder needs from a serialized message, without decoding it."""

import struct
from typing import NamedTuple

from irevla_control.episode import SOURCES
from irevla_control.errors import BadMessageError

_STAMP = (struct.Struct('>iI'), struct.Struct('<iI'))
_LENGTH = (struct.Struct('>I'), struct.Struct('<I'))
_HEAD = 4  # size of the header: representation (second byte: 0 big, 1 little endian), options
_COMMAND_FLOATS = 7 * 8
_COLOURS = 3


class ImageLayout(NamedTuple):
    """Layout of a sensor_msgs/Image.

    Attributes:
        height, width: [pixels].
        encoding: such as 'rgb8'.
        step: size of one row [bytes].
        size: size of all data [bytes].

    """

    height: int
    width: int
    encoding: str
    step: int
    size: int

    def problem(self) -> str:
        """Return why the suite cannot read such an image, or ''."""
        if self.encoding != 'rgb8':
            return f'its encoding is {self.encoding!r}; publish rgb8'
        if not self.height * self.width:
            return f'it has {self.height} x {self.width} pixels; publish some'
        if self.size != self.height * self.width * _COLOURS:
            return (
                f'{self.height} x {self.width} pixels have {self.size} bytes, rows of '
                f'{self.step}; publish rows of {self.width * _COLOURS} bytes, without padding'
            )
        return ''


def stamp_of(data: bytes | memoryview) -> int:
    """Return the header stamp [ns] of a message that begins with a std_msgs/Header.

    Raises:
        BadMessageError: too short for a header.

    """
    try:
        seconds, nanoseconds = _STAMP[data[1] & 1].unpack_from(data, _HEAD)
    except (IndexError, struct.error):
        raise BadMessageError(f'message of {len(data)} bytes is too short for a header') from None
    return seconds * 1_000_000_000 + nanoseconds


def command_source(data: bytes | memoryview) -> str:
    """Return the name of the source of a serialized irevla_msgs/EndEffectorCommand.

    Raises:
        BadMessageError: too short for a command.

    """
    try:
        (length,) = _LENGTH[data[1] & 1].unpack_from(data, _HEAD + 8)
        floats = (12 + length + 7) // 8 * 8
        source = data[_HEAD + floats + _COMMAND_FLOATS]
        return SOURCES[source] if source < len(SOURCES) else SOURCES[0]
    except (IndexError, struct.error):
        raise BadMessageError(f'message of {len(data)} bytes is too short for a command') from None


def image_layout(data: bytes) -> ImageLayout:
    """Return the layout of a serialized sensor_msgs/Image, without reading its pixels.

    Raises:
        BadMessageError: the message is too short for an image, or for its own size.

    """
    try:
        unpack, body = _LENGTH[data[1] & 1].unpack_from, memoryview(data)[_HEAD:]
        at = _aligned(12 + unpack(body, 8)[0])
        (height,), (width,), (length,) = (unpack(body, at + 4 * field) for field in range(3))
        encoding = bytes(body[at + 12 : at + 12 + length]).rstrip(b'\0').decode()
        # One byte for the endianness follows the encoding.
        at = _aligned(at + 12 + length + 1)
        (step,), (size,) = unpack(body, at), unpack(body, at + 4)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BadMessageError(f'message of {len(data)} bytes is not an image') from None
    if len(body) < at + 8 + size:
        raise BadMessageError(f'message of {len(data)} bytes is too short for {size} of pixels')
    return ImageLayout(height, width, encoding, step, size)


def _aligned(place: int) -> int:
    return (place + 3) // 4 * 4
