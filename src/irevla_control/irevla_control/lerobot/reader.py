# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Reads episodes from a LeRobotDataset v3.0, like from bags; needs neither ROS nor LeRobot.

In datasets of other programs, units and frames of state and action must be those of
docs/architecture.md. Missing values have defaults: success is true, labels are the actions,
sources are unknown, rewards are NaN, stamps are evenly spaced from 0 on. A line on stderr names
the columns used and the values assumed.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from irevla_control.bags.usage import say, usage
from irevla_control.episode import Episode
from irevla_control.errors import BagError
from irevla_control.lerobot.damage import get, reading, refuse
from irevla_control.lerobot.entries import Columns, LeRobotEntry, find_columns, find_entries
from irevla_control.lerobot.images import decode_pictures, decode_video
from irevla_control.lerobot.info import VECTORS, read_info
from irevla_control.lerobot.layout import IMAGES, INFO
from irevla_control.lerobot.tables import (
    numbers,
    own_flag,
    own_number,
    own_text,
    read_episode_rows,
    read_tasks,
    whole,
)
from irevla_control.observation import ACTION_SIZE

# Largest start time in a video [s]; seeking fails for very large times.
_LATEST_S = 1e9
# Largest value of a message's `source`.
_LARGEST_SOURCE = 255


def is_lerobot(root: Path) -> bool:
    """Return whether a folder is a LeRobot dataset of any version."""
    return (Path(root) / INFO).is_file()


def read_lerobot(root: Path, cameras: Sequence[str]) -> Iterator[Episode]:
    """Yield the episodes of a dataset, see `LeRobotReader`."""
    reader = LeRobotReader(root)
    for entry in reader.entries:
        yield reader.read(entry, cameras)


