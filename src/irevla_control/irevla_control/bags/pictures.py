# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Converts recorded images, raw or compressed as JPEG or PNG, to arrays."""

import re
from typing import Any

import numpy as np

from irevla_control.errors import BadMessageError

_STARTS = {'jpeg': b'\xff\xd8\xff', 'png': b'\x89PNG\r\n\x1a\n'}
# Offset of the bits per channel in a PNG; size of a chunk without its content [bytes].
_PNG_DEPTH = 24
_PNG_CHUNK = 12


def rgb(image: Any) -> np.ndarray:
    """Return uint8 (height, width, 3) RGB of a sensor_msgs/Image or CompressedImage.

    Raises:
        BadMessageError: the image is not readable; the text starts with 'a frame of'.

    """
    if hasattr(image, 'format'):
        return _decompressed(image.format, bytes(image.data))
    if image.encoding != 'rgb8' or image.data.size != image.height * image.width * 3:
        raise BadMessageError(
            f'a frame of {image.height} x {image.width} {image.encoding} '
            f'({image.data.size} bytes); rgb8 is needed'
        )
    return image.data.reshape(image.height, image.width, 3)


def _decompressed(description: str, data: bytes) -> np.ndarray:
    """Decode an image; the description is 'jpeg' or like 'rgb8; png compressed bgr8'."""
    # Imported here, because only bags with compressed images need OpenCV.
    import cv2

    pixels, _, compression = description.lower().rpartition(';')
    named = re.search('jpe?g|png', compression)
    if (
        (description.strip() and not named)
        or 'depth' in compression
        or re.search('16|32|64', pixels)
    ):
        raise BadMessageError(
            f'a frame of format {description!r}; jpeg or png of 8 bits is needed'
        )
    kind = next((name for name, start in _STARTS.items() if data.startswith(start)), None)
    if kind is None:
        raise BadMessageError(
            f'a frame whose {named[0] if named else "picture"} of {len(data)} '
            'bytes cannot be decoded; jpeg or png is needed'
        )
    if not (_jpeg_ends(data) if kind == 'jpeg' else _png_ends(data)):
        raise BadMessageError(f'a frame whose {kind} of {len(data)} bytes has no end')
    depth = int.from_bytes(data[_PNG_DEPTH : _PNG_DEPTH + 1], 'big')
    if kind == 'png' and depth > 8:
        raise BadMessageError(f'a frame whose png has {depth} bits a channel; 8 are needed')
    picture = cv2.imdecode(
        np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    )
    if picture is None:
        raise BadMessageError(f'a frame whose {kind} of {len(data)} bytes cannot be decoded')
    # OpenCV returns BGR, but RGB if image_transport compressed RGB pixels without conversion.
    return picture if 'rgb8' in compression.split() else np.ascontiguousarray(picture[:, :, ::-1])


def _jpeg_ends(data: bytes) -> bool:
    """Return whether an end marker follows the pixels; a preview in the header does not count."""
    at = len(b'\xff\xd8')
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xDA:
            # In pixel data each byte 255 is followed by 0.
            return data.find(b'\xff\xd9', at) >= 0
        if marker == 0xFF:
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], 'big')
    return False


def _png_ends(data: bytes) -> bool:
    """Return whether a PNG's last chunk is complete; bytes after it are ignored."""
    at = len(_STARTS['png'])
    while at + _PNG_CHUNK <= len(data):
        kind = data[at + 4 : at + 8]
        at += _PNG_CHUNK + int.from_bytes(data[at : at + 4], 'big')
        if kind == b'IEND':
            return at <= len(data)
    return False
