# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests LeRobot's tools on an export of the suite, and the suite's reader on LeRobot's datasets.

Runs in an environment with LeRobot 0.6.1 and the suite's sources on its path. The input is the
folder of an export, or a random one; prints one JSON object of checks: name to passed, seconds,
reason.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
import json
import logging
from pathlib import Path
import sys
import time
from typing import Any

# Imported before LeRobot, because it disables downloads.
from lerobot_frames import (  # isort: skip
    CAMERAS,
    SCRATCH,
    SIZE,
    compare,
    expect,
    made_up,
    opened,
    ours,
    same,
    scene,
)
import datasets
from lerobot.configs.video import RGBEncoderConfig
from lerobot.datasets.dataset_tools import (
    delete_episodes,
    merge_datasets,
    modify_tasks,
    remove_feature,
    split_dataset,
)
from lerobot.datasets.lerobot_dataset import LeRobotDataset
import numpy as np

from irevla_control.episode import Episode
from irevla_control.lerobot.layout import IMAGES
from irevla_control.lerobot.writer import LeRobotWriter, Limits

STEPS, FPS = (9, 5, 12, 7, 8), 10
# Largest mean difference of a lossy video from the recorded images [of 255].
LOSS = 4.0
# Settings of LeRobot's encoder, or None for images in Parquet.
RECORDINGS: dict[str, dict[str, Any] | None] = {
    'av1': {'vcodec': 'libsvtav1'},
    'h264': {'vcodec': 'h264', 'crf': 18},
    'hevc': {'vcodec': 'hevc', 'crf': 18},
    'pictures': None,
}

Check = Callable[[], dict[str, Any]]


def export(folder: Path, **limits: float) -> Path:
    """Write a dataset with the suite's writer; check that the suite reads it unchanged."""
    folder.mkdir()
    writer = LeRobotWriter(folder, FPS, None, Limits(**limits))
    episodes = [made_up(number, steps) for number, steps in enumerate(STEPS)]
    for episode in episodes:
        writer.add(episode)
    writer.finish()
    for episode, back in zip(episodes, ours(folder), strict=True):
        expect(
            all(
                np.array_equal(images, back.images[name])
                for name, images in episode.images.items()
            ),
            f'{folder}: pixels changed',
        )
    return folder


