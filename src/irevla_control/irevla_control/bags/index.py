# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The list of recorded episodes: one JSON line each in index.jsonl, all of it also in the bags.

``python -m irevla_control.bags.index ROOT`` lists the episodes; ``--rebuild`` first writes the
index anew from the bags.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
import os
from pathlib import Path
import re
import sys

import yaml

from irevla_control.bags.layout import check_format
from irevla_control.bags.mcap_file import read_checksum
from irevla_control.errors import BagError
from irevla_control.files import write_synced

INDEX = 'index.jsonl'


@dataclass(frozen=True)
class EpisodeEntry:
    """One recorded episode.

    Attributes:
        episode_id: also the name of its folder under the root.
        task, instruction, seed, success, aborted, terminated, truncated: as in EpisodeState.
        steps: commands executed.
        sources: who commanded, e.g. ('expert', 'policy').
        recovered: its recorder was killed; the bag ends at its last whole message.
        failed: why recording broke off before the episode's end, else ''.
        bytes, crc32: of the MCAP file, and of its data section.
        topics: name to {'messages': n, 'lost': n, 'max_gap_s': longest time between two}.
        recorded_ns: when it was committed [ns since 1970].
        dropped: steps without a complete observation, which a reader of all cameras leaves out;
            None in bags from before it was counted.

    """

    episode_id: str
    task: str
    instruction: str
    seed: int
    success: bool
    aborted: bool
    terminated: bool
    truncated: bool
    steps: int
    sources: tuple[str, ...]
    recovered: bool
    failed: str
    bytes: int
    crc32: int
    topics: dict[str, dict[str, float]]
    recorded_ns: int
    dropped: int | None = None

    @property
    def cameras(self) -> list[str]:
        """Return the names of the cameras on its topics, sorted."""
        found = [re.search(r'/camera/([^/]+)/image_raw$', topic) for topic in self.topics]
        return sorted(match[1] for match in found if match)


def entry_from_json(line: str) -> EpisodeEntry:
    """Return the entry of one line of the index; ValueError or TypeError when it is none."""
    values = json.loads(line)
    return EpisodeEntry(**{**values, 'sources': tuple(values['sources'])})


def entry_from_bag(folder: Path) -> EpisodeEntry:
    """Return the entry of a committed episode, from its bag alone.

    Raises:
        BagError: no bag of the suite, not a complete one, or one of a newer format.

    """
    try:
        text = (folder / 'metadata.yaml').read_text()
        bag = yaml.load(text, Loader=getattr(yaml, 'CSafeLoader', yaml.SafeLoader))[
            'rosbag2_bagfile_information']
        about = bag['custom_data']
        check_format(about or {}, folder)
        lost, gaps = json.loads(about['lost']), json.loads(about['max_gap_s'])
        file = folder / bag['relative_file_paths'][0]
        return EpisodeEntry(
            episode_id=about['episode_id'], task=about['task'],
            instruction=about['instruction'], seed=int(about['seed']),
            **{name: about[name] == 'true' for name in (
                'success', 'aborted', 'terminated', 'truncated', 'recovered')},
            steps=int(about['steps']), sources=tuple(filter(None, about['sources'].split(','))),
            failed=about['failed'], bytes=file.stat().st_size, crc32=read_checksum(file),
            topics={topic['topic_metadata']['name']: {
                'messages': topic['message_count'],
                'lost': lost.get(topic['topic_metadata']['name'], 0),
                'max_gap_s': gaps.get(topic['topic_metadata']['name'], 0.0),
            } for topic in bag['topics_with_message_count']},
            recorded_ns=int(about['recorded_ns']),
            dropped=int(about['dropped']) if 'dropped' in about else None)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, IndexError) as error:
        raise BagError(f'{folder}: no complete episode of this suite '
                       f'({type(error).__name__}: {error}); move the folder away, or record '
                       'the episode again') from error


def episode_folders(root: Path) -> list[Path]:
    """Return the folders of the committed episodes under a root, by name."""
    return sorted(path for path in root.iterdir()
                  if path.is_dir() and not path.name.startswith('.')
                  and (path / 'metadata.yaml').exists())


def read_index(root: Path) -> dict[str, EpisodeEntry]:
    """Return the index as it is on disk, by episode; a torn or foreign line counts as missing."""
    try:
        lines = (root / INDEX).read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    entries = {}
    for line in lines:
        try:
            entry = entry_from_json(line)
        except (ValueError, TypeError, KeyError):
            continue
        entries[entry.episode_id] = entry
    return entries


def list_episodes(root: Path) -> list[EpisodeEntry]:
    """Return all episodes under a root in the order they were recorded.

    What the index lacks is read from the bags; nothing is written.

    Raises:
        BagError: the root does not exist, or holds a bag that is no complete episode.

    """
    return _entries(Path(root), read_index(Path(root)))


def rebuild_index(root: Path) -> list[EpisodeEntry]:
    """Write the index anew from the bags alone, and return it.

    Raises:
        BagError: as `list_episodes`; the index stays as it was.

    """
    entries = _entries(Path(root), {})
    _write_index(Path(root), entries)
    return entries


def _entries(root: Path, known: dict[str, EpisodeEntry]) -> list[EpisodeEntry]:
    if not root.is_dir():
        raise BagError(f'{root} is not a folder; give the root that episodes were recorded to')
    return sorted((known.get(folder.name) or entry_from_bag(folder)
                   for folder in episode_folders(root)), key=_recorded)


def repair_index(root: Path) -> list[str]:
    """Make the index say what the folders are; return what is wrong with any of these.

    Only bags that the index lacks are read.
    """
    index, entries, problems = read_index(root), [], []
    for folder in episode_folders(root):
        try:
            entries.append(index.get(folder.name) or entry_from_bag(folder))
        except BagError as error:
            problems.append(str(error))
    entries.sort(key=_recorded)
    _write_index(root, entries)
    return problems


def _write_index(root: Path, entries: list[EpisodeEntry]) -> None:
    write_synced(root / INDEX, ''.join(f'{_line(entry)}\n' for entry in entries))


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


def main(arguments: Sequence[str] | None = None) -> int:
    """List, and on request rebuild, the index of a root."""
    parser = argparse.ArgumentParser(prog='python -m irevla_control.bags.index',
                                     description='List the recorded episodes under a folder.')
    parser.add_argument('root', type=Path, help='folder that episodes were recorded to')
    parser.add_argument('--rebuild', action='store_true',
                        help='first write index.jsonl anew from the bags')
    options = parser.parse_args(arguments)
    try:
        entries = (rebuild_index if options.rebuild else list_episodes)(options.root)
    except BagError as error:
        print(f'bag_index: {error}', file=sys.stderr)
        return 1
    for entry in entries:
        outcome = ('failed' if entry.failed else 'aborted' if entry.aborted else
                   'success' if entry.success else 'failure')
        lost = sum(topic['lost'] for topic in entry.topics.values())
        dropped = '?' if entry.dropped is None else entry.dropped
        print(f'{entry.episode_id}  {entry.task}  {outcome}  {entry.steps} steps  '
              f'{dropped} dropped  {entry.bytes / 1e6:.1f} MB  '
              f'{",".join(entry.sources) or "-"}  {lost} lost')
    return 0


if __name__ == '__main__':
    sys.exit(main())
