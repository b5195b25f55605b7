# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports recorded episodes to a LeRobotDataset v3.0, for training with other tools.

``python -m irevla_control.lerobot.export --bags ROOT... --output FOLDER``
"""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
import shutil
import sys
from typing import Any

import numpy as np

from irevla_control.bags.bag import Bag
from irevla_control.bags.index import find_episodes, reason_against
from irevla_control.bags.joining import add_max_skew_s
from irevla_control.bags.reader import read_episode
from irevla_control.bags.usage import say, usage
from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.files import InUseError, Lock, replace_synced
from irevla_control.lerobot.writer import LeRobotWriter, Limits
from irevla_control.progress_bar import progress_bar

# Number of episodes whose stamps determine the frames per second.
_TELLING = 5


def export(
    roots: Sequence[Path],
    output: Path,
    cameras: Sequence[str] | None = None,
    fps: int | None = None,
    crf: int | None = None,
    failures: bool = True,
    limits: Limits | None = None,
    max_skew_s: float | None = None,
) -> dict[str, Any]:
    """Write the episodes in the roots as a dataset, completely or not at all.

    Aborted episodes and episodes without a step are left out. LeRobot assumes evenly spaced
    frames: its timestamp is frame / fps; ros_stamp_ns has the stamps of the observations.

    Args:
        roots: folders of recorded episodes.
        output: folder of the dataset, which must not exist.
        cameras: names of cameras; None: all cameras of the first episode.
        fps: frames per second; None: from the stamps of the first episodes.
        crf: quality of lossy video, 1 (good) to 51; None: lossless.
        failures: whether to export failed episodes too.
        limits: sizes of the files; None: LeRobot's.
        max_skew_s: see `read_episode`; None: the value in the bags.

    Returns:
        The content of meta/info.json; `dropped_steps`: number of steps left out because they have
        no complete observation of these cameras; `usage`: text about the episodes used.

    Raises:
        ConfigError: the folder exists or is being written, there is nothing to export, or a
            setting is out of range.
        BagError: an episode is damaged, a camera was not recorded, or image sizes differ.

    """
    if crf is not None and not 1 <= crf <= 51:
        raise ConfigError(f'crf {crf}; 1 (large, good) to 51 is needed, or none for lossless')
    if fps is not None and fps < 1:
        raise ConfigError(f'{fps} frames per second; at least 1 is needed')
    recorded = find_episodes(roots)
    reasons = {
        folder: reason_against(entry.success, entry.aborted, failures)
        for folder, entry in recorded.episodes.items()
    }
    left_out = recorded.lost | {str(folder): why for folder, why in reasons.items() if why}
    chosen = {folder: entry for folder, entry in recorded.episodes.items() if not reasons[folder]}
    if not chosen:
        raise ConfigError(
            f'{", ".join(map(str, roots))}: {len(recorded.episodes)} recorded '
            'episodes, none of them to export; '
            f'{usage(0, left_out, recorded.others)}; record episodes first'
        )
    cameras = cameras or next(iter(chosen.values())).cameras
    if not cameras:
        raise ConfigError(
            f'{next(iter(chosen))} contains no camera/<name>/image_raw; LeRobot '
            'datasets without images are not supported'
        )
    fps = fps or _frames_per_second(islice(chosen, _TELLING))
    with _staged(Path(output)) as folder:
        writer, dropped = LeRobotWriter(folder, fps, crf, limits), 0
        exported, several = 0, 0
        for bag, entry in progress_bar(chosen.items(), 'exporting', unit='episode'):
            episode = read_episode(bag, cameras, max_skew_s)
            dropped += episode.dropped
            if len(episode.stamps):
                writer.add(episode, entry.recorded_ns)
                exported += 1
                several += bool(episode.instructions)
            else:
                left_out[str(bag)] = f'without a step, {episode.unjoined}'
        used = usage(exported, left_out, recorded.others, several=several)
        if not exported:
            raise ConfigError(f'nothing to export: {used}')
        return {**writer.finish(), 'dropped_steps': dropped, 'usage': used}


def _frames_per_second(bags: Iterable[Path]) -> int:
    spacings = np.concatenate(
        [np.diff(sorted(Bag(bag, ['command']).stamps('command'))) for bag in bags]
    )
    if not len(spacings):
        raise ConfigError(
            'no two steps in the first episodes tell the frames per second; give it with --fps'
        )
    return max(1, round(1e9 / np.median(spacings)))


@contextmanager
def _staged(output: Path) -> Iterator[Path]:
    """Yield an empty folder; sync it and rename it to ``output`` after the block."""
    if output.exists():
        raise ConfigError(f'{output} exists already; name another folder, or delete it first')
    folder = output.with_name(f'{output.name}.partial')
    folder.mkdir(parents=True, exist_ok=True)
    try:
        lock = Lock(folder, is_folder=True)
    except InUseError:
        raise ConfigError(
            f'{output} is being written by another export; wait for it, or name another folder'
        ) from None
    with lock:
        try:
            # Files of a killed export.
            for left in folder.iterdir():
                shutil.rmtree(left)
            yield folder
            replace_synced(folder, output)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def main(
    arguments: Sequence[str] | None = None, prog: str = 'python -m irevla_control.lerobot.export'
) -> int:
    """Export with the arguments of the command line."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description='Write recorded episodes as a LeRobotDataset v3.0. Aborted ones are left out.',
    )
    parser.add_argument(
        '--bags',
        type=Path,
        nargs='+',
        required=True,
        metavar='ROOT',
        help='folders that episodes were recorded to',
    )
    parser.add_argument(
        '--output', type=Path, required=True, metavar='FOLDER', help='the dataset; must not exist'
    )
    parser.add_argument('--cameras', metavar='NAME,NAME', help='default: all of the first episode')
    parser.add_argument(
        '--fps',
        type=int,
        metavar='N',
        help='frames per second; default: as the first episodes were recorded, '
        'which in a simulator is as fast as it ran',
    )
    parser.add_argument(
        '--crf',
        type=int,
        metavar='N',
        help='smaller lossy video, 1 (large, good) to 51; default: lossless',
    )
    add_max_skew_s(parser)
    parser.add_argument('--successes-only', action='store_true', help='leave failures out')
    options = parser.parse_args(arguments)
    try:
        info = export(
            options.bags,
            options.output,
            options.cameras.split(',') if options.cameras else None,
            options.fps,
            options.crf,
            not options.successes_only,
            max_skew_s=options.max_skew_s,
        )
    except (IrevlaError, OSError) as error:
        print(f'lerobot_export: {error}', file=sys.stderr)
        return 1
    dropped = info['dropped_steps']
    print(
        f'{options.output}: {info["total_episodes"]} episodes, {info["total_frames"]} frames at '
        f'{info["fps"]} Hz, {info["total_tasks"]} tasks'
        + (f'; {dropped} steps without a complete observation are left out' if dropped else '')
    )
    say(info['usage'])
    return 0


if __name__ == '__main__':
    sys.exit(main())