class Tools:
    """Checks of LeRobot's tools on an export; LeRobot and the suite read each result."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        """Use the export in ``folder``; tools write into ``scratch``."""
        self.folder, self.scratch = folder, scratch
        self.episodes = ours(folder)
        self.dataset = opened(folder)
        self.numbers = list(range(self.dataset.meta.total_episodes))

    def checks(self) -> dict[str, Check]:
        """Return the checks by name."""
        return {
            'open and decode': self.decode,
            'filter': self.filter,
            'delete': self.delete,
            'split': self.split,
            'merge': self.merge,
            'remove a feature': self.remove,
            'change tasks': self.tasks,
        }

    def _read(self, folder: Path, expected: Sequence[Episode]) -> dict[str, Any]:
        same(ours(folder), expected)
        return compare(opened(folder), expected)

    def _without_second(self, name: str) -> Path:
        folder = self.scratch / name
        delete_episodes(self.dataset, [1], output_dir=folder, repo_id=f'irevla/{name}')
        return folder

    def decode(self) -> dict[str, Any]:
        """Decode all frames, also as windows in time."""
        windows = opened(self.folder, delta_timestamps={'action': [0, 1 / self.dataset.fps]})
        item = windows[0]
        expect(
            np.array_equal(
                item['action'][1].numpy(), self.episodes[0].actions[1].astype(np.float32)
            ),
            'windows differ',
        )
        return compare(self.dataset, self.episodes)

    def filter(self) -> dict[str, Any]:
        """Filter episodes by number, and by their metadata in the export."""
        compare(opened(self.folder, episodes=[1]), self.episodes[1:2])
        successes = opened(self.folder, episode_filter=lambda row: row['irevla/success'])
        return compare(successes, [one for one in self.episodes if one.success])

    def delete(self) -> dict[str, Any]:
        """Delete the second episode, then the first of the result."""
        left = self._without_second('deleted')
        self._read(left, self.episodes[:1] + self.episodes[2:])
        again = self.scratch / 'deleted_again'
        delete_episodes(opened(left), [0], output_dir=again, repo_id='irevla/again')
        return self._read(again, self.episodes[2:])

    def split(self) -> dict[str, Any]:
        """Split into the first two episodes and the others."""
        parts = {'first': self.numbers[:2], 'others': self.numbers[2:]}
        split_dataset(self.dataset, parts, output_dir=self.scratch / 'split')
        frames = [
            self._read(self.scratch / 'split' / name, [self.episodes[one] for one in chosen])
            for name, chosen in parts.items()
        ]
        return {'frames': sum(each['frames'] for each in frames)}

    def merge(self) -> dict[str, Any]:
        """Merge the export with a copy without the second episode, in both orders."""
        left = opened(self._without_second('to_merge'))
        kept = self.episodes[:1] + self.episodes[2:]
        merge_datasets([self.dataset, left], 'irevla/one', output_dir=self.scratch / 'one')
        self._read(self.scratch / 'one', self.episodes + kept)
        merge_datasets([left, self.dataset], 'irevla/two', output_dir=self.scratch / 'two')
        return self._read(self.scratch / 'two', kept + self.episodes)

    def remove(self) -> dict[str, Any]:
        """Remove the label; the suite then uses the actions as labels."""
        folder = self.scratch / 'removed'
        remove_feature(self.dataset, 'label', output_dir=folder, repo_id='irevla/removed')
        for one, other in zip(ours(folder), self.episodes, strict=True):
            expect(np.array_equal(one.labels, other.actions), 'labels are not the actions')
        return compare(opened(folder), self.episodes)

    def tasks(self) -> dict[str, Any]:
        """Change the instruction of the first episode."""
        folder = self._without_second('retold')
        modify_tasks(opened(folder), episode_tasks={0: 'wave'})
        found = [one.instruction for one in ours(folder)]
        expected = ['wave', *(one.instruction for one in self.episodes[2:])]
        expect(found == expected, f'{found}, not {expected}')
        return {}


def recorded_by_lerobot(folder: Path, encoder: dict[str, Any] | None) -> dict[str, Any]:
    """Record with LeRobot, two tasks in each episode; read it with the suite."""
    random = np.random.default_rng(0)
    kind = 'image' if encoder is None else 'video'
    vectors = {'observation.state': 10, 'action': 7}
    features = {
        name: {'dtype': 'float32', 'shape': (size,), 'names': None}
        for name, size in vectors.items()
    } | {
        IMAGES + name: {
            'dtype': kind,
            'shape': (*SIZE, 3),
            'names': ['height', 'width', 'channels'],
        }
        for name in CAMERAS
    }
    dataset = LeRobotDataset.create(
        f'irevla/{folder.name}',
        FPS,
        features,
        root=folder,
        use_videos=encoder is not None,
        rgb_encoder=encoder and RGBEncoderConfig(**encoder),
    )
    recorded = []
    for steps in (7, 12):
        images = {name: scene(random, steps) for name in CAMERAS}
        for step in range(steps):
            frame = {
                name: random.normal(size=size).astype(np.float32) for name, size in vectors.items()
            }
            frame['task'] = 'reach the ball' if step < 4 else 'lift the ball'
            recorded.append(frame | {name: images[name][step] for name in CAMERAS})
            dataset.add_frame(frame | {IMAGES + name: images[name][step] for name in CAMERAS})
        dataset.save_episode()
    dataset.finalize()
    parts = ours(folder)
    compare(opened(folder), parts)
    frames = [(part, step) for part in parts for step in range(len(part.stamps))]
    expect(len(frames) == len(recorded), f'{len(frames)} frames of {len(recorded)}')
    losses = []
    for (part, step), frame in zip(frames, recorded):
        expect(part.instruction == frame['task'], f'task {part.instruction}, not {frame["task"]}')
        expect(np.array_equal(part.actions[step].astype(np.float32), frame['action']), 'actions')
        losses += [
            np.abs(part.images[name][step].astype(int) - frame[name]).mean() for name in CAMERAS
        ]
    expect(max(losses) <= (LOSS if encoder else 0), f'mean loss {max(losses):.2f} of 255')
    return {'frames': len(frames), 'mean_loss': round(float(np.mean(losses)), 3)}


def attempt(check: Check) -> dict[str, Any]:
    """Return the result of a check; its output is redirected to stderr."""
    start = time.monotonic()
    try:
        with redirect_stdout(sys.stderr):
            found = {'passed': True} | check()
    # Any error of LeRobot is a result.
    except Exception as error:
        found = {
            'passed': False,
            'reason': ' '.join(f'{type(error).__name__}: {error}'.split())[:400],
        }
    return found | {'seconds': round(time.monotonic() - start, 1)}


def main() -> int:
    """Run the checks and print their results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'export', type=Path, nargs='?', help='an export of at least 4 episodes; default: made up'
    )
    parser.add_argument('--done', nargs='*', default=[], help='checks to leave out')
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    datasets.disable_progress_bars()
    scratch = Path(SCRATCH.name)
    checks: dict[str, Check] = {}
    with redirect_stdout(sys.stderr):
        exports = (
            {'': options.export}
            if options.export
            else {
                '': export(scratch / 'export'),
                # One or two episodes in each video: tools copy some files and encode others.
                ' (several files)': export(scratch / 'files', video_mb=0.1, data_mb=0.003),
            }
        )
        for name, folder in exports.items():
            place = scratch / f'tools{len(checks)}'
            place.mkdir()
            checks |= {
                f'{check}{name}': function
                for check, function in Tools(folder, place).checks().items()
            }
    for name, encoder in RECORDINGS.items():
        checks[f'recorded as {name}'] = lambda name=name, encoder=encoder: recorded_by_lerobot(
            scratch / f'recorded_{name}', encoder
        )
    found = {name: attempt(check) for name, check in checks.items() if name not in options.done}
    print(json.dumps(found))
    return 0


if __name__ == '__main__':
    sys.exit(main())
