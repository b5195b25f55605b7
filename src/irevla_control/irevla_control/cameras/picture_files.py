# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Camera images as PNG files."""

import os
from pathlib import Path

import cv2
import numpy as np

from irevla_control.files import replacement


def views_folder(given: str, namespace: str) -> Path:
    """Return the folder for a node's views: the given one, else one in ROS's log folder.

    The default is `views/<namespace>`, so that two arms do not share a folder.
    """
    if given:
        return Path(given)
    home = Path(os.environ.get('ROS_HOME') or Path.home() / '.ros')
    return Path(os.environ.get('ROS_LOG_DIR') or home / 'log') / 'views' / namespace.strip('/')


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write an image uint8 (height, width, 3 or 4) RGB or RGBA as PNG, atomically.

    Raises:
        OSError: the folder or the file cannot be written.

    """
    order = cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    _, data = cv2.imencode('.png', cv2.cvtColor(picture, order))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Graphs of several ROS domains share the default folder, and a picture may be lost.
    own = path.with_name(f'.{path.name}.{os.getpid()}')
    with replacement(path, own, durable=False) as temporary:
        temporary.write_bytes(data.tobytes())


def load_picture(path: Path) -> np.ndarray:
    """Return a PNG as uint8 (height, width, 3 or 4) RGB or RGBA.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a colour image.

    """
    data = np.frombuffer(path.read_bytes(), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if picture is None or picture.ndim != 3 or picture.dtype != np.uint8:
        raise ValueError(f'{path} is not a colour image')
    return cv2.cvtColor(
        picture, cv2.COLOR_BGR2RGB if picture.shape[2] == 3 else cv2.COLOR_BGRA2RGBA
    )
