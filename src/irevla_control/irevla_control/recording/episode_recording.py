# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The recording of one episode: first staged, then committed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
import json
import math
from pathlib import Path
import shutil
import time
from typing import Any, NamedTuple

from irevla_control.bags.identity import EpisodeEntry, describe, entry_from_bag, verdict
from irevla_control.bags.index import append_to_index
from irevla_control.bags.joining import StepCount
from irevla_control.bags.writer import BagWriter, Topic
from irevla_control.cdr import ImageLayout
from irevla_control.episode import PHASE_ENDED
from irevla_control.errors import BagError
from irevla_control.files import replace_synced, sync
from irevla_control.task_name import FOLDER_NAME

STAGING = '.staging'
EPISODE_TYPE = 'irevla_msgs/msg/EpisodeState'
COMMAND_TYPE = 'irevla_msgs/msg/EndEffectorCommand'


class RawMessage(NamedTuple):
    """A serialized message.

    Attributes:
        topic: resolved name.
        receive_ns: time at which the middleware received it [ns since 1970].
        stamp_ns: stamp of its header [ns]; None without a header.
        sequence: number of the publisher's messages; 0: unknown.
        lost: number of messages lost before it.
        data: CDR bytes.
        layout: layout of a camera's image; None for other messages.

    """

    topic: str
    receive_ns: int
    stamp_ns: int | None
    sequence: int
    lost: int
    data: bytes
    layout: ImageLayout | None = None


def custom_data(
    about: dict[str, str],
    sources: Collection[str],
    lost: Mapping[str, int],
    max_gap_s: Mapping[str, float],
    recovered: bool,
    failed: str,
) -> dict[str, str]:
    """Return the complete metadata of a bag; ``recorded_ns`` is the present time by default."""
    gaps = {topic: round(gap, 6) for topic, gap in max_gap_s.items()}
    return {
        'recorded_ns': str(time.time_ns()),
        **about,
        'sources': ','.join(sorted(sources)),
        'recovered': 'true' if recovered else 'false',
        'failed': failed,
        'lost': json.dumps({topic: number for topic, number in lost.items() if number}),
        'max_gap_s': json.dumps(gaps),
    }


def commit(
    root: Path,
    writer: BagWriter,
    about: dict[str, str],
    sources: Sequence[str],
    lost: dict[str, int],
    failed: str = '',
) -> EpisodeEntry:
    """Finish a staged bag, move it to its final folder, and add it to the index.

    Raises:
        OSError: a write fails; the bag stays staged.
        BagError: the final folder exists; the bag stays staged.

    """
    target = root / writer.folder.name
    if target.exists():
        raise BagError(f'{target} exists already; move one of the two recordings away')
    writer.close(custom_data(about, sources, lost, writer.max_gap_s, False, failed))
    replace_synced(writer.folder, target)
    entry = entry_from_bag(target)
    append_to_index(root, entry)
    return entry


