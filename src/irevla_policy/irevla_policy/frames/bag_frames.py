# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From folders of recorded episodes to a store of frames, decoded once per set of episodes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
import hashlib
from itertools import groupby
import json
from operator import attrgetter
import os
from pathlib import Path
import shutil

from irevla_control.bags.index import distinct, find_episodes, reason_against
from irevla_control.bags.reader import read_episode
from irevla_control.bags.usage import say, usage
from irevla_control.episode import Episode, parts_of
from irevla_control.errors import ConfigError
from irevla_control.lerobot.entries import LeRobotEntry
from irevla_control.lerobot.reader import LeRobotReader, is_lerobot
from irevla_control.progress_bar import progress_bar
from irevla_policy.frames.frame_store import FrameStore, write_store

# Raise when the arrays' meaning changes: old caches are then decoded anew.
FORMAT = 3


@dataclass(frozen=True)
class Recorded:
    """A recorded episode that may be learned from, not decoded yet.

    Attributes:
        place: where it lies, to name it.
        success, aborted: how it ended.
        recorded_ns: when it was recorded [ns since 1970].
        identity: plain data that differs once the content does.
        read: decodes it with the cameras named; several parts if it has several instructions.
    """

    place: str
    success: bool
    aborted: bool
    recorded_ns: int
    identity: list
    read: Callable[[Sequence[str]], Iterable[Episode]]


@dataclass(frozen=True)
class Usable:
    """The episodes to learn from, and by name why others are not, or are no episodes."""

    episodes: list[Recorded]
    left_out: dict[str, str]
    others: dict[str, str]


def _recorded(roots: Sequence[Path], max_skew_s: float | None) -> Usable:
    """Return all episodes of folders of bags and LeRobot datasets, and what is none."""
    recorded: list[Recorded] = []
    places = distinct(roots)
    found = find_episodes([root for root in places if not is_lerobot(root)])
    for root in places:
        if is_lerobot(root):
            reader = LeRobotReader(root)
            for number, entries in groupby(reader.entries, attrgetter('number')):
                parts = list(entries)
                recorded.append(
                    Recorded(
                        f'{root} episode {number}',
                        parts[0].success,
                        False,
                        parts[0].recorded_ns,
                        [reader.digest, number],
                        partial(_parts_of_entry, reader, parts),
                    )
                )
        else:
            recorded += [
                Recorded(
                    str(folder),
                    entry.success,
                    entry.aborted,
                    entry.recorded_ns,
                    [entry.episode_id, entry.bytes, entry.crc32],
                    partial(_parts_of_bag, folder, max_skew_s),
                )
                for folder, entry in found.episodes.items()
                if folder.parent == root
            ]
    return Usable(recorded, found.lost, found.others)


def _parts_of_entry(
    reader: LeRobotReader, entries: Sequence[LeRobotEntry], cameras: Sequence[str]
) -> Iterator[Episode]:
    return (reader.read(entry, cameras) for entry in entries)


def _parts_of_bag(folder: Path, max_skew_s: float | None, cameras: Sequence[str]) -> list[Episode]:
    return parts_of(read_episode(folder, cameras, max_skew_s))


def usable_episodes(
    roots: Sequence[Path],
    include_failures: bool = False,
    newest: int | None = None,
    max_skew_s: float | None = None,
) -> Usable:
    """Return the episodes to learn from, out of folders of bags and LeRobot datasets.

    These are the successes (on request also the failures), never what was aborted; all of them,
    or so many of the newest.

    Raises:
        ConfigError: there are none.
        BagError: a root does not exist, or is a dataset that cannot be read.
    """
    found = _recorded(roots, max_skew_s)
    reasons = {
        episode.place: reason_against(episode.success, episode.aborted, include_failures)
        for episode in found.episodes
    }
    left_out = found.left_out | {place: why for place, why in reasons.items() if why}
    usable = [episode for episode in found.episodes if not reasons[episode.place]]
    if not usable:
        raise ConfigError(
            f'{", ".join(map(str, roots))}: {len(found.episodes)} recorded '
            'episodes, none of them usable (successful and not aborted); '
            f'{usage(0, left_out, found.others)}; record demonstrations first'
        )
    if newest is not None:
        usable = sorted(usable, key=lambda episode: episode.recorded_ns)
        left_out |= dict.fromkeys(
            (episode.place for episode in usable[:-newest]), f'older than the newest {newest}'
        )
        usable = usable[-newest:]
    return Usable(usable, left_out, found.others)


def _decoded(
    episodes: Iterable[Recorded], cameras: Sequence[str], left_out: dict[str, str]
) -> Iterator[Episode]:
    """Yield the episodes that have steps, and tell of the others why they have none."""
    for recorded in episodes:
        for episode in recorded.read(cameras):
            if len(episode.stamps):
                yield episode
            else:
                left_out[recorded.place] = f'without a step, {episode.unjoined or "it is empty"}'


def load_frames(
    roots: Sequence[Path],
    cameras: Sequence[str],
    image_size: int,
    include_failures: bool = False,
    cache: Path | None = None,
    newest: int | None = None,
    max_skew_s: float | None = None,
) -> FrameStore:
    """Return the frames of the usable episodes under the roots, see `usable_episodes`.

    An episode of which no step is complete is left out. What was used is said on stderr.

    The first call decodes them into ``cache`` (default: ``.frames`` in the first root), under a
    name made of the episodes, cameras and size; later calls open what is there. A cache of the
    same roots with an older list of episodes is removed.

    Raises:
        ConfigError: no usable episode, or nothing recorded in them.
        BagError: a damaged episode, or a camera that was not recorded.
    """
    usable = usable_episodes(roots, include_failures, newest, max_skew_s)
    store = _stored(
        usable,
        roots,
        cameras,
        image_size,
        cache,
        [include_failures, *([] if max_skew_s is None else [max_skew_s])],
    )
    recordings = store.recordings
    say(
        usage(
            len(recordings),
            usable.left_out | store.left_out,
            usable.others,
            several=sum(len(parts) > 1 for parts in recordings),
        )
    )
    return store


def _stored(
    usable: Usable,
    roots: Sequence[Path],
    cameras: Sequence[str],
    image_size: int,
    cache: Path | None,
    options: list,
) -> FrameStore:
    """Open the cache of these episodes, or decode them into it."""
    cache = Path(cache) if cache else Path(roots[0]) / '.frames'
    # Relative, so that the cache stays good when all folders move.
    places = [os.path.relpath(root, roots[0]) for root in roots]
    view = _digest([FORMAT, places, list(cameras), image_size, *options])
    episodes = _digest([episode.identity for episode in usable.episodes])
    folder = cache / f'{view}-{episodes}'
    try:
        return FrameStore.open(folder)
    except FileNotFoundError:
        # Not there, or removed this moment by a training on more episodes.
        pass
    # A training that still maps an old cache keeps its frames: they outlive their names.
    for stale in cache.glob(f'{view}-*'):
        shutil.rmtree(stale, ignore_errors=True)
    left_out: dict[str, str] = {}
    bar = progress_bar(usable.episodes, 'decoding', unit='episode')
    return write_store(folder, _decoded(bar, cameras, left_out), cameras, image_size, left_out)


def recordings_digest(roots: Sequence[Path]) -> str:
    """Return a hash of the episodes to learn from, wherever their folders lie.

    Raises:
        IrevlaError: as `usable_episodes`.

    """
    return _digest(sorted(episode.identity for episode in usable_episodes(roots).episodes))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
