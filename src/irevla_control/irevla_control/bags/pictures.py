# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded image as an array, whether the camera's pixels were recorded or a JPEG or PNG."""

from typing import Any

import numpy as np

from irevla_control.errors import BadMessageError

_ENDS = {'jpeg': b'\xff\xd9', 'jpg': b'\xff\xd9', 'png': b'IEND\xaeB`\x82'}


def rgb(image: Any) -> np.ndarray:
    """Return uint8 (height, width, 3) RGB of a sensor_msgs/Image or CompressedImage.

    Raises:
        BadMessageError: it begins 'a frame of' and tells what the image is, and what is needed.

    """
    if hasattr(image, 'format'):
        return _decompressed(image.format, bytes(image.data))
    if image.encoding != 'rgb8' or image.data.size != image.height * image.width * 3:
        raise BadMessageError(f'a frame of {image.height} x {image.width} {image.encoding} '
                              f'({image.data.size} bytes); rgb8 is needed')
    return image.data.reshape(image.height, image.width, 3)


def _decompressed(description: str, data: bytes) -> np.ndarray:
    """Decode what image_transport, or a camera, calls 'jpeg' or 'rgb8; png compressed bgr8'."""
    # Only bags with compressed images need OpenCV.
    import cv2
    pixels, _, words = description.lower().rpartition(';')
    compression = words.split()
    kind = next((name for name in _ENDS if name in compression), None)
    if kind is None or any(deep in pixels for deep in ('16', '32', '64')):
        raise BadMessageError(f'a frame of format {description!r}; jpeg or png of 8 bits is '
                              'needed')
    if not data.rstrip(b'\0').endswith(_ENDS[kind].rstrip(b'\0')):
        raise BadMessageError(f'a frame whose {kind} of {len(data)} bytes has no end')
    picture = cv2.imdecode(np.frombuffer(data, np.uint8),
                           cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise BadMessageError(f'a frame whose {kind} of {len(data)} bytes cannot be decoded')
    # OpenCV takes what was compressed for BGR; image_transport says where it was RGB.
    return picture if 'rgb8' in compression else np.ascontiguousarray(picture[:, :, ::-1])
