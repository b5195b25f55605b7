# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From folders of recorded episodes to a store of frames, decoded once per set of episodes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
import hashlib
import json
import os
from pathlib import Path
import shutil

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.episode import Episode
from irevla_control.errors import ConfigError
from irevla_control.lerobot.reader import LeRobotReader, is_lerobot
from irevla_control.progress_bar import progress_bar
from irevla_policy.frames.frame_store import FrameStore, write_store

# Raise when the arrays' meaning changes: old caches are then decoded anew.
FORMAT = 2


@dataclass(frozen=True)
class Recorded:
    """An episode that may be learned from, not decoded yet.

    Attributes:
        success, aborted: how it ended.
        recorded_ns: when it was recorded [ns since 1970].
        identity: plain data that differs once the content does.
        read: decodes it with the cameras named.
    """

    success: bool
    aborted: bool
    recorded_ns: int
    identity: list
    read: Callable[[Sequence[str]], Episode]


def _recorded(root: Path) -> list[Recorded]:
    """Return all episodes of a folder of bags, or of a LeRobot dataset."""
    if is_lerobot(root):
        reader = LeRobotReader(root)
        return [Recorded(entry.success, False, entry.recorded_ns, [reader.digest, entry.number],
                         partial(reader.read, entry)) for entry in reader.entries]
    return [Recorded(entry.success, entry.aborted, entry.recorded_ns,
                     [entry.episode_id, entry.bytes, entry.crc32],
                     partial(read_episode, root / entry.episode_id))
            for entry in list_episodes(root)]


def usable_episodes(roots: Sequence[Path],
                    include_failures: bool = False,
                    newest: int | None = None) -> list[Recorded]:
    """Return the episodes to learn from, out of folders of bags and LeRobot datasets.

    These are the successes (on request also the failures), never what was aborted; all of them,
    or so many of the newest.

    Raises:
        ConfigError: there are none.
        BagError: a root does not exist, or is a dataset that cannot be read.
    """
    recorded = [episode for root in dict.fromkeys(map(Path, roots)) for episode in _recorded(root)]
    usable = [episode for episode in recorded
              if not episode.aborted and (episode.success or include_failures)]
    if not usable:
        raise ConfigError(f'{", ".join(map(str, roots))}: {len(recorded)} recorded episodes, none '
                          'of them usable (successful and not aborted); record demonstrations '
                          'first')
    if newest is not None:
        usable = sorted(usable, key=lambda episode: episode.recorded_ns)[-newest:]
    return usable


def load_frames(roots: Sequence[Path], cameras: Sequence[str], image_size: int,
                include_failures: bool = False, cache: Path | None = None,
                newest: int | None = None) -> FrameStore:
    """Return the frames of the usable episodes under the roots, see `usable_episodes`.

    The first call decodes them into ``cache`` (default: ``.frames`` in the first root), under a
    name made of the episodes, cameras and size; later calls open what is there. A cache of the
    same roots with an older list of episodes is removed.

    Raises:
        ConfigError: no usable episode, or nothing recorded in them.
        BagError: a damaged episode, or a camera that was not recorded.
    """
    usable = usable_episodes(roots, include_failures, newest)
    cache = Path(cache) if cache else Path(roots[0]) / '.frames'
    # Relative, so that the cache stays good when all folders move.
    places = [os.path.relpath(root, roots[0]) for root in roots]
    view = _digest([FORMAT, places, list(cameras), image_size, include_failures])
    episodes = _digest([episode.identity for episode in usable])
    folder = cache / f'{view}-{episodes}'
    try:
        return FrameStore.open(folder)
    except FileNotFoundError:
        # Not there, or removed this moment by a training on more episodes.
        pass
    # A training that still maps an old cache keeps its frames: they outlive their names.
    for stale in cache.glob(f'{view}-*'):
        shutil.rmtree(stale, ignore_errors=True)
    decoded = (episode.read(cameras) for episode in usable)
    return write_store(folder, progress_bar(decoded, 'decoding', len(usable), unit='episode'),
                       cameras, image_size)


def recordings_digest(roots: Sequence[Path]) -> str:
    """Return a hash of the episodes to learn from, wherever their folders lie.

    Raises:
        IrevlaError: as `usable_episodes`.

    """
    return _digest(sorted(episode.identity for episode in usable_episodes(roots)))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
