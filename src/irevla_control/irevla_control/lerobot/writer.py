# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes episodes to a LeRobotDataset v3.0, with one episode in memory at a time."""

from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from irevla_control.episode import SOURCES, Episode
from irevla_control.errors import BagError
from irevla_control.lerobot.encoding import choose_encoding
from irevla_control.lerobot.files import ParquetFiles, VideoFiles
from irevla_control.lerobot.layout import (
    COLUMNS,
    DATA,
    EPISODES,
    IMAGES,
    INFO,
    OWN,
    STATISTICS,
    TASKS,
    VERSION,
    VIDEO,
)
from irevla_control.lerobot.statistics import Statistics, combined, image_statistics, statistics

# Number of rows in a row group of meta/episodes; a row has some hundred columns.
_EPISODES_AT_ONCE = 100


@dataclass(frozen=True)
class Limits:
    """Largest sizes of files and chunks.

    Attributes:
        data_mb, video_mb: size of a data file and of a video file [MiB].
        chunk_files: number of files in each chunk.

    """

    data_mb: float = 100
    video_mb: float = 200
    chunk_files: int = 1000


class LeRobotWriter:
    """Writes a dataset into an empty folder; the dataset is complete after `finish`."""

    def __init__(
        self, folder: Path, fps: int, crf: int | None = None, limits: Limits | None = None
    ) -> None:
        """Write episodes with these frames per second; ``crf`` as in `choose_encoding`."""
        self._folder, self._fps, self._crf = folder, fps, crf
        self._limits = limits or Limits()
        limit = self._limits.data_mb, self._limits.chunk_files
        self._data = ParquetFiles(folder, DATA.format, *limit)
        self._episodes = ParquetFiles(folder, EPISODES.format, *limit)
        self._waiting: list[dict[str, Any]] = []
        self._videos: dict[str, VideoFiles] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._tasks: dict[str, int] = {}
        self._statistics: dict[str, Statistics] = {}
        self._count, self._frames = 0, 0

    def add(self, episode: Episode, recorded_ns: int = 0) -> None:
        """Write an episode of at least one step.

        Args:
            episode: episode with the same cameras as earlier ones.
            recorded_ns: time of the recording [ns since 1970]; 0: unknown.

        Raises:
            BagError: cameras or image sizes differ from earlier episodes, or a size is odd and
                lossy video needs even sizes.

        """
        self._check_sizes(episode)
        columns = self._columns(episode)
        steps = len(episode.stamps)
        row: dict[str, Any] = {
            'episode_index': self._count,
            'length': steps,
            'tasks': list(dict.fromkeys(episode.instructions or [episode.instruction])),
            'dataset_from_index': self._frames,
            'dataset_to_index': self._frames + steps,
        }
        row |= {
            f'{OWN}{name}': getattr(episode, name)
            for name in (
                'episode_id',
                'task',
                'seed',
                'success',
                'terminated',
                'truncated',
                'dropped',
            )
        }
        row[f'{OWN}recorded_ns'] = recorded_ns
        place = self._data.place(steps)
        self._data.write(pa.table({name: _arrow(values) for name, values in columns.items()}))
        row |= {'data/chunk_index': place.chunk, 'data/file_index': place.file}
        computed = {
            name: statistics(values.reshape(steps, -1)) for name, values in columns.items()
        }
        for name, images in episode.images.items():
            row |= self._add_video(name, images)
            computed[IMAGES + name] = image_statistics(images)
        for key, values in computed.items():
            row |= {f'stats/{key}/{name}': value.tolist() for name, value in values.items()}
            before = self._statistics.get(key)
            self._statistics[key] = combined(before, values) if before else values
        self._waiting.append(row)
        self._count, self._frames = self._count + 1, self._frames + steps
        if len(self._waiting) == _EPISODES_AT_ONCE:
            self._write_episodes()

    def finish(self) -> dict[str, Any]:
        """Complete all files; return the content of meta/info.json.

        Raises:
            BagError: no episode was written.

        """
        if not self._count:
            raise BagError(
                'no episode contains a step with a state and an image of every camera; a '
                'dataset cannot be empty'
            )
        self._write_episodes()
        for files in (self._data, self._episodes, *self._videos.values()):
            files.close()
        pq.write_table(_task_table(self._tasks), self._folder / TASKS)
        info = self._info()
        _write_json(self._folder / INFO, info)
        _write_json(
            self._folder / STATISTICS,
            {
                key: {name: value.tolist() for name, value in values.items()}
                for key, values in self._statistics.items()
            },
        )
        return info

    def _add_video(self, camera: str, images: np.ndarray) -> dict[str, Any]:
        """Write an episode's images; return their place in the files, for meta/episodes."""
        video, key = self._videos[camera], f'videos/{IMAGES}{camera}'
        place = video.place(len(images))
        video.write(images, place.first)
        return {
            f'{key}/chunk_index': place.chunk,
            f'{key}/file_index': place.file,
            f'{key}/from_timestamp': place.first / self._fps,
            f'{key}/to_timestamp': (place.first + len(images)) / self._fps,
        }

    def _check_sizes(self, episode: Episode) -> None:
        """Raise BagError if images differ from those of the first episode in size."""
        sizes: dict[str, tuple[int, int]] = {}
        for name, images in episode.images.items():
            sizes[name] = images.shape[1], images.shape[2]
        if not self._videos:
            self._sizes = sizes
            self._videos = {
                name: VideoFiles(
                    self._folder,
                    partial(VIDEO.format, video_key=IMAGES + name),
                    self._limits.video_mb,
                    self._limits.chunk_files,
                    self._fps,
                    choose_encoding(self._crf, *size),
                )
                for name, size in sizes.items()
            }
        if sizes != self._sizes:
            raise BagError(
                f'{episode.episode_id}: images of {sizes}, but of {self._sizes} in the '
                'episodes before; export those of one size only'
            )
        odd = [size for size in sizes.values() if size[0] % 2 or size[1] % 2]
        if self._crf and odd:
            raise BagError(
                f'{episode.episode_id}: images of {sizes}; lossy video needs even '
                'sizes, leave --crf out'
            )

    def _columns(self, episode: Episode) -> dict[str, np.ndarray]:
        """Return the columns of COLUMNS, each (T,) or (T, n)."""
        steps = np.arange(len(episode.stamps))
        last = steps == len(steps) - 1
        tasks = [
            self._tasks.setdefault(text, len(self._tasks))
            for text in episode.instructions or [episode.instruction] * len(steps)
        ]
        values = {
            'observation.state': episode.states,
            'action': episode.actions,
            'label': episode.labels,
            'ros_stamp_ns': episode.stamps,
            'next.reward': episode.rewards,
            'next.done': last,
            'next.truncated': last & episode.truncated,
            'next.success': last & episode.success,
            'source': episode.sources,
            'intervention': (
                (episode.sources == SOURCES.index('teleop')) & episode.by_policy.any()
            ),
            'timestamp': steps / self._fps,
            'frame_index': steps,
            'episode_index': np.full(len(steps), self._count),
            'index': self._frames + steps,
            'task_index': np.array(tasks),
        }
        return {name: values[name].astype(dtype) for name, (dtype, _) in COLUMNS.items()}

    def _write_episodes(self) -> None:
        if self._waiting:
            place = self._episodes.place(len(self._waiting))
            self._episodes.write(
                pa.Table.from_pylist(
                    [
                        row
                        | {
                            'meta/episodes/chunk_index': place.chunk,
                            'meta/episodes/file_index': place.file,
                        }
                        for row in self._waiting
                    ]
                )
            )
            self._waiting = []

    def _info(self) -> dict[str, Any]:
        features: dict[str, Any] = {
            name: {'dtype': dtype, 'shape': [len(names) if names else 1], 'names': names}
            for name, (dtype, names) in COLUMNS.items()
        }
        features |= {
            IMAGES + name: {
                'dtype': 'video',
                'shape': [*size, 3],
                'names': ['height', 'width', 'channels'],
                'info': self._videos[name].info(*size),
            }
            for name, size in self._sizes.items()
        }
        return {
            'codebase_version': VERSION,
            'robot_type': None,
            'fps': self._fps,
            'total_episodes': self._count,
            'total_frames': self._frames,
            'total_tasks': len(self._tasks),
            'splits': {'train': f'0:{self._count}'},
            'chunks_size': self._limits.chunk_files,
            'data_files_size_in_mb': self._limits.data_mb,
            'video_files_size_in_mb': self._limits.video_mb,
            'data_path': DATA,
            'video_path': VIDEO,
            'features': features,
        }


def _arrow(values: np.ndarray) -> pa.Array:
    if values.ndim == 1:
        return pa.array(values)
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _task_table(tasks: dict[str, int]) -> pa.Table:
    """Return the tasks in the form of pandas, with the text as index of the rows."""
    table = pa.table({'task_index': list(tasks.values()), 'task': list(tasks)})

    def column(name: str | None, kind: str, numpy: str, about: dict | None = None) -> dict:
        return {
            'name': name,
            'field_name': name,
            'pandas_type': kind,
            'numpy_type': numpy,
            'metadata': about,
        }

    return table.replace_schema_metadata(
        {
            'pandas': json.dumps(
                {
                    'index_columns': ['task'],
                    'column_indexes': [column(None, 'unicode', 'object', {'encoding': 'UTF-8'})],
                    'columns': [
                        column('task_index', 'int64', 'int64'),
                        column('task', 'unicode', 'object'),
                    ],
                    'creator': {'library': 'pyarrow', 'version': pa.__version__},
                    'pandas_version': '2.0.0',
                }
            )
        }
    )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=4, ensure_ascii=False))
