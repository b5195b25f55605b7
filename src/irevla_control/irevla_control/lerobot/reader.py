# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes out of a LeRobotDataset v3.0, as if they came from bags; needs neither ROS nor LeRobot.

Of a dataset that this suite did not write, units and frames of state and action must be those of
docs/architecture.md. What it does not tell has defaults: an episode succeeded, labels are the
actions, their source is unknown, rewards are NaN, stamps are evenly spaced from 0 on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from irevla_control.episode import Episode
from irevla_control.errors import BagError
from irevla_control.lerobot.layout import COLUMNS, IMAGES, INFO, OWN, VERSION
from irevla_control.observation import ACTION_SIZE, STATE_SIZE

_VECTORS = {'observation.state': STATE_SIZE, 'action': ACTION_SIZE}
# What is read of rows that another program wrote: its `label` or `source` may mean anything.
_COMMON = (*_VECTORS, 'next.reward')


def is_lerobot(root: Path) -> bool:
    """Return whether a folder is a LeRobot dataset, of whatever version."""
    return (Path(root) / INFO).is_file()


def read_lerobot(root: Path, cameras: Sequence[str]) -> Iterator[Episode]:
    """Yield the episodes of a dataset, see `LeRobotReader`."""
    reader = LeRobotReader(root)
    for entry in reader.entries:
        yield reader.read(entry, cameras)


@dataclass(frozen=True)
class LeRobotEntry:
    """One episode of a dataset.

    Attributes:
        number, steps: its index and length.
        instruction, success: as in Episode.
        recorded_ns: when it was recorded [ns since 1970], 0 unknown.
        row: what meta/episodes tells of it, without its statistics.

    """

    number: int
    steps: int
    instruction: str
    success: bool
    recorded_ns: int
    row: dict[str, Any]


class LeRobotReader:
    """A dataset whose episodes can be read one by one, in any order.

    Attributes:
        entries: its episodes, in their order.
        digest: a text that differs once episodes differ.

    """

    def __init__(self, root: Path) -> None:
        """Read what the dataset tells of itself.

        Raises:
            BagError: no dataset of version v3.0, a damaged one, or one without the state and
                action of this suite.

        """
        self._root = Path(root)
        hashed = hashlib.sha256()
        with _reading(self._root / INFO) as file:
            content = file.read_bytes()
            hashed.update(content)
            self._info = json.loads(content)
            self._check_info()
        entries: list[LeRobotEntry] = []
        for path in sorted(self._root.glob('meta/episodes/*/*.parquet')):
            with _reading(path) as file:
                hashed.update(file.read_bytes())
                entries += [_entry(row) for row in _episode_rows(file)]
        self.entries = sorted(entries, key=lambda entry: entry.number)
        self.digest = hashed.hexdigest()
        if len(entries) != self._info['total_episodes']:
            raise BagError(f'{self._root}/meta/episodes tells of {len(entries)} episodes, '
                           f'{self._root / INFO} of {self._info["total_episodes"]}; export or '
                           'download the dataset again')

    def read(self, entry: LeRobotEntry, cameras: Sequence[str]) -> Episode:
        """Return an episode; its state, action and label have the precision of float32.

        Raises:
            BagError: damaged or incomplete, a camera that is not there, or values that are not
                finite.

        """
        held = [key.removeprefix(IMAGES) for key, feature in self._info['features'].items()
                if key.startswith(IMAGES) and feature['dtype'] == 'video']
        for camera in cameras:
            if camera not in held:
                raise BagError(f'{self._root} has no video of camera {camera}; it has '
                               f'{", ".join(held) or "none"}: name those')
        row = entry.row
        with _reading(self._file('data', row)) as file:
            values = self._values(file, entry)
        even = np.rint(np.arange(entry.steps) * (1e9 / self._info['fps'])).astype(np.int64)
        unknown = np.full(entry.steps, np.nan, np.float32)
        return Episode(
            episode_id=row.get(f'{OWN}episode_id', f'{self._root.name}_{entry.number}'),
            task=row.get(f'{OWN}task', entry.instruction), instruction=entry.instruction,
            seed=row.get(f'{OWN}seed', -1),
            stamps=values.get('ros_stamp_ns', even),
            images={camera: self._images(camera, entry) for camera in cameras},
            states=values['observation.state'], actions=values['action'],
            labels=values.get('label', values['action'].copy()),
            sources=values.get('source', np.zeros(entry.steps)).astype(np.uint8),
            rewards=values.get('next.reward', unknown).astype(np.float32),
            terminated=row.get(f'{OWN}terminated', True),
            truncated=row.get(f'{OWN}truncated', False), success=entry.success,
            dropped=row.get(f'{OWN}dropped', 0))

    def _check_info(self) -> None:
        version, features = self._info['codebase_version'], self._info['features']
        if version != VERSION:
            raise BagError(f'{self._root} is a LeRobot dataset of version {version}; {VERSION} is '
                           'needed, convert it with LeRobot')
        for name, size in _VECTORS.items():
            if name not in features or list(features[name]['shape']) != [size]:
                found = {key: feature['shape'] for key, feature in features.items()
                         if feature['dtype'] != 'video'}
                raise BagError(f'{self._root} has the features {found}; {name} of shape [{size}] '
                               'is needed')

    def _file(self, kind: str, row: dict[str, Any]) -> Path:
        """Return the file of `data` or of `videos/KEY` that holds an episode."""
        _, _, key = kind.partition('/')
        with _reading(self._root / INFO):
            return self._root / self._info['video_path' if key else 'data_path'].format(
                video_key=key, chunk_index=row[f'{kind}/chunk_index'],
                file_index=row[f'{kind}/file_index'])

    def _values(self, file: Path, entry: LeRobotEntry) -> dict[str, np.ndarray]:
        """Return the columns of an episode, each (T,), or float64 (T, n) of a vector."""
        names = [name for name in (COLUMNS if f'{OWN}success' in entry.row else _COMMON)
                 if name in self._info['features']]
        # Only the row group of this episode is decoded, where each has its own.
        table = pq.read_table(file, columns=names, page_checksum_verification=True,
                              filters=[('episode_index', '==', entry.number)])
        if len(table) != entry.steps:
            raise ValueError(f'{len(table)} of {entry.steps} rows of episode {entry.number}')
        return {name: _array(table[name].combine_chunks()) for name in names}

    def _images(self, camera: str, entry: LeRobotEntry) -> np.ndarray:
        kind = f'videos/{IMAGES}{camera}'
        with _reading(self._file(kind, entry.row)) as file:
            return _decoded(file, entry.row[f'{kind}/from_timestamp'], entry.steps,
                            self._info['fps'])