class EpisodeRecording:
    """The recording of an episode; its bag is created with the first message that is no event.

    Attributes:
        episode_id: name of the episode.
        start, newest: stamps of its first and newest event [ns].
        ended: whether its last event was received.
        failed: why the recording failed, else ''.
        received_ns: time at which its newest event was received [ns].

    """

    def __init__(
        self, root: Path, event: Any, stamp_ns: int, steps: StepCount, from_start: Collection[str]
    ) -> None:
        """Start with the first event; write nothing yet.

        Args:
            root: folder of the recordings.
            event: first event.
            stamp_ns: stamp of the first event [ns].
            steps: counts the steps; its rule is written to the bag.
            from_start: topics that must have a message of the first stamp, else it failed.

        """
        self.episode_id = event.episode_id
        self.start = self.newest = stamp_ns
        self.ended = False
        self.failed = ''
        self.received_ns = 0
        self.writer: BagWriter | None = None
        self._root = root
        self._steps = steps
        self._about = {**steps.about(), **describe(event)}
        self._early: list[RawMessage] = []
        self._first: dict[str, float] = dict.fromkeys(from_start, math.inf)
        self._missed_steps = event.step if from_start else 0
        self._lost: Counter[str] = Counter()
        self._sources: set[str] = set()
        self._layouts: dict[str, ImageLayout] = {}

    def observe(self, event: Any, stamp_ns: int, receive_ns: int) -> None:
        """Add an event of this episode."""
        if stamp_ns >= self.newest:
            self.newest, self.received_ns = stamp_ns, receive_ns
            self._about |= describe(event)
        self.ended = self.ended or event.phase == PHASE_ENDED
        self._steps.event(stamp_ns, event.phase == PHASE_ENDED)

    def note(self, notes: dict[str, str]) -> None:
        """Add values to the bag's metadata; the newest values before the end are kept."""
        self._about |= notes

    def abort(self) -> None:
        """End the episode without its last event."""
        self.ended = True
        self._about['aborted'] = 'true'

    def holds(self, stamp_ns: int) -> bool:
        """Return whether a stamp is between the first and the newest event."""
        return self.start <= stamp_ns <= self.newest

    def write(self, message: RawMessage, is_event: bool, topics: Sequence[Topic]) -> None:
        """Add a message.

        Raises:
            BagError: the bag cannot be created; `failed` then has the reason.
            OSError: the write fails; `failed` then has the reason.

        """
        self._lost[message.topic] += message.lost
        if message.topic in self._first and message.stamp_ns is not None:
            self._first[message.topic] = min(self._first[message.topic], message.stamp_ns)
        self._compare(message.topic, message.layout)
        if self.failed:
            self._lost[message.topic] += 1
            return
        try:
            writer = self.writer
            if writer is None:
                if is_event:
                    self._early.append(message)
                    return
                writer = self._begin(topics)
            self._put(writer, message)
        except (OSError, BagError) as error:
            self._lost[message.topic] += 1
            self.fail(str(error))
            raise

    def _compare(self, topic: str, layout: ImageLayout | None) -> None:
        """Fail if a camera's images differ from its first image in size or encoding."""
        if layout is None:
            return
        first = self._layouts.setdefault(topic, layout)
        if (first.height, first.width) != (layout.height, layout.width):
            self.fail(
                f'{topic} changed from {first.height} x {first.width} to {layout.height} x '
                f'{layout.width} pixels'
            )
        elif first.encoding != layout.encoding:
            self.fail(f'{topic} changed from {first.encoding!r} to {layout.encoding!r}')

    def fail(self, reason: str) -> None:
        """Stop writing; the bag remains."""
        self.failed = self.failed or reason

    def add_source(self, source: str) -> None:
        """Add the source of a command."""
        self._sources.add(source)

    def _begin(self, topics: Sequence[Topic]) -> BagWriter:
        if not FOLDER_NAME.fullmatch(self.episode_id):
            raise BagError(
                f'episode id {self.episode_id!r} cannot name a folder; use letters, '
                'digits, points, dashes and underscores'
            )
        if (self._root / self.episode_id).exists():
            raise BagError(
                f'{self._root / self.episode_id} exists already; give each episode '
                'its own id, or record to another folder'
            )
        writer = self.writer = BagWriter(
            self._root / STAGING / self.episode_id, topics, self._about
        )
        sync(self._root / STAGING)
        for message in self._early:
            self._put(writer, message)
        self._early.clear()
        return writer

    def _put(self, writer: BagWriter, message: RawMessage) -> None:
        stamp = message.receive_ns if message.stamp_ns is None else message.stamp_ns
        writer.write(
            message.topic, message.receive_ns, max(stamp, 0), message.sequence, message.data
        )
        self._steps.add(message.topic, stamp)

    def commit(self) -> EpisodeEntry | None:
        """Commit the bag; None if nothing was recorded.

        Raises:
            OSError, BagError: as `commit`; the bag stays staged for a later recovery.

        """
        if self.writer is None:
            return None
        # Sequence numbers show no messages that were lost before the first received one.
        late = [topic for topic, stamp in self._first.items() if stamp > self.start]
        if self._missed_steps:
            self.fail(f'the recorder missed its first {self._missed_steps} steps')
        if late and self._about['aborted'] == 'false':
            self.fail(f'the recorder missed the beginning of {", ".join(sorted(late))}')
        self._about |= verdict(self._about, self._steps, self.failed)
        self.failed = self._about['failed']
        if not sum(self.writer.messages.values()):
            self.writer.abandon()
            shutil.rmtree(self.writer.folder)
            return None
        return commit(
            self._root,
            self.writer,
            self._about,
            sorted(self._sources),
            self._lost,
            failed=self.failed,
        )
