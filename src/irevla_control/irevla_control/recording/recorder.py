# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes a stream of serialized messages to one bag per episode."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
import queue
import shutil
import threading

from irevla_control.bags.index import EpisodeEntry
from irevla_control.bags.joining import StepCount
from irevla_control.bags.message_types import begins_with_header, decode, definition, typestore
from irevla_control.bags.writer import Topic
from irevla_control.cdr import ImageLayout, command_source, image_layout, stamp_of
from irevla_control.episode import PHASE_RUNNING
from irevla_control.errors import BadMessageError, BagError, ConfigError
from irevla_control.recording.episode_recording import (
    COMMAND_TYPE,
    EPISODE_TYPE,
    EpisodeRecording,
    RawMessage,
)
from irevla_control.recording.limits import Limits
from irevla_control.recording.recovery import lock_root, recover_staged
from irevla_control.recording.routing import Age, Position, Route, route

SECOND = 1_000_000_000


class Recorder:
    """Assigns each message to the episode whose first and last stamps enclose its own.

    Topics may arrive in any order: a message waits until an event of the same or a later stamp
    shows its episode. Bags are finished in a thread, so that the next episode can start at once.
    """

    def __init__(
        self,
        root: Path,
        topics: Sequence[Topic],
        limits: Limits,
        on_committed: Callable[[EpisodeEntry], None],
        on_problem: Callable[[str], None],
    ) -> None:
        """Recover the bags of a killed recorder in ``root``, and start.

        ``topics`` include one EpisodeState topic, which defines the episodes, and the topic
        'command'. Both callbacks run inside `update`, `close` and this constructor. Exceptions
        other than those of the disk and of bags are raised by `update` and `close`.

        Raises:
            BagError: the root cannot be created, is in use, or contains an incomplete bag.
            ConfigError: a type is not installed, or a topic of `from_start` has no stamps.

        """
        self.topics = {topic.name: topic for topic in topics}
        self.counts: Counter[str] = Counter()
        # Further metadata for the bags.
        self.notes: dict[str, str] = {}
        self._root = Path(root)
        self._limits = limits
        self._on_committed = on_committed
        self._on_problem = on_problem
        self._stamped = {topic.name for topic in topics if begins_with_header(topic.type)}
        for name in self.topics.keys() & set(limits.from_start) - self._stamped:
            raise ConfigError(
                f'parameter from_start has {name}, whose type '
                f'{self.topics[name].type} has no header; name topics with one'
            )
        self._events = {topic.name for topic in topics if topic.type == EPISODE_TYPE}
        self._commands = {
            topic.name
            for topic in topics
            if topic.type == COMMAND_TYPE and topic.name.endswith('/command')
        }
        # Layout of each camera's newest image.
        self._layouts: dict[str, ImageLayout] = {}
        self._store = typestore(((EPISODE_TYPE, definition(EPISODE_TYPE)),))
        self._waiting: list[RawMessage] = []
        self._waiting_bytes = 0
        self._running: EpisodeRecording | None = None
        self._closing: list[EpisodeRecording] = []
        self._disk_checked = 0
        self._full = ''
        self._lock = lock_root(self._root)
        recovered = recover_staged(self._root)
        for problem in recovered.problems:
            on_problem(problem)
        self.counts['empty bags removed'] += len(recovered.removed)
        for entry in recovered.entries:
            on_committed(entry)
        self._jobs: queue.SimpleQueue[EpisodeRecording | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[EpisodeEntry | str | Exception] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name='bag-commit', daemon=True)
        self._thread.start()

    def add(
        self, topic: str, receive_ns: int, data: bytes, sequence: int = 0, lost: int = 0
    ) -> None:
        """Add a message; `update` assigns it to an episode.

        Raises:
            BagError: a camera's images have a format that no reader supports; raised once.

        """
        self.counts['messages'] += 1
        self.counts['lost'] += lost
        try:
            stamp = stamp_of(data) if topic in self._stamped else None
            layout = image_layout(data) if topic in self._limits.cameras else None
            message = RawMessage(topic, receive_ns, stamp, sequence, lost, data, layout)
            if topic in self._events and stamp is not None:
                self._on_event(message, stamp)
        except BadMessageError as error:
            self.counts['malformed'] += 1
            self._on_problem(f'{topic}: {error}; not recorded')
            return
        self._waiting.append(message)
        self._waiting_bytes += len(data)
        if layout is not None and layout != self._layouts.get(topic):
            self._check(topic, layout)

    def update(self, now_ns: int) -> None:
        """Write the messages whose episode is known, and close episodes after their grace time.

        All messages received before ``now_ns`` [ns since 1970] must have been added.
        """
        self._check_disk(now_ns)
        self._distribute(now_ns, False)
        grace = self._limits.grace_s * SECOND
        for episode in [each for each in self._closing if now_ns - each.received_ns >= grace]:
            self._closing.remove(episode)
            self._jobs.put(episode)
        self._report()

    def close(self) -> None:
        """Commit all episodes; a running one is marked as aborted."""
        self._distribute(0, True)
        if self._running is not None:
            self._running.abort()
            self._closing.append(self._running)
            self._running = None
        for episode in self._closing:
            self._jobs.put(episode)
        self._closing.clear()
        self._jobs.put(None)
        self._thread.join()
        self._lock.close()
        self._report()

    def _check(self, topic: str, layout: ImageLayout) -> None:
        """Raise BagError for images that no reader supports, once per recorder."""
        refused = any(known.problem() for known in self._layouts.values())
        self._layouts[topic] = layout
        if layout.problem() and not refused:
            raise BagError(f'{topic}: nothing reads such an image: {layout.problem()}')

    def _on_event(self, message: RawMessage, stamp: int) -> None:
        event = decode(self._store, EPISODE_TYPE, message.data)
        if self._running is not None and event.episode_id != self._running.episode_id:
            self._on_problem(
                f'episode {self._running.episode_id} never ended; it is recorded as aborted'
            )
            self._running.abort()
            self._closing.append(self._running)
            self._running = None
        episode = next(
            (
                each
                for each in (self._running, *self._closing)
                if each is not None and each.episode_id == event.episode_id
            ),
            None,
        )
        if episode is None:
            if event.phase != PHASE_RUNNING or not event.episode_id:
                return
            limits = self._limits
            episode = self._running = EpisodeRecording(
                self._root,
                event,
                stamp,
                StepCount(limits.cameras, limits.max_skew_s, limits.max_dropped_share),
                limits.from_start,
            )
            self._fail_when_full()
        episode.observe(event, stamp, message.receive_ns)
        episode.note(self.notes)
        if episode is self._running and episode.ended:
            self._closing.append(episode)
            self._running = None

    def _distribute(self, now_ns: int, everything: bool) -> None:
        """Write the waiting messages whose episode is known, in the order of reception."""
        self._waiting.sort(key=_receive_ns)
        if not (everything or self._running or self._closing):
            self._forget(now_ns)
            return
        kept: list[RawMessage] = []
        for message in self._waiting:
            position, episode = self._position(message.stamp_ns)
            age = Age.OVERDUE if everything else self._age(message, now_ns)
            decision = route(position, age, bool(kept) and episode is self._running)
            if decision is Route.WAIT:
                kept.append(message)
                continue
            self._waiting_bytes -= len(message.data)
            if decision is Route.DROP or episode is None:
                self.counts['outside episodes'] += 1
            else:
                self._write(episode, message)
        self._waiting = kept

    def _position(self, stamp: int | None) -> tuple[Position, EpisodeRecording | None]:
        """Return the position of a stamp [ns], and its episode or None."""
        running = self._running
        if stamp is None:
            return (Position.BETWEEN if running is None else Position.WITHIN), running
        for episode in (running, *self._closing):
            if episode is not None and episode.holds(stamp):
                return Position.WITHIN, episode
        if running is None:
            return Position.BETWEEN, None
        if stamp < running.start:
            return Position.BEFORE, None
        return Position.AHEAD, running

    def _age(self, message: RawMessage, now_ns: int) -> Age:
        # A time of reception far ahead shows that the computer's clock was set back.
        if now_ns < message.receive_ns < now_ns + SECOND:
            return Age.FRESH
        if (
            message.receive_ns < now_ns - self._limits.hold_s * SECOND
            or self._waiting_bytes > self._limits.hold_bytes
        ):
            return Age.OVERDUE
        return Age.SETTLED

    def _forget(self, now_ns: int) -> None:
        """Drop old waiting messages between episodes."""
        oldest, kept = now_ns - self._limits.hold_s * SECOND, 0
        while kept < len(self._waiting) and (
            self._waiting[kept].receive_ns < oldest
            or self._waiting_bytes > self._limits.hold_bytes
        ):
            self._waiting_bytes -= len(self._waiting[kept].data)
            kept += 1
        self.counts['outside episodes'] += kept
        del self._waiting[:kept]

    def _write(self, episode: EpisodeRecording, message: RawMessage) -> None:
        try:
            episode.write(message, message.topic in self._events, list(self.topics.values()))
            if message.topic in self._commands:
                episode.add_source(command_source(message.data))
        except (OSError, BagError) as error:
            self._on_problem(f'episode {episode.episode_id} is no longer recorded: {error}')
        except BadMessageError as error:
            self._on_problem(f'{message.topic}: {error}')

    def _check_disk(self, now_ns: int) -> None:
        if abs(now_ns - self._disk_checked) < SECOND:
            return
        self._disk_checked = now_ns
        free = shutil.disk_usage(self._root).free
        self._full = (
            ''
            if free >= self._limits.min_free_bytes
            else (
                f'the disk of {self._root} is nearly full ({free / 1e6:.0f} MB free, '
                f'{self._limits.min_free_bytes / 1e6:.0f} MB are kept); free some space'
            )
        )
        self._fail_when_full()

    def _fail_when_full(self) -> None:
        if self._full and self._running is not None and not self._running.failed:
            self._running.fail(self._full)
            self._on_problem(
                f'episode {self._running.episode_id} is no longer recorded: {self._full}'
            )

    def _report(self) -> None:
        while not self._results.empty():
            result = self._results.get()
            if isinstance(result, Exception):
                raise result
            if isinstance(result, str):
                self._on_problem(result)
            else:
                self.counts['episodes'] += 1
                self._on_committed(result)

    def _work(self) -> None:
        """Commit episodes, and sync the open one every ``sync_s``; runs in its own thread."""
        while True:
            try:
                episode = self._jobs.get(timeout=self._limits.sync_s)
            except queue.Empty:
                self._sync()
                continue
            if episode is None:
                return
            try:
                entry = episode.commit()
                if entry is not None:
                    self._results.put(entry)
            except (OSError, BagError) as error:
                self._results.put(
                    f'episode {episode.episode_id} is not committed: {error}; it '
                    'stays staged and is recovered at the next start'
                )
            except Exception as error:
                self._results.put(error)

    def _sync(self) -> None:
        episode = self._running
        if episode is not None and episode.writer is not None:
            try:
                episode.writer.sync()
            except OSError as error:
                self._results.put(f'episode {episode.episode_id} is not synced: {error}')
            except Exception as error:
                self._results.put(error)


def _receive_ns(message: RawMessage) -> int:
    return message.receive_ns