@contextmanager
def _reading(file: Path) -> Iterator[Path]:
    """Name the file in whatever error reading it gives."""
    try:
        yield file
    except (pa.ArrowException, av.FFmpegError, OSError, ValueError, LookupError,
            TypeError) as error:
        raise BagError(f'{file}: not complete, or damaged ({type(error).__name__}: {error}); '
                       'export or download the dataset again') from error


def _episode_rows(file: Path) -> list[dict[str, Any]]:
    """Return the rows of a file of meta/episodes, without statistics but of success."""
    columns = [name for name in pq.read_schema(file).names
               if not name.startswith('stats/') or name == 'stats/next.success/max']
    return pq.read_table(file, columns=columns, page_checksum_verification=True).to_pylist()


def _entry(row: dict[str, Any]) -> LeRobotEntry:
    success = row.get(f'{OWN}success', row.get('stats/next.success/max', True))
    return LeRobotEntry(row['episode_index'], row['length'], row['tasks'][0],
                        bool(np.max(success)), row.get(f'{OWN}recorded_ns', 0), row)


def _array(column: pa.Array) -> np.ndarray:
    if not pa.types.is_nested(column.type):
        return column.to_numpy(zero_copy_only=False)
    values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError('values that are not finite')
    return values.reshape(len(column), -1)


def _decoded(file: Path, start_s: float, count: int, fps: int) -> np.ndarray:
    """Return `count` images from a time in a video on as uint8 (count, height, width, 3)."""
    images = np.empty((0, 0, 0, 3), np.uint8)
    done = 0
    # One for all frames: a frame's own would be set up anew for each.
    reformatter = VideoReformatter()
    with av.open(str(file)) as container:
        stream = container.streams.video[0]
        container.seek(round(start_s / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            number = round((frame.time - start_s) * fps)
            # Decoding begins at a picture that can be decoded alone, which may lie before.
            if number < 0:
                continue
            if number != done or done == count:
                break
            if not done:
                images = np.empty((count, frame.height, frame.width, 3), np.uint8)
            images[done] = reformatter.reformat(frame, format='rgb24').to_ndarray()
            done += 1
    if done < count:
        raise ValueError(f'{done} of {count} frames from {start_s} s on')
    return images

