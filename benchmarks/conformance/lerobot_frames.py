# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Random episodes, and comparisons of what LeRobot and the suite read from a dataset."""

from collections.abc import Sequence
import os
from pathlib import Path
import tempfile
from typing import Any

SCRATCH = tempfile.TemporaryDirectory(prefix='lerobot_tools_')
# Prevents downloads, and files in the user's caches.
os.environ |= {'HF_HUB_OFFLINE': '1', 'HF_HOME': f'{SCRATCH.name}/home', 'TQDM_DISABLE': '1'}

from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402
import numpy as np  # noqa: E402

from irevla_control.episode import Episode  # noqa: E402
from irevla_control.lerobot.layout import IMAGES  # noqa: E402
from irevla_control.lerobot.reader import LeRobotReader  # noqa: E402

SIZE, CAMERAS = (48, 64), ('front', 'wrist')


class MismatchError(Exception):
    """Data differs from the expected data."""


def expect(condition: bool, what: str) -> None:
    """Raise MismatchError unless a condition holds."""
    if not condition:
        raise MismatchError(what)


def scene(random: np.random.Generator, steps: int) -> np.ndarray:
    """Return smooth moving images with camera noise, uint8 (steps, height, width, 3)."""
    rows, columns = np.indices(SIZE)[..., None]
    phases = random.uniform(0, 6) + random.uniform(0, 0.6, 3)
    waves = [
        128 + 90 * np.sin(rows / 9 + columns / 7 + phases + step / 5) for step in range(steps)
    ]
    noise = random.normal(0, 2, (steps, *SIZE, 3))
    return np.clip(np.stack(waves) + noise, 0, 255).astype(np.uint8)


def made_up(number: int, steps: int) -> Episode:
    """Return a random episode; episodes with an odd number succeed."""
    random = np.random.default_rng(number)
    return Episode(
        episode_id=f'episode_{number}',
        task='reach',
        seed=number,
        instruction=('reach the ball', 'push the puck')[number % 2],
        stamps=1_700_000_000_000_000_000 + 100_000_000 * np.arange(steps),
        images={name: scene(random, steps) for name in CAMERAS},
        states=random.normal(size=(steps, 10)),
        actions=random.normal(size=(steps, 7)),
        labels=random.normal(size=(steps, 7)),
        sources=random.integers(1, 4, steps, np.uint8),
        rewards=random.random(steps).astype(np.float32),
        terminated=True,
        success=bool(number % 2),
    )


def ours(folder: Path) -> list[Episode]:
    """Return all episodes of a dataset, read by the suite."""
    reader = LeRobotReader(folder)
    cameras = sorted(key.removeprefix(IMAGES) for key in opened(folder).meta.camera_keys)
    return [reader.read(entry, cameras) for entry in reader.entries]


def opened(folder: Path, **options: Any) -> LeRobotDataset:
    """Open a dataset with LeRobot."""
    return LeRobotDataset(
        f'irevla/{folder.name}', root=folder, video_backend='pyav', return_uint8=True, **options
    )


def pixels(image: Any) -> np.ndarray:
    """Convert an image of LeRobot (3, height, width), 0 to 255 or 0 to 1, to uint8 (h, w, 3)."""
    values = image.numpy().transpose(1, 2, 0)
    return values if values.dtype == np.uint8 else np.rint(values * 255).astype(np.uint8)


def compare(dataset: LeRobotDataset, episodes: Sequence[Episode]) -> dict[str, Any]:
    """Check that every value and pixel of LeRobot's frames equals that of the episodes."""
    own = 'label' in dataset.meta.features
    position = 0
    for episode in episodes:
        for step in range(len(episode.stamps)):
            item, where = dataset[position], f'frame {position}'
            position += 1
            expect(
                item['task'] == episode.instruction,
                f'{where}: task {item["task"]!r}, not {episode.instruction!r}',
            )
            vectors = {'observation.state': episode.states, 'action': episode.actions}
            for name, values in (vectors | ({'label': episode.labels} if own else {})).items():
                expect(
                    np.array_equal(item[name].numpy(), values[step].astype(np.float32)),
                    f'{where}: {name} differs',
                )
            for camera, images in episode.images.items():
                wrong = np.abs(pixels(item[IMAGES + camera]).astype(int) - images[step]).max()
                expect(wrong == 0, f'{where}: {camera} differs by {wrong} of 255')
    expect(position == len(dataset), f'{position} frames of {len(dataset)}')
    return {'frames': position}


def same(found: Sequence[Episode], expected: Sequence[Episode]) -> None:
    """Check that training data and outcomes of episodes are equal."""
    expect(len(found) == len(expected), f'{len(found)} episodes, not {len(expected)}')
    for number, (one, other) in enumerate(zip(found, expected)):
        for name in ('instruction', 'success', 'terminated', 'truncated'):
            expect(getattr(one, name) == getattr(other, name), f'episode {number}: {name} differs')
        for name in ('stamps', 'states', 'actions', 'labels', 'sources', 'rewards'):
            expect(
                np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True),
                f'episode {number}: {name} differ',
            )
        for camera, images in other.images.items():
            expect(np.array_equal(one.images[camera], images), f'episode {number}: {camera}')
