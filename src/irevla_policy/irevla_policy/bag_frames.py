# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From folders of recorded episodes to a store of frames, decoded once per set of episodes."""

from collections.abc import Sequence
import hashlib
import json
import os
from pathlib import Path
import shutil

from irevla_control.bag_reader import EpisodeEntry, list_episodes, read_episode
from irevla_control.errors import ConfigError
from irevla_control.progress_bar import progress_bar
from irevla_policy.frame_store import FrameStore, write_store

# Raise when the arrays' meaning changes: old caches are then decoded anew.
FORMAT = 2


def usable_episodes(roots: Sequence[Path],
                    include_failures: bool = False,
                    newest: int | None = None) -> dict[Path, EpisodeEntry]:
    """Return folder and entry of each episode to learn from.

    These are the successes (on request also the failures), never what was aborted; all of them,
    or so many of the newest.

    Raises:
        ConfigError: there are none.
        BagError: a root does not exist.
    """
    entries = {Path(root) / entry.episode_id: entry
               for root in roots for entry in list_episodes(root)}
    usable = {folder: entry for folder, entry in entries.items()
              if not entry.aborted and (entry.success or include_failures)}
    if not usable:
        raise ConfigError(f'{", ".join(map(str, roots))}: {len(entries)} recorded episodes, none '
                          'of them usable (successful and not aborted); record demonstrations '
                          'first')
    if newest is not None:
        by_age = sorted(usable, key=lambda folder: usable[folder].recorded_ns)
        usable = {folder: usable[folder] for folder in by_age[-newest:]}
    return usable


def load_frames(roots: Sequence[Path], cameras: Sequence[str], image_size: int,
                include_failures: bool = False, cache: Path | None = None,
                newest: int | None = None) -> FrameStore:
    """Return the frames of the usable episodes under the roots, see `usable_episodes`.

    The first call decodes the bags into ``cache`` (default: ``.frames`` in the first root), under
    a name made of the episodes, cameras and size; later calls open what is there. A cache of the
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
    episodes = _digest([[entry.episode_id, entry.bytes, entry.crc32]
                        for entry in usable.values()])
    folder = cache / f'{view}-{episodes}'
    try:
        return FrameStore.open(folder)
    except FileNotFoundError:
        # Not there, or removed this moment by a training on more episodes.
        pass
    # A training that still maps an old cache keeps its frames: they outlive their names.
    for stale in cache.glob(f'{view}-*'):
        shutil.rmtree(stale, ignore_errors=True)
    decoded = (read_episode(folder, cameras) for folder in usable)
    return write_store(folder, progress_bar(decoded, 'decoding', len(usable), unit='episode'),
                       cameras, image_size)


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
