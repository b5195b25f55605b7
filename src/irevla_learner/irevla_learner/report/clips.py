# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Clips of recorded episodes, for videos and reports."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from irevla_control.bags.index import entry_from_bag
from irevla_control.bags.reader import read_episode
from irevla_control.errors import BagError
from irevla_learner.report.video import Clip
from irevla_learner.runs.evaluation import EpisodeResult


def in_turns(results: Iterable[EpisodeResult]) -> list[EpisodeResult]:
    """Return the first episode of every task, then the second of every task, and so on.

    The order does not depend on outcomes; aborted episodes are left out.
    """
    seen: dict[str, int] = {}
    turns = []
    for result in sorted(results, key=lambda result: (result.task, result.seed)):
        if not result.aborted:
            turn = seen[result.task] = seen.get(result.task, 0) + 1
            turns.append((turn, result.task, result))
    return [result for *_, result in sorted(turns, key=lambda turn: turn[:2])]


def clips(
    results: Sequence[EpisodeResult], folder: Path, problems: list[str]
) -> Iterator[tuple[EpisodeResult, Clip]]:
    """Yield each result with the clip of its bag, which may be anywhere below the folder.

    Results without a readable bag are left out, with the reason in `problems`.
    """
    bags = _bags(folder)
    for result in results:
        if result.episode_id not in bags:
            problems.append(f'episode {result.episode_id} ({result.task}) has no bag in {folder}')
            continue
        try:
            clip = _clip(bags[result.episode_id])
        except BagError as error:
            problems.append(str(error))
            continue
        yield result, clip


def _bags(folder: Path) -> dict[str, Path]:
    """Return all bags below a folder, by their episode."""
    found: dict[str, Path] = {}
    for bag in sorted(
        {file.parent for file in folder.rglob('*.mcap') if not file.name.startswith('.')}
    ):
        try:
            found.setdefault(entry_from_bag(bag).episode_id, bag)
        except BagError:
            # Reading its clip reports the error.
            found.setdefault(bag.name, bag)
    return found


def _clip(bag: Path) -> Clip:
    cameras = entry_from_bag(bag).cameras
    if not cameras:
        raise BagError(f'{bag} has no camera/<name>/image_raw; record the cameras to see them')
    episode = read_episode(bag, cameras)
    if not len(episode.stamps):
        raise BagError(f'{bag}: {episode.unjoined}')
    return Clip(episode.instruction, episode.images, episode.success)