class LeRobotReader:
    """A dataset whose episodes can be read one by one, in any order.

    An episode whose frames have several tasks is read in parts of one task each.

    Attributes:
        entries: episodes or their parts, in order.
        columns: columns that are read.
        digest: hash of the episodes.

    """

    def __init__(self, root: Path) -> None:
        """Read the dataset's metadata, and print a line about the columns used to stderr.

        Raises:
            BagError: the folder is no dataset of version v3.0, the dataset is damaged, or the
                state or action of this suite is missing.

        """
        self._root = Path(root)
        self._info = read_info(self._root)
        tasks = read_tasks(self._root)
        rows: dict[Path, list[dict[str, Any]]] = {}
        files = sorted(self._root.glob('meta/episodes/*/*.parquet'))
        for file in files:
            for row in read_episode_rows(file):
                held = self._info.data_file(
                    *(whole(row, f'data/{name}_index', file) for name in ('chunk', 'file'))
                )
                rows.setdefault(held, []).append(row | {'file': file})
        self._check_count(rows)
        self.columns: Columns = find_columns(self._info, rows)
        hashed = hashlib.sha256(repr(tasks).encode())
        for path in (self._info.file, *files):
            hashed.update(path.read_bytes())
        self.entries: list[LeRobotEntry] = find_entries(self._info, rows, tasks, hashed)
        self.digest = hashed.hexdigest()
        _say(self._summary())

    def read(self, entry: LeRobotEntry, cameras: Sequence[str]) -> Episode:
        """Return an episode, or a part; state, action and label have the precision of float32.

        Raises:
            BagError: the episode is damaged or incomplete, a camera is missing, or values are not
                finite.

        """
        held = self._info.cameras
        for camera in cameras:
            if camera not in held:
                raise BagError(
                    f'{self._root} has no video of camera {camera}; it has '
                    f'{", ".join(held) or self._other_images()}: name those'
                )
        row, last = entry.row, entry.part == entry.parts - 1
        values = self._values(
            entry, [IMAGES + camera for camera in cameras if held[camera]['dtype'] == 'image']
        )
        even = np.rint((entry.first + np.arange(entry.steps)) * (1e9 / self._info.fps)).astype(
            np.int64
        )
        name = own_text(row, 'episode_id', f'{self._root.name}_{entry.number}')
        return Episode(
            episode_id=f'{name}_part{entry.part}' if entry.parts > 1 else name,
            part_of=name if entry.parts > 1 else '',
            task=entry.task,
            instruction=entry.instruction,
            seed=own_number(row, 'seed', -1),
            stamps=values.get(self.columns.stamp, even),
            images={camera: self._images(camera, entry, values) for camera in cameras},
            states=values['observation.state'],
            actions=values['action'],
            labels=values[self.columns.label].copy(),
            sources=values.get(self.columns.source, np.zeros(entry.steps)).astype(np.uint8),
            rewards=values.get(self.columns.reward, np.full(entry.steps, np.nan)).astype(
                np.float32
            ),
            terminated=last and own_flag(row, 'terminated', not entry.truncated),
            truncated=last and entry.truncated,
            success=entry.success,
            dropped=0 if entry.part else own_number(row, 'dropped', 0),
        )

    def _check_count(self, rows: dict[Path, list[dict[str, Any]]]) -> None:
        counts = Counter(row['episode_index'] for of_file in rows.values() for row in of_file)
        twice = [number for number, count in counts.items() if count > 1]
        if twice:
            raise BagError(
                f'{self._root}/meta/episodes lists the episodes {twice} more than '
                'once; export or download the dataset again'
            )
        if len(counts) != self._info.episodes:
            raise BagError(
                f'{self._root}/meta/episodes lists {len(counts)} episodes, '
                f'{self._info.file} of {self._info.episodes}; export or '
                'download the dataset again'
            )

    def _summary(self) -> str:
        several = sum(entry.parts > 1 and not entry.part for entry in self.entries)
        return (
            f'{self._root}: {self.columns.described(self._info.features)}; '
            + (
                f'{several} episodes have several tasks and are read as parts of one task; '
                if several
                else ''
            )
            + usage(self._info.episodes, {})
        )

    def _other_images(self) -> str:
        """Return a text with the image features of a dataset without a camera."""
        others = [
            key
            for key, feature in self._info.features.items()
            if feature['dtype'] in ('video', 'image')
        ]
        return f'no camera in colour under {IMAGES}' + (
            f', only {", ".join(others)}' if others else ''
        )

    def _values(self, entry: LeRobotEntry, pictures: Sequence[str]) -> dict[str | None, Any]:
        """Return the columns of an entry: numbers (T,), vectors float64 (T, n), decoded images."""
        sizes = VECTORS | ({'label': ACTION_SIZE} if self.columns.label == 'label' else {})
        row = entry.row
        with reading(
            self._info.data_file(int(row['data/chunk_index']), int(row['data/file_index']))
        ) as file:
            # If each episode has its own row group, only this episode's is decoded.
            table = pq.read_table(
                file,
                columns=[*self.columns.names, *pictures],
                page_checksum_verification=True,
                filters=[('episode_index', '==', entry.number)],
            )
            table = table.slice(entry.first, entry.steps)
            if len(table) != entry.steps:
                raise ValueError(f'{len(table)} of {entry.steps} rows of episode {entry.number}')
            values: dict[str | None, Any] = {
                name: numbers(table[name].combine_chunks(), name, sizes.get(name))
                for name in self.columns.names
            }
            sources = values.get(self.columns.source, np.zeros(0))
            for frame in np.flatnonzero((sources < 0) | (sources > _LARGEST_SOURCE)):
                refuse(
                    file,
                    f'source of frame {entry.first + frame} of episode {entry.number}',
                    int(sources[frame]),
                    f'a number from 0 to {_LARGEST_SOURCE}',
                )
            return values | {
                key: decode_pictures(file, self._root, key, table[key]) for key in pictures
            }

    def _images(
        self, camera: str, entry: LeRobotEntry, values: dict[str | None, Any]
    ) -> np.ndarray:
        """Return an entry's images of a camera, which must have the declared size."""
        key, row = IMAGES + camera, entry.row
        place = 'its pictures'
        if key in values:
            images = values[key]
        else:
            video = f'videos/{key}'
            start = get(row, f'{video}/from_timestamp', row['file'], f' of episode {entry.number}')
            if not isinstance(start, (int, float)) or not 0 <= start < _LATEST_S:
                refuse(
                    row['file'],
                    f'{video}/from_timestamp of episode {entry.number}',
                    start,
                    'a time of 0 s or later',
                )
            path = self._info.video_file(
                key,
                *(whole(row, f'{video}/{name}_index', row['file']) for name in ('chunk', 'file')),
            )
            place = str(path)
            with reading(path):
                images = decode_video(
                    path, start + entry.first / self._info.fps, entry.steps, self._info.fps
                )
        shape, found = self._info.features[key]['shape'], list(images.shape[1:])
        if found not in (shape, [*shape[1:], *shape[:1]]):
            refuse(
                self._info.file, f'shape of the feature {key}', shape, f'{found}, as in {place},'
            )
        return images


# Prints each line once, although a dataset is opened for each stage of a training.
_say = cache(say)
