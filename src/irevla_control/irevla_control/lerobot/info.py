# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads a dataset's meta/info.json, and checks every value that is used."""

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

from irevla_control.errors import BagError
from irevla_control.lerobot.damage import get, reading, refuse
from irevla_control.lerobot.layout import COLUMNS, IMAGES, INFO, VERSION
from irevla_control.observation import ACTION_SIZE, STATE_SIZE

VECTORS = {'observation.state': STATE_SIZE, 'action': ACTION_SIZE}
# Range of frames per second in which times in ns are exact enough and finite.
_LEAST_FPS, _MOST_FPS = 1e-6, 1e6


@dataclass(frozen=True)
class Info:
    """Content of meta/info.json.

    Attributes:
        file: path of meta/info.json.
        fps: frames per second, above 0.
        episodes: number of episodes.
        features: features by key, with `dtype` and `shape` at least.
        data_path, video_path: path templates of the files; video_path is None without videos.

    """

    file: Path
    fps: float
    episodes: int
    features: dict[str, dict[str, Any]]
    data_path: str
    video_path: str | None

    @property
    def cameras(self) -> dict[str, dict[str, Any]]:
        """Return the features of colour cameras, by name of the camera."""
        return {
            key.removeprefix(IMAGES): feature
            for key, feature in self.features.items()
            if key.startswith(IMAGES)
            and feature['dtype'] in ('video', 'image')
            and not _is_depth(feature)
        }

    def is_own(self, name: str) -> bool:
        """Return whether a feature is declared like in this suite's exports."""
        dtype, names = COLUMNS[name]
        feature = self.features.get(name, {})
        return (feature.get('dtype'), feature.get('shape'), feature.get('names')) == (
            dtype,
            [len(names) if names else 1],
            names,
        )

    def data_file(self, chunk: int, file: int) -> Path:
        """Return the path of a file of frames."""
        return self.file.parents[1] / self.data_path.format(chunk_index=chunk, file_index=file)

    def video_file(self, key: str, chunk: int, file: int) -> Path:
        """Return the path of a feature's video."""
        return self.file.parents[1] / (self.video_path or '').format(
            video_key=key, chunk_index=chunk, file_index=file
        )


def read_info(root: Path) -> Info:
    """Read and check meta/info.json.

    Raises:
        BagError: the version is not v3.0, the state or action of this suite is missing, or the
            file is damaged.

    """
    with reading(root / INFO) as file:
        content = json.loads(file.read_bytes())
    version = get(content, 'codebase_version', file)
    if version != VERSION:
        raise BagError(
            f'{root} is a LeRobot dataset of version {version}; {VERSION} is '
            'needed, convert it with LeRobot'
        )
    fps, episodes = get(content, 'fps', file), get(content, 'total_episodes', file)
    if (
        isinstance(fps, bool)
        or not isinstance(fps, (int, float))
        or not _LEAST_FPS <= fps <= _MOST_FPS
    ):
        refuse(
            file, 'fps', fps, f'a number of frames per second from {_LEAST_FPS:g} to {_MOST_FPS:g}'
        )
    if isinstance(episodes, bool) or not isinstance(episodes, int) or episodes < 0:
        refuse(file, 'total_episodes', episodes, 'how many episodes there are')
    features = _features(get(content, 'features', file), file)
    for name, size in VECTORS.items():
        if name not in features or features[name]['shape'] != [size]:
            found = {
                key: feature['shape']
                for key, feature in features.items()
                if feature['dtype'] != 'video'
            }
            raise BagError(f'{root} has the features {found}; {name} of shape [{size}] is needed')
    video_path = content.get('video_path')
    if any(feature['dtype'] == 'video' for feature in features.values()):
        _check_path(file, 'video_path', video_path, video_key='key')
    data_path = get(content, 'data_path', file)
    _check_path(file, 'data_path', data_path)
    return Info(file, float(fps), episodes, features, data_path, video_path)


def _features(features: Any, file: Path) -> dict[str, dict[str, Any]]:
    if not isinstance(features, dict):
        refuse(file, 'features', features, 'an object of features')
    for name, feature in features.items():
        of = f' of the feature {name}'
        dtype, shape = get(feature, 'dtype', file, of), get(feature, 'shape', file, of)
        if not isinstance(dtype, str):
            refuse(file, f'dtype{of}', dtype, 'the name of a type')
        if not isinstance(shape, list) or not all(type(size) is int for size in shape):
            refuse(file, f'shape{of}', shape, 'a list of whole numbers')
    return features


def _check_path(file: Path, key: str, path: Any, **more: str) -> None:
    """Raise BagError if a path is not a template for numbered files."""
    places = ', '.join(f'{{{name}}}' for name in (*more, 'chunk_index', 'file_index'))
    try:
        first, second = (
            path.format(chunk_index=1, file_index=number, **more) for number in (1, 2)
        )
    except (AttributeError, LookupError, ValueError, TypeError):
        first = second = ''
    if first == second:
        refuse(file, key, path, f'a path with {places}')


def _is_depth(feature: dict[str, Any]) -> bool:
    about = feature.get('info')
    return isinstance(about, dict) and bool(
        about.get('is_depth_map') or about.get('video.is_depth_map')
    )
