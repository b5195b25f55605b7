# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes a dataset's images, from videos or Parquet files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
import cv2
import numpy as np
import pyarrow as pa

from irevla_control.errors import BagError

# Number of frames between key frames that most videos do not exceed.
_GROUP = 32
# First and last bytes of a PNG and of a JPEG.
_WHOLE = ((b'\x89PNG', b'IEND\xaeB`\x82'), (b'\xff\xd8', b'\xff\xd9'))


def decode_video(file: Path, start_s: float, count: int, fps: float) -> np.ndarray:
    """Return `count` images of a video from a time on, as uint8 (count, height, width, 3).

    Raises:
        ValueError, av.FFmpegError, OSError: the video is damaged or has other frames.

    """
    images = np.empty((0, 0, 0, 3), np.uint8)
    done = 0
    # One reformatter for all frames, because each set-up takes time.
    reformatter = VideoReformatter()
    with av.open(str(file)) as container:
        for number, frame in _frames_from(container, start_s, fps):
            if number != done or done == count:
                break
            if not done:
                images = np.empty((count, frame.height, frame.width, 3), np.uint8)
            images[done] = reformatter.reformat(frame, format='rgb24').to_ndarray()
            done += 1
    if done < count:
        raise ValueError(f'{done} of {count} frames from {start_s:g} s on')
    return images


def _frames_from(
    container: InputContainer, start_s: float, fps: float
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield a video's frames from a time on, numbered from 0."""
    if not container.streams.video:
        raise ValueError('no video stream')
    stream = container.streams.video[0]
    if stream.time_base is None:
        raise ValueError('a video stream without a unit of time')
    # In videos with reordered frames, a seek may end after its time.
    for back_s in (0, _GROUP / fps, start_s):
        container.seek(max(0, round((start_s - back_s) / stream.time_base)), stream=stream)
        begun = False
        for frame in container.decode(stream):
            if frame.time is None:
                raise ValueError('a frame without a time')
            number = round((frame.time - start_s) * fps)
            begun = begun or number <= 0 or back_s == start_s
            if not begun:
                break
            # Decoding starts at a key frame, which may be before the start.
            if number >= 0:
                yield number, frame
        if begun:
            return


def decode_pictures(file: Path, root: Path, key: str, column: pa.ChunkedArray) -> np.ndarray:
    """Return the images of a column as uint8 (T, height, width, 3) RGB.

    Args:
        file: file of the column, for messages.
        root: folder of the dataset, which relative paths refer to.
        key: key of the feature.
        column: structs `{bytes: PNG or JPEG or null, path: path of a file or null}`, not empty.

    Raises:
        BagError: an image is missing or cannot be decoded, or image sizes differ.

    """
    kind = column.type
    if not pa.types.is_struct(kind) or kind.get_field_index('bytes') < 0:
        raise BagError(
            f'{file}: column {key} is {kind}; pictures as struct<bytes, path> are '
            'needed: export the dataset again'
        )
    images = [
        _picture(file, root, f'{key} of row {row}', cell)
        for row, cell in enumerate(column.to_pylist())
    ]
    sizes = sorted({image.shape[:2] for image in images})
    if len(sizes) > 1:
        raise BagError(
            f'{file}: pictures of {key} have the sizes {sizes}; one size is needed: '
            'export the dataset again'
        )
    return np.stack(images)


def _picture(file: Path, root: Path, name: str, cell: Any) -> np.ndarray:
    content, path = ((cell or {}).get(part) for part in ('bytes', 'path'))
    if content is None:
        if not path or not (root / path).is_file():
            raise BagError(
                f'{file}: {name} has no bytes, and its path {path!r} is no file under '
                f'{root}; add the file, or export or download the dataset again'
            )
        content = (root / path).read_bytes()
    image = None
    # Checked, because OpenCV fills the missing part of a truncated image with grey.
    if any(content.startswith(start) and content.endswith(end) for start, end in _WHOLE):
        image = cv2.imdecode(
            np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
        )
    if image is None:
        raise BagError(
            f'{file}: {name} has {len(content)} bytes that are no whole PNG or JPEG; '
            'export or download the dataset again'
        )
    return image[:, :, ::-1]
