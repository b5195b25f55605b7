# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of many episodes as memory-mapped arrays, decoded once."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import groupby
import json
from pathlib import Path
import shutil
import tempfile
from typing import Any, Protocol

import numpy as np

from irevla_control.bags.usage import usage
from irevla_control.errors import ConfigError
from irevla_control.files import InUseError, Lock, replace_synced
from irevla_control.observation import ACTION_SIZE, STATE_SIZE
from irevla_policy.frames.image_size import resize_images

_LEFT_OUT = 'left_out.json'


class WithImages(Protocol):
    """Input of `episode_images`, such as an Episode or Observations of irevla_control."""

    @property
    def episode_id(self) -> str:
        """Name of the episode."""

    @property
    def images(self) -> Mapping[str, np.ndarray]:
        """Images by camera, uint8 (T, height, width, 3)."""


class StoredEpisode(WithImages, Protocol):
    """Input of `write_store`, such as an Episode of irevla_control."""

    @property
    def task(self) -> str:
        """Name of the task."""

    @property
    def instruction(self) -> str:
        """Instruction of all its frames."""

    @property
    def states(self) -> np.ndarray:
        """States, float64 (T, 10)."""

    @property
    def labels(self) -> np.ndarray:
        """Training labels, float64 (T, 7)."""

    @property
    def by_policy(self) -> np.ndarray:
        """Whether the policy decided each action, bool (T,)."""

    @property
    def part_of(self) -> str:
        """Name of the episode that contains this part; '' for a whole episode."""


@dataclass(frozen=True)
class EpisodeFrames:
    """Frames ``start`` to ``stop`` (exclusive) of a store: an episode, or a part of one.

    ``part_of`` is the name of the episode that contains the part; '' for a whole episode.
    """

    episode_id: str
    task: str
    instruction: str
    start: int
    stop: int
    # Excluded from a dataset's digest, which covers frames and instructions.
    part_of: str = field(default='', repr=False)


@dataclass(frozen=True)
class FrameStore:
    """All frames of some episodes.

    Attributes:
        images: uint8 (N, cameras, height, width, 3) RGB, memory-mapped.
        states: float64 (N, 10).
        actions: float64 (N, 7), the training labels.
        by_policy: bool (N,), whether a policy decided the executed action.
        episodes: frames of each episode.
        labelled_by: hash of the policy that labelled the frames later (`relabelling`).
        left_out: reason for each episode without a frame.
    """

    images: np.ndarray
    states: np.ndarray
    actions: np.ndarray
    by_policy: np.ndarray
    episodes: list[EpisodeFrames]
    labelled_by: str = ''
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def recordings(self) -> list[list[int]]:
        """Return the recorded episodes, each as the indices of its parts in ``episodes``."""
        return [
            list(rows)
            for _, rows in groupby(
                range(len(self.episodes)), lambda row: self.episodes[row].part_of or row
            )
        ]

    @classmethod
    def open(cls, folder: Path) -> 'FrameStore':
        """Open a store that `write_store` wrote."""
        rows = json.loads((folder / 'episodes.json').read_text())
        images = np.load(folder / 'images.npy', mmap_mode='r')
        small = {
            name: np.load(folder / f'{name}.npy') for name in ('states', 'actions', 'by_policy')
        }
        left_out = folder / _LEFT_OUT
        return cls(
            images,
            **small,
            episodes=[EpisodeFrames(**row) for row in rows],
            left_out=json.loads(left_out.read_text()) if left_out.exists() else {},
        )


class _GrowingArray:
    """An .npy file to append rows to, so that only one episode is in memory."""

    def __init__(self, path: Path, row_shape: tuple[int, ...], dtype: type) -> None:
        self._file = path.open('wb')
        self._shape, self._rows = row_shape, 0
        self._dtype: np.dtype[Any] = np.dtype(dtype)
        self._write_header()

    def _write_header(self) -> None:
        # NumPy pads the header, so the first axis can grow without moving the data.
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(
            self._file,
            {
                'descr': self._dtype.str,
                'fortran_order': False,
                'shape': (self._rows, *self._shape),
            },
        )

    def append(self, rows: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(rows, self._dtype).data)
        self._rows += len(rows)

    def close(self) -> None:
        self._write_header()
        self._file.close()


