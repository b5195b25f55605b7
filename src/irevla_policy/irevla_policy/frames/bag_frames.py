# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Decodes folders of recorded episodes into a store of frames, once per set of episodes."""

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

# Version of the arrays' meaning; caches of other versions are decoded again.
FORMAT = 3


@dataclass(frozen=True)
class Recorded:
    """A recorded episode that is not decoded yet.

    Attributes:
        place: its folder, or data set and number, for messages.
        success, aborted: its outcome.
        recorded_ns: time of the recording [ns since 1970].
        identity: plain data that changes with the content.
        tasks: names of its tasks; a bag has one, even with several instructions.
        steps: number of commands.
        read: decodes the episode, given the cameras and whether to include the observation after
            the last step; returns a part for each instruction.
    """

    place: str
    success: bool
    aborted: bool
    recorded_ns: int
    identity: list
    tasks: tuple[str, ...]
    steps: int
    read: Callable[[Sequence[str], bool], Iterable[Episode]]


@dataclass(frozen=True)
class Usable:
    """Usable episodes, reasons against other episodes, and reasons why items are no episodes."""

    episodes: list[Recorded]
    left_out: dict[str, str]
    others: dict[str, str]


def _recorded(roots: Sequence[Path], max_skew_s: float | None) -> Usable:
    """Return all episodes in folders of bags and LeRobot datasets, and the other items there."""
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
                        tuple(dict.fromkeys(entry.task for entry in parts)),
                        sum(entry.steps for entry in parts),
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
                    (entry.task,),
                    entry.steps,
                    partial(_parts_of_bag, folder, max_skew_s),
                )
                for folder, entry in found.episodes.items()
                if folder.parent == root
            ]
    return Usable(recorded, found.lost, found.others)


def _parts_of_entry(
    reader: LeRobotReader,
    entries: Sequence[LeRobotEntry],
    cameras: Sequence[str],
    _final: bool,
) -> Iterator[Episode]:
    # A dataset has no observation after the last step.
    return (reader.read(entry, cameras) for entry in entries)


def _parts_of_bag(
    folder: Path, max_skew_s: float | None, cameras: Sequence[str], final: bool
) -> list[Episode]:
    return parts_of(read_episode(folder, cameras, max_skew_s, final))


def usable_episodes(
    roots: Sequence[Path],
    include_failures: bool = False,
    newest: int | None = None,
    max_skew_s: float | None = None,
) -> Usable:
    """Return the usable episodes in folders of bags and LeRobot datasets.

    Successes are usable, failures only with ``include_failures``, aborted episodes never. With
    ``newest``, only this number of the newest is returned.

    Raises:
        ConfigError: no episode is usable.
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
    """Yield the episodes that have steps; add the reasons of the others to ``left_out``."""
    for recorded in episodes:
        for episode in recorded.read(cameras, False):
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

    An episode without a complete step is left out. A line on stderr reports the episodes used.

    The first call decodes the episodes into ``cache`` (default: ``.frames`` in the first root),
    under a name that depends on episodes, cameras and size; later calls open that cache. A cache
    of the same roots with another list of episodes is removed.

    Raises:
        ConfigError: no usable episode, or no frame in the usable episodes.
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
    # Relative, so that the cache remains valid if all folders are moved together.
    places = [os.path.relpath(root, roots[0]) for root in roots]
    view = _digest([FORMAT, places, list(cameras), image_size, *options])
    episodes = _digest([episode.identity for episode in usable.episodes])
    folder = cache / f'{view}-{episodes}'
    try:
        return FrameStore.open(folder)
    except FileNotFoundError:
        # It does not exist, or a training on other episodes is removing it.
        pass
    # A training that still maps an old cache keeps access to the removed files.
    for stale in cache.glob(f'{view}-*'):
        shutil.rmtree(stale, ignore_errors=True)
    left_out: dict[str, str] = {}
    bar = progress_bar(usable.episodes, 'decoding', unit='episode')
    return write_store(folder, _decoded(bar, cameras, left_out), cameras, image_size, left_out)


def recordings_digest(roots: Sequence[Path]) -> str:
    """Return a hash of the usable episodes, independent of their folders' paths.

    Raises:
        IrevlaError: as `usable_episodes`.

    """
    return _digest(sorted(episode.identity for episode in usable_episodes(roots).episodes))


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
