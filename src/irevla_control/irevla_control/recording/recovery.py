# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Saving what a killed recorder left: every bag up to its last whole message.

``python -m irevla_control.recording.recovery ROOT`` does what a recorder does when it starts.
"""

import argparse
from collections.abc import Sequence
import fcntl
from pathlib import Path
import shutil
import sys
from typing import TextIO

from irevla_control.bags.index import EpisodeEntry, append_to_index, entry_from_bag, repair_index
from irevla_control.bags.message_types import decode, typestore
from irevla_control.bags.writer import BagWriter
from irevla_control.cdr import command_source, stamp_of
from irevla_control.episode import PHASE_ENDED
from irevla_control.errors import BadMessageError, BagError
from irevla_control.files import sync
from irevla_control.recording.episode_recording import (
    COMMAND_TYPE,
    EPISODE_TYPE,
    STAGING,
    commit,
    describe,
)
from irevla_control.recording.step_count import StepCount

EVENTS = '/episode'
# What tells how many steps are whole.
STEP_TOPICS = (EVENTS, '/command', '/robot_state', '/image_raw')


def lock_root(root: Path) -> TextIO:
    """Keep other recorders away from a root until the returned file is closed.

    Raises:
        BagError: another recorder has it, or it cannot be written.

    """
    try:
        (root / STAGING).mkdir(parents=True, exist_ok=True)
        file = (root / STAGING / 'lock').open('w')
    except OSError as error:
        raise BagError(f'{root} cannot be recorded to: {error.strerror}; give a folder that can '
                       'be written') from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BagError(f'{root} is in use by another recorder; stop it, or record to another '
                       'folder') from None
    return file


def recover_staged(root: Path) -> tuple[list[EpisodeEntry], list[str]]:
    """Commit every staged bag of a locked root, and mend the index.

    Returns what was recovered, and what could not be: each with reason and remedy.
    """
    entries, problems = [], []
    for folder in sorted(path for path in (root / STAGING).iterdir() if path.is_dir()):
        try:
            entry = _recover(root, folder)
        except (BagError, OSError) as error:
            problems.append(f'{folder} is not recovered: {error}')
            continue
        if entry is not None:
            entries.append(entry)
    return entries, problems + repair_index(root)


def _recover(root: Path, folder: Path) -> EpisodeEntry | None:
    """Commit one staged bag; None when it held no whole message, and is removed."""
    if (folder / 'metadata.yaml').exists():
        # Killed between the end of the bag and its renaming: nothing is missing.
        entry = entry_from_bag(folder)
        if (root / folder.name).exists():
            raise BagError(f'{root / folder.name} exists already; delete one of the two')
        folder.rename(root / folder.name)
        sync(root)
        append_to_index(root, entry)
        return entry
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
        writer = BagWriter.recover(folder, visit)
        if writer is None:
            shutil.rmtree(folder)
            return None
        about = writer.about
        steps, failed = StepCount.from_about(about), ''
        if last_event:
            store = typestore(((EPISODE_TYPE, writer.definition(EPISODE_TYPE)),))
            event = decode(store, EPISODE_TYPE, last_event)
            about = {**about, **describe(event)}
            ended = event.phase == PHASE_ENDED
        else:
            ended = False
    except BadMessageError as error:
        raise BagError(f'{error}; the bag is damaged, delete {folder}') from error
    if steps is not None:
        _count(steps, stamps, stamp_of(last_event) if ended else None)
        about = {**about, 'dropped': str(steps.dropped)}
        failed = steps.problem() if ended and about['aborted'] == 'false' else ''
    if failed or not ended:
        about = {**about, 'aborted': 'true'}
    return commit(root, writer, about, sorted(sources), {}, recovered=True, failed=failed)


def _count(steps: StepCount, stamps: Sequence[tuple[str, int]], end: int | None) -> None:
    """Count what is left of an episode, whose last event has the stamp ``end``, if it ended."""
    for topic, stamp in stamps:
        if topic.endswith(EVENTS):
            steps.event(stamp, ended=stamp == end)
        else:
            steps.add(topic, stamp)


def main(arguments: Sequence[str] | None = None) -> int:
    """Recover the staged bags of a root."""
    parser = argparse.ArgumentParser(
        prog='python -m irevla_control.recording.recovery',
        description='Commit what a killed recorder left, up to the last whole message.')
    parser.add_argument('root', type=Path, help='folder that episodes were recorded to')
    root = parser.parse_args(arguments).root
    try:
        if not root.is_dir():
            raise BagError(f'{root} is not a folder')
        with lock_root(root):
            entries, problems = recover_staged(root)
    except BagError as error:
        print(f'bag_recovery: {error}', file=sys.stderr)
        return 1
    for entry in entries:
        print(f'{entry.episode_id}: recovered, {entry.steps} steps, {entry.bytes / 1e6:.1f} MB')
    for problem in problems:
        print(f'bag_recovery: {problem}', file=sys.stderr)
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
