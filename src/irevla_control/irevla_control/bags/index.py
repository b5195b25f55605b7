# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The list of recorded episodes: index.jsonl has a JSON line for each, read from its bag.

``python -m irevla_control.bags.index ROOT`` lists the episodes; ``--rebuild`` first writes the
index again from the bags.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import sys

from irevla_control.bags.bag_folder import mcap_files
from irevla_control.bags.identity import EpisodeEntry, checksum, entry_from_bag, entry_from_json
from irevla_control.bags.mcap_file import read_checksum
from irevla_control.bags.usage import usage
from irevla_control.errors import BagError, LostEpisodeError, NoEpisodeError
from irevla_control.files import write_synced

INDEX = 'index.jsonl'


@dataclass(frozen=True)
class Recordings:
    """Episodes and other items in some roots.

    Attributes:
        episodes: entries by folder, in order of recording, each episode once.
        lost: reason for each episode that cannot be read or is in the index only, by folder.
        others: reason for each folder or file without an episode or with a copy of one.

    """

    episodes: dict[Path, EpisodeEntry]
    lost: dict[str, str]
    others: dict[str, str]


def episode_folders(root: Path) -> list[Path]:
    """Return the folders in a root that may contain an episode, sorted by name."""
    return sorted(
        path for path in root.iterdir() if path.is_dir() and not path.name.startswith('.')
    )


def read_index(root: Path) -> dict[str, EpisodeEntry]:
    """Return the entries of the index, by folder; lines that are not valid are ignored."""
    try:
        lines = (root / INDEX).read_bytes().splitlines()
    except OSError:
        return {}
    entries = {}
    for line in lines:
        try:
            entry = entry_from_json(line.decode())
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        entries[entry.folder] = entry
    return entries


def reason_against(success: bool, aborted: bool, failures: bool) -> str:
    """Return why an episode is not usable, or ''; ``failures``: whether failures are usable."""
    return 'aborted' if aborted else '' if success or failures else 'failed'


def distinct(roots: Sequence[Path]) -> list[Path]:
    """Return each folder once, under its first path."""
    found: dict[Path, Path] = {}
    for root in map(Path, roots):
        found.setdefault(root.resolve(), root)
    return list(found.values())


def find_episodes(roots: Sequence[Path]) -> Recordings:
    """Return all episodes in the roots; an episode with copies counts once.

    Episodes that are not in the index are read from their bags; nothing is written.

    Raises:
        BagError: a root does not exist, or contains a damaged or incomplete bag.

    """
    found: dict[Path, EpisodeEntry] = {}
    lost: dict[str, str] = {}
    others: dict[str, str] = {}
    gone: dict[Path, EpisodeEntry] = {}
    for root in distinct(roots):
        index = read_index(root)
        survey = _survey(root, index)
        found |= survey.episodes
        lost |= survey.lost
        others |= survey.others
        gone |= {root / name: entry for name, entry in index.items() if not (root / name).exists()}
    # Of copies, the folder with the episode's name is the original.
    first: dict[str, Path] = {}
    for folder, entry in sorted(
        found.items(), key=lambda each: (each[1].folder != each[1].episode_id, each[0])
    ):
        original = first.setdefault(entry.episode_id, folder)
        if original != folder:
            others[str(folder)] = f'the same episode as {original}'
            del found[folder]
    lost |= {
        str(folder): f'listed in {INDEX}, but gone'
        for folder, entry in gone.items()
        if entry.episode_id not in first
    }
    episodes = sorted(found.items(), key=lambda each: _recorded(each[1]))
    return Recordings(dict(episodes), lost, others)


def list_episodes(root: Path) -> list[EpisodeEntry]:
    """Return the episodes in a root in order of recording, see `find_episodes`."""
    return list(find_episodes([Path(root)]).episodes.values())


def rebuild_index(root: Path) -> list[EpisodeEntry]:
    """Write the index again from the bags alone, and return it.

    Raises:
        BagError: as `find_episodes`, or the index cannot be written; it is then not changed.

    """
    entries = sorted(_survey(Path(root), {}).episodes.values(), key=_recorded)
    _write_index(Path(root), entries)
    return entries


def _survey(root: Path, known: dict[str, EpisodeEntry]) -> Recordings:
    """Return episodes and other items of a root's folders, including copies."""
    if not root.is_dir():
        raise BagError(f'{root} is not a folder; give the root that episodes were recorded to')
    found: dict[Path, EpisodeEntry] = {}
    lost: dict[str, str] = {}
    others = {
        str(file): 'no folder of an episode; give the folder above it as a root'
        for file in mcap_files(root)
    }
    for folder, entry in _read_folders(root, known):
        if isinstance(entry, EpisodeEntry):
            found[folder] = entry
        elif isinstance(entry, NoEpisodeError):
            kind = lost if isinstance(entry, LostEpisodeError) else others
            kind[str(folder)] = str(entry).removeprefix(f'{folder} ')
        else:
            raise entry
    return Recordings(found, lost, others)


