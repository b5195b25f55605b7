# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Successful episodes of stage 1 in process, one file each, for stage 2."""

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path

import numpy as np

from irevla_control.files import replacement
from irevla_learner.rollout.played import Played


@dataclass(frozen=True)
class KeptEpisode:
    """A `StoredEpisode` of irevla_policy.frames.frame_store, whole and played by the policy."""

    episode_id: str
    task: str
    instruction: str
    images: dict[str, np.ndarray]
    states: np.ndarray
    labels: np.ndarray
    part_of: str = ''

    @property
    def by_policy(self) -> np.ndarray:
        """Return bool (T,): the policy decided all actions."""
        return np.ones(len(self.labels), bool)


def keep(folder: Path, number: int, played: Played, most: int) -> None:
    """Write an episode as the newest, by its ``number``; keep the newest ``most`` files."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {
        'episode_id': played.episode_id,
        'task': played.task,
        'instruction': played.instruction,
        'cameras': list(played.images),
    }
    # One temporary name for all numbers: a kill leaves one file at most.
    with replacement(folder / f'{number:06d}.npz', folder / '.new.npz') as new:
        np.savez(
            new,
            names=json.dumps(names),
            states=played.states,
            labels=played.labels,
            **{f'image_{index}': images for index, images in enumerate(played.images.values())},
        )
    for path in _files(folder)[:-most]:
        path.unlink()


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob('[0-9]*.npz'))


def newest(folder: Path) -> Iterator[KeptEpisode]:
    """Yield the episodes of a folder, oldest first."""
    for path in _files(folder):
        with np.load(path, allow_pickle=False) as content:
            names = json.loads(str(content['names']))
            cameras = names.pop('cameras')
            yield KeptEpisode(
                **names,
                states=content['states'],
                labels=content['labels'],
                images={camera: content[f'image_{index}'] for index, camera in enumerate(cameras)},
            )
