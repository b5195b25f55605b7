# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Identifies the episode of a bag from the recorded data, without its side files."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
import json
from pathlib import Path
import re
import struct
from typing import Any
import zlib

from irevla_control.bags.bag import one_episode
from irevla_control.bags.bag_folder import COMMITTED, BagFolder
from irevla_control.bags.joining import STEP_TOPICS, StepCount
from irevla_control.bags.layout import EPISODE_METADATA
from irevla_control.bags.mcap_file import Traffic
from irevla_control.bags.message_types import decode
from irevla_control.cdr import command_source, stamp_of
from irevla_control.episode import PHASE_ENDED
from irevla_control.errors import BadMessageError, BagError, NoEpisodeError

_FLAGS = ('success', 'aborted', 'terminated', 'truncated')


@dataclass(frozen=True)
class EpisodeEntry:
    """One recorded episode.

    Attributes:
        episode_id: unique identifier; also the name of the folder at the recording.
        task, instruction, seed, success, aborted, terminated, truncated: as in EpisodeState.
        steps: number of executed commands.
        sources: sources of the commands, e.g. ('expert', 'policy').
        recovered: whether the recorder was killed; the bag ends at its last complete message.
        failed: why the recording failed, else ''.
        bytes, crc32: size and `checksum` of the MCAP files.
        topics: name to {'messages': n, 'lost': n, 'max_gap_s': longest time between two}.
        recorded_ns: time of the commit [ns since 1970]; without it in the bag, the time of the
            last message.
        dropped: number of steps without a complete observation of all cameras; None in bags
            without this number.
        folder: present name of its folder.

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
    folder: str = ''

    @property
    def cameras(self) -> list[str]:
        """Return the names of the recorded cameras, sorted."""
        found = [
            re.search(r'/camera/([^/]+)/image_raw(/compressed)?$', topic) for topic in self.topics
        ]
        return sorted({match[1] for match in found if match})


def entry_from_json(line: str) -> EpisodeEntry:
    """Return the entry of one line of the index.

    Raises:
        ValueError, KeyError, TypeError: the line is no entry.

    """
    values = json.loads(line)
    if not isinstance(values['sources'], list):
        raise TypeError(f'sources is {values["sources"]!r}')
    entry = EpisodeEntry(
        **{'folder': values['episode_id'], **values, 'sources': tuple(values['sources'])}
    )
    for each in fields(entry):
        if not _fits(getattr(entry, each.name), each.type):
            raise TypeError(f'{each.name} is {getattr(entry, each.name)!r}')
    return entry


def _fits(value: Any, kind: Any) -> bool:
    """Return whether a value has the type of a field; a bool does not count as a number."""
    if kind == tuple[str, ...]:
        return all(isinstance(each, str) for each in value)
    if kind == dict[str, dict[str, float]]:
        return isinstance(value, dict) and all(
            isinstance(counts, dict)
            and counts.keys() >= {'messages', 'lost', 'max_gap_s'}
            and all(type(count) in (int, float) for count in counts.values())
            for counts in value.values()
        )
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def describe(event: Any) -> dict[str, str]:
    """Return the content of an EpisodeState as a bag's metadata."""
    flags = {name: 'true' if getattr(event, name) else 'false' for name in _FLAGS}
    return {
        'episode_id': event.episode_id,
        'task': event.task,
        'instruction': event.instruction,
        'seed': str(event.seed),
        'steps': str(event.step),
        **flags,
    }