def _read_folders(
    root: Path, known: dict[str, EpisodeEntry]
) -> Iterator[tuple[Path, EpisodeEntry | BagError]]:
    """Yield each folder with its entry or its error; bags that are in ``known`` are not read."""
    for folder in episode_folders(root):
        try:
            yield folder, _known(folder, known) or entry_from_bag(folder)
        except BagError as error:
            yield folder, error


def _known(folder: Path, known: dict[str, EpisodeEntry]) -> EpisodeEntry | None:
    """Return the folder's entry in the index if size and checksum still match, else None."""
    entry = known.get(folder.name)
    if entry is None:
        return None
    try:
        files = mcap_files(folder)
        # The checksum is needed, because bags of equally long episodes often have equal sizes.
        same = (
            entry.crc32
            and entry.bytes == sum(file.stat().st_size for file in files)
            and entry.crc32 == checksum(map(read_checksum, files))
        )
    except (OSError, ValueError):
        # The reader of the bag reports the problem.
        return None
    return entry if same else None


def repair_index(root: Path) -> list[str]:
    """Update the index from the folders; return the problems of bags and index.

    Only bags that are not in the index are read.
    """
    entries, problems = _readable(root)
    try:
        _write_index(root, entries)
    except BagError as error:
        problems.append(str(error))
    return problems


def unreadable(root: Path) -> list[str]:
    """Return the problems of the bags in a root; nothing is written."""
    return _readable(root)[1]


def _readable(root: Path) -> tuple[list[EpisodeEntry], list[str]]:
    read = [found for _, found in _read_folders(root, read_index(root))]
    # Folders without an episode are no problem.
    problems = [
        str(found)
        for found in read
        if isinstance(found, BagError) and not isinstance(found, NoEpisodeError)
    ]
    return sorted(
        (found for found in read if isinstance(found, EpisodeEntry)), key=_recorded
    ), problems


def _write_index(root: Path, entries: list[EpisodeEntry]) -> None:
    try:
        write_synced(root / INDEX, ''.join(f'{_line(entry)}\n' for entry in entries))
    except OSError as error:
        raise BagError(
            f'{root / INDEX} cannot be written ({error.strerror}); the bags are not '
            'touched, free some space or make the folder writable'
        ) from error


def _recorded(entry: EpisodeEntry) -> tuple[int, str]:
    return entry.recorded_ns, entry.episode_id


def append_to_index(root: Path, entry: EpisodeEntry) -> None:
    """Add an episode to the index, synced."""
    with (root / INDEX).open('a') as file:
        file.write(f'{_line(entry)}\n')
        file.flush()
        os.fsync(file.fileno())


def _line(entry: EpisodeEntry) -> str:
    return json.dumps(asdict(entry), ensure_ascii=False)


def main(
    arguments: Sequence[str] | None = None, prog: str = 'python -m irevla_control.bags.index'
) -> int:
    """List the index of a root; with ``--rebuild`` write it again first."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description='List the recorded episodes under a folder.',
    )
    parser.add_argument('root', type=Path, help='folder that episodes were recorded to')
    parser.add_argument(
        '--rebuild', action='store_true', help='first write index.jsonl again from the bags'
    )
    options = parser.parse_args(arguments)
    try:
        if options.rebuild:
            rebuild_index(options.root)
        found = find_episodes([options.root])
    except BagError as error:
        print(f'bag_index: {error}', file=sys.stderr)
        return 1
    for entry in found.episodes.values():
        outcome = (
            'failed'
            if entry.failed
            else 'aborted'
            if entry.aborted
            else 'success'
            if entry.success
            else 'failure'
        )
        lost = sum(topic['lost'] for topic in entry.topics.values())
        dropped = '?' if entry.dropped is None else entry.dropped
        place = '' if entry.folder == entry.episode_id else f'  in {entry.folder}'
        print(
            f'{entry.episode_id}  {entry.task}  {outcome}  {entry.steps} steps  '
            f'{dropped} dropped  {entry.bytes / 1e6:.1f} MB  '
            f'{",".join(entry.sources) or "-"}  {lost} lost{place}'
        )
    print(usage(len(found.episodes), found.lost, found.others, 'listed'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
