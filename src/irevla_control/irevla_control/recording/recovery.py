# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recovers the bags of a killed recorder, each up to its last complete message.

A recorder recovers staged bags when it starts. ``python -m irevla_control.recording.recovery
FOLDER`` also recovers committed bags without an end, of a root or of one episode.
"""

import argparse
from collections.abc import Iterable, Sequence
import json
from pathlib import Path
import sys
from typing import NamedTuple

from rosbags.typesys import TypesysError

from irevla_control.bags.bag_folder import data_beside, mcap_files, side_file
from irevla_control.bags.identity import EpisodeEntry, describe, entry_from_bag, verdict
from irevla_control.bags.index import (
    append_to_index,
    episode_folders,
    repair_index,
    unreadable,
)
from irevla_control.bags.joining import STEP_TOPICS, StepCount
from irevla_control.bags.layout import METADATA
from irevla_control.bags.message_types import decode, typestore
from irevla_control.cdr import command_source, stamp_of
from irevla_control.episode import PHASE_ENDED
from irevla_control.errors import BadMessageError, BagError
from irevla_control.files import InUseError, Lock, replace_synced
from irevla_control.recording.episode_recording import (
    COMMAND_TYPE,
    EPISODE_TYPE,
    STAGING,
    custom_data,
)
from irevla_control.recording.in_use import check_unused
from irevla_control.recording.torn_bag import (
    TornBag,
    begun,
    check_sums,
    has_end,
    is_begun,
    lacks_metadata,
    only_file,
    restore_metadata,
    settle,
    settled,
)

EVENTS = '/episode'
# Metadata that an entry of the index needs.
_DESCRIBED = frozenset(
    (
        'episode_id',
        'task',
        'instruction',
        'seed',
        'steps',
        'success',
        'aborted',
        'terminated',
        'truncated',
    )
)


def lock_root(root: Path) -> Lock:
    """Lock a root against other recorders until the returned lock is closed.

    Raises:
        BagError: another recorder has locked it, or it cannot be written.

    """
    try:
        (root / STAGING).mkdir(parents=True, exist_ok=True)
        return Lock(root / STAGING / 'lock')
    except InUseError as error:
        raise BagError(
            f'{root} is in use by another recorder, process '
            f'{error.holder or "(unknown)"}; stop it, or record to another folder'
        ) from None
    except OSError as error:
        raise BagError(
            f'{root} cannot be recorded to: {error.strerror}; give a folder that can be written'
        ) from error


class Recovered(NamedTuple):
    """Result of a recovery.

    Attributes:
        entries: entries of the recovered bags.
        problems: reason and remedy for each bag that was not recovered; it is not changed.
        removed: folders of bags without a message.

    """

    entries: list[EpisodeEntry]
    problems: list[str]
    removed: list[Path]


def recover_staged(root: Path) -> Recovered:
    """Commit all staged bags of a locked root, finish killed recoveries, and repair the index."""
    staged = sorted(path for path in (root / STAGING).iterdir() if path.is_dir())
    done = recover_folders(root, [*staged, *begun(root)])
    return done._replace(problems=done.problems + repair_index(root))


def recover_folders(root: Path, folders: Iterable[Path]) -> Recovered:
    """Recover these bags of a locked root, staged or committed; complete ones are only moved."""
    done = Recovered([], [], [])
    for folder in folders:
        try:
            entry = _recover(root, folder)
        except (BagError, OSError) as error:
            done.problems.append(f'{folder} is not recovered: {error}')
            continue
        if entry is None:
            done.removed.append(folder)
        else:
            done.entries.append(entry)
    return done


def _recover(root: Path, folder: Path) -> EpisodeEntry | None:
    """Complete a bag and commit it; None if it had no message."""
    target = root / folder.name
    if folder != target and target.exists():
        raise BagError(f'{target} exists already; move one of the two recordings away')
    if not any(folder.iterdir()):
        folder.rmdir()
        return None
    settle(folder)
    staged = folder != target
    if not has_end(folder) or (staged and not (folder / METADATA).exists()):
        if not staged:
            # Not needed for staged bags, whose writer would have the lock.
            check_unused(only_file(folder))
        if not _rebuild(folder):
            return None
    elif lacks_metadata(folder):
        restore_metadata(folder)
    entry = entry_from_bag(folder)
    if staged:
        replace_synced(folder, target)
    append_to_index(root, entry)
    settled(target)
    return entry


def _rebuild(folder: Path) -> bool:
    """Replace a torn bag by its complete messages; return whether there were any."""
    last_event, sources = b'', set()
    stamps: list[tuple[str, int]] = []

    def visit(topic: str, type_name: str, data: memoryview) -> None:
        nonlocal last_event
        if topic.endswith(STEP_TOPICS):
            stamps.append((topic, stamp_of(data)))
        if type_name == EPISODE_TYPE:
            last_event = bytes(data)
        elif type_name == COMMAND_TYPE and topic.endswith('/command'):
            sources.add(command_source(data))

    try:
        bag = TornBag(folder, visit)
        if not bag.messages:
            bag.remove()
            return False
        about = bag.about | data_beside(side_file(folder))
        lost, failed = json.loads(about.get('lost', '{}')), about.get('failed', '')
        steps, ended = StepCount.from_about(about), False
        if last_event:
            store = typestore(((EPISODE_TYPE, bag.definition(EPISODE_TYPE)),))
            event = decode(store, EPISODE_TYPE, last_event)
            about |= describe(event)
            ended = event.phase == PHASE_ENDED
    except (BadMessageError, TypesysError, ValueError, KeyError, TypeError) as error:
        raise BagError(
            f'what it contains is no episode of this suite ({error}); it stays as it is, '
            f'move {folder} away'
        ) from error
    missing = sorted(_DESCRIBED - about.keys())
    if missing:
        raise BagError(
            f'it has no message on {EVENTS} and no {", ".join(missing)} in its '
            f'metadata; it stays as it is, move {folder} away'
        )
    if steps is not None:
        _count(steps, stamps, stamp_of(last_event) if ended else None)
    if not ended:
        about |= {'aborted': 'true'}
    about |= verdict(about, steps, failed)
    bag.make_whole(custom_data(about, sources, lost, bag.max_gap_s, True, about['failed']))
    return True


def _count(steps: StepCount, stamps: Sequence[tuple[str, int]], end: int | None) -> None:
    """Count the steps of a torn bag; ``end`` is the stamp of the last event if it ended."""
    for topic, stamp in stamps:
        if topic.endswith(EVENTS):
            steps.event(stamp, ended=stamp == end)
        else:
            steps.add(topic, stamp)


def main(
    arguments: Sequence[str] | None = None,
    prog: str = 'python -m irevla_control.recording.recovery',
) -> int:
    """Recover the torn bags of a root, or one bag."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description='Make bags whole that a killed recorder or a torn copy left, up to the last '
        'whole message. Nothing is lost: a bag that is not understood stays as it is.',
    )
    parser.add_argument(
        'folder', type=Path, help='folder that episodes were recorded to, or that of one episode'
    )
    folder = parser.parse_args(arguments).folder.absolute()
    try:
        if not folder.is_dir():
            raise BagError(f'{folder} is not a folder')
        done = _recover_given(folder)
    except (BagError, OSError) as error:
        print(f'bag_recovery: {error}', file=sys.stderr)
        return 1
    for entry in done.entries:
        print(f'{entry.episode_id}: recovered, {entry.steps} steps, {entry.bytes / 1e6:.1f} MB')
    for removed in done.removed:
        print(f'{removed}: removed, it held nothing but the header of a file')
    for problem in done.problems:
        print(f'bag_recovery: {problem}', file=sys.stderr)
    if not any(done):
        print(f'{folder}: nothing to recover')
    return 1 if done.problems else 0


def _recover_given(folder: Path) -> Recovered:
    """Recover the torn bags of a root, or one bag.

    Nothing is written if there is nothing to recover.
    """
    staged = folder.parent.name == STAGING
    if not (staged or mcap_files(folder) or (folder / METADATA).exists() or is_begun(folder)):
        torn = [each for each in episode_folders(folder) if _is_torn(each)]
        if not torn and not (folder / STAGING).is_dir():
            return Recovered([], unreadable(folder), [])
        with lock_root(folder):
            here, staged_bags = recover_folders(folder, torn), recover_staged(folder)
            return Recovered(
                here.entries + staged_bags.entries,
                here.problems + staged_bags.problems,
                here.removed + staged_bags.removed,
            )
    root = folder.parent.parent if staged else folder.parent
    if staged or _is_torn(folder):
        with lock_root(root):
            return recover_folders(root, [folder])
    check_sums(folder)
    return Recovered([], [], [])


def _is_torn(folder: Path) -> bool:
    """Return whether a committed bag is incomplete in a way that recovery repairs."""
    try:
        return is_begun(folder) or not has_end(folder) or lacks_metadata(folder)
    except BagError:
        return False


if __name__ == '__main__':
    sys.exit(main())