def entry_from_bag(folder: Path) -> EpisodeEntry:
    """Return the entry of a committed episode, from its metadata record or else its messages.

    Raises:
        NoEpisodeError: the folder contains no episode of this suite.
        BagError: the bag is damaged or incomplete.

    """
    folder = Path(folder)
    bag = BagFolder(folder)
    about = bag.about()
    if COMMITTED in about:
        bag.check_record(about)
    try:
        if COMMITTED not in about:
            about = about | _from_messages(bag, StepCount.from_about(about))
        lost, gaps = json.loads(about['lost']), json.loads(about['max_gap_s'])
        return EpisodeEntry(
            episode_id=about['episode_id'],
            task=about['task'],
            instruction=about['instruction'],
            seed=int(about['seed']),
            **{name: _flag(name, about[name]) for name in (*_FLAGS, 'recovered')},
            steps=int(about['steps']),
            sources=tuple(filter(None, about['sources'].split(','))),
            failed=about['failed'],
            bytes=bag.size,
            crc32=checksum(reader.checksum for reader in bag.readers),
            topics={
                topic: {
                    'messages': messages,
                    'lost': lost.get(topic, 0),
                    'max_gap_s': gaps.get(topic, 0.0),
                }
                for topic, messages in bag.topics.items()
            },
            recorded_ns=int(about[COMMITTED]),
            dropped=int(about['dropped']) if 'dropped' in about else None,
            folder=folder.absolute().name,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BagError(
            f'{folder}: its metadata {EPISODE_METADATA} does not describe an episode '
            f'({type(error).__name__}: {error}); move the folder away, or record the '
            'episode again'
        ) from error


def _flag(name: str, text: str) -> bool:
    if text not in ('true', 'false'):
        raise ValueError(f'{name} is {text!r}, true or false is needed')
    return text == 'true'


def checksum(of_files: Iterable[int]) -> int:
    """Return the checksum of a bag from those of its files; 0 if a file has none."""
    found = list(of_files)
    if len(found) == 1 or not all(found):
        return found[0] if len(found) == 1 else 0
    return zlib.crc32(struct.pack(f'<{len(found)}I', *found))


def verdict(about: Mapping[str, str], steps: StepCount | None, failed: str = '') -> dict[str, str]:
    """Return `failed`, `aborted` and `dropped` of an episode, which decide whether it is usable.

    Args:
        about: metadata of the episode.
        steps: count of its steps; None if the bag does not contain the rule.
        failed: why the recording failed, else ''.

    """
    if steps is not None and about['aborted'] == 'false':
        failed = failed or steps.problem()
    return {
        'failed': failed,
        'aborted': 'true' if failed else about['aborted'],
        **({} if steps is None else {'dropped': str(steps.dropped)}),
    }


def _from_messages(bag: BagFolder, steps: StepCount | None) -> dict[str, str]:
    """Return metadata from the messages of a bag without a last record; count its steps."""
    if not any(topic.endswith('/episode') for topic in bag.topics):
        raise NoEpisodeError(
            f'{bag.folder} contains no episode: neither a topic that ends in '
            f'/episode nor the metadata {EPISODE_METADATA}'
        )
    # Topics are read by their full names, because gaps are reported for all.
    events = bag.topic('episode')
    store = bag.types('episode', events)
    command = bag.optional_topic('command')
    traffic: dict[str, Traffic] = {topic: Traffic() for topic in bag.topics}
    latest: dict[int, bytes] = {}
    sources: set[str] = set()
    received = 0
    try:
        for topic, log_time, data in bag.read({topic: topic for topic in bag.topics}):
            traffic[topic].add(log_time)
            received = max(received, log_time)
            if topic == events:
                latest[stamp_of(data)] = data
            elif topic == command:
                sources.add(command_source(data))
            if steps is not None and topic.endswith(STEP_TOPICS):
                steps.add(topic, stamp_of(data))
        if not latest:
            raise NoEpisodeError(f'{bag.folder} contains no episode: no message on {events}')
        found = one_episode(
            {stamp: decode(*store, data) for stamp, data in latest.items()}, bag.folder
        )
    except BadMessageError as error:
        raise BagError(f'{bag.folder}: {error}; leave the episode out') from error
    last = found[max(found)]
    missing = last.step + 1 - len({event.step for event in found.values()})
    failed = f'{missing} of its {last.step + 1} observations are missing' if missing else ''
    about = describe(last) | ({} if last.phase == PHASE_ENDED else {'aborted': 'true'})
    if steps is not None:
        for stamp, event in found.items():
            steps.event(stamp, event.phase == PHASE_ENDED)
    gaps = {topic: round(each.max_gap * 1e-9, 6) for topic, each in traffic.items()}
    return {
        **about,
        **verdict(about, steps, failed),
        'sources': ','.join(sorted(sources)),
        'recovered': 'false',
        'lost': '{}',
        'max_gap_s': json.dumps(gaps),
        COMMITTED: str(received),
    }
