# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From a folder of recorded episodes to a store of frames, decoded once per set of episodes."""

from collections.abc import Sequence
import hashlib
import json
from pathlib import Path
import shutil

from tqdm import tqdm

from irevla_control.bag_reader import EpisodeEntry, list_episodes, read_episode
from irevla_control.errors import ConfigError
from irevla_policy.frame_store import FrameStore, write_store

# Raise when the arrays' meaning changes: old caches are then decoded anew.
FORMAT = 1


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def usable_episodes(root: Path, include_failures: bool = False) -> list[EpisodeEntry]:
    """Return the episodes to learn from: successes (all on request), never aborted ones.

    Raises:
        ConfigError: there are none.
        BagError: ``root`` does not exist.
    """
    entries = list_episodes(root)
    usable = [entry for entry in entries
              if not entry.aborted and (entry.success or include_failures)]
    if not usable:
        raise ConfigError(f'{root} holds {len(entries)} recorded episodes, none of them usable '
                          '(successful and not aborted); record demonstrations first')
    return sorted(usable, key=lambda entry: entry.episode_id)


def load_frames(root: Path, cameras: Sequence[str], image_size: int,
                include_failures: bool = False, cache: Path | None = None) -> FrameStore:
    """Return the frames of all usable episodes under ``root``.

    The first call decodes the bags into ``cache`` (default: ``root/.frames``), under a name made
    of the episodes, cameras and size; later calls open what is there. A cache for an older list
    of episodes is removed.

    Raises:
        ConfigError: no usable episode, or nothing recorded in them.
        BagError: a damaged episode, or a camera that was not recorded.
    """
    root = Path(root)
    cache = Path(cache) if cache else root / '.frames'
    entries = usable_episodes(root, include_failures)
    view = _digest([FORMAT, list(cameras), image_size, include_failures])
    episodes = _digest([[entry.episode_id, entry.bytes, entry.crc32] for entry in entries])
    folder = cache / f'{view}-{episodes}'
    if (folder / 'episodes.json').exists():
        return FrameStore.open(folder)
    for stale in cache.glob(f'{view}-*'):
        shutil.rmtree(stale, ignore_errors=True)
    decoded = (read_episode(root / entry.episode_id, cameras) for entry in entries)
    return write_store(folder, tqdm(decoded, 'decoding', len(entries), unit='episode',
                                    mininterval=1), cameras, image_size)