def episode_images(episode: WithImages, cameras: Sequence[str], image_size: int) -> np.ndarray:
    """Return uint8 (T, cameras, image_size, image_size, 3) of an episode.

    Raises:
        ConfigError: a camera that the episode does not have.
    """
    missing = [camera for camera in cameras if camera not in episode.images]
    if missing:
        raise ConfigError(
            f'episode {episode.episode_id} has no camera {", ".join(missing)}; it '
            f'has {", ".join(sorted(episode.images))}: name those in the preset'
        )
    return np.stack([resize_images(episode.images[camera], image_size) for camera in cameras], 1)


STAGING = '.decoding-'
_LOCK = 'lock'


def _new_staging(folder: Path) -> tuple[Path, Lock]:
    """Create a folder beside ``folder``; its lock shows that this process runs."""
    while True:
        staging = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder.parent))
        # Another process may remove it as abandoned before it is locked.
        with suppress(InUseError, FileNotFoundError):
            return staging, Lock(staging / _LOCK)


def remove_abandoned(parent: Path) -> None:
    """Remove the incomplete stores of killed processes, but not those of running ones."""
    for lock in parent.glob(f'{STAGING}*/{_LOCK}'):
        try:
            with Lock(lock):
                shutil.rmtree(lock.parent, ignore_errors=True)
        except (InUseError, FileNotFoundError):
            # In use, or finished in the meantime.
            continue


def write_store(
    folder: Path,
    episodes: Iterable[StoredEpisode],
    cameras: Sequence[str],
    image_size: int,
    left_out: Mapping[str, str] | None = None,
) -> FrameStore:
    """Write episodes as a store, completely or not at all.

    ``left_out`` is read after the last episode.

    Raises:
        ConfigError: no frames, or an episode without one of the cameras.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder.parent)
    staging, lock = _new_staging(folder)
    try:
        arrays = {
            'images': _GrowingArray(
                staging / 'images.npy', (len(cameras), image_size, image_size, 3), np.uint8
            ),
            'states': _GrowingArray(staging / 'states.npy', (STATE_SIZE,), np.float64),
            'actions': _GrowingArray(staging / 'actions.npy', (ACTION_SIZE,), np.float64),
            'by_policy': _GrowingArray(staging / 'by_policy.npy', (), np.bool_),
        }
        rows, frames = [], 0
        for episode in episodes:
            images = episode_images(episode, cameras, image_size)
            arrays['images'].append(images)
            arrays['states'].append(episode.states)
            arrays['actions'].append(episode.labels)
            arrays['by_policy'].append(episode.by_policy)
            rows.append(
                EpisodeFrames(
                    episode.episode_id,
                    episode.task,
                    episode.instruction,
                    frames,
                    frames + len(images),
                    episode.part_of,
                )
            )
            frames += len(images)
        for array in arrays.values():
            array.close()
        if not frames:
            raise ConfigError(
                f'no frames to train on for {folder}: {usage(0, left_out or {})}; '
                'record episodes first'
            )
        (staging / _LEFT_OUT).write_text(json.dumps(left_out or {}))
        (staging / 'episodes.json').write_text(json.dumps([asdict(row) for row in rows], indent=1))
        try:
            # Renamed while locked, because another process could remove it otherwise.
            replace_synced(staging, folder)
            (folder / _LOCK).unlink()
        except OSError:
            # Another process has written the same content first.
            if not (folder / 'episodes.json').exists():
                raise
        return FrameStore.open(folder)
    finally:
        lock.close()
        shutil.rmtree(staging, ignore_errors=True)
