# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Taking raw messages off many topics in time, whatever the node's executor is doing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import queue
import threading
import time

from rclpy.callback_groups import CallbackGroup
from rclpy.subscription import Subscription

from irevla_control.ros.sequence_gaps import SequenceGaps

# Of one topic in one round: the others must have their turn.
_ROUND_LIMIT = 1000
# With nothing to tell, the owner is woken only this seldom: for what it does by the clock.
_IDLE_ROUNDS = 10


class Polled(CallbackGroup):
    """Entities that the executor never waits for: their owner takes from them by itself.

    Waking up for each of a thousand messages a second would cost a whole core.
    """

    def can_execute(self, entity: object) -> bool:
        """Leave it out of the wait set."""
        return False

    def beginning_execution(self, entity: object) -> bool:
        """Never execute it."""
        return False

    def ending_execution(self, entity: object) -> None:
        """Nothing was begun."""


@dataclass
class Stream:
    """A raw subscription in a `Polled` group, and what it lost."""

    subscription: Subscription
    gaps: SequenceGaps = field(default_factory=SequenceGaps)


# Topic, receive time [ns], data, sequence number, messages lost before it.
Message = tuple[str, int, bytes, int, int]


class Inbox:
    """A thread that empties the queues of all streams at a steady rate.

    A disk may stall its writer for a second, the middleware's queues hold a fifth of one. When
    more waits than ``most_bytes``, nothing is taken: the queues then overflow, and the sequence
    numbers tell what was lost.
    """

    def __init__(self, streams: dict[str, Stream], period_s: float, most_bytes: int,
                 wake: Callable[[], None]) -> None:
        """Begin; ``wake`` is called from the thread when there is something to `take`."""
        self._streams = streams
        self._period_s = period_s
        self._most_bytes = most_bytes
        self._wake = wake
        self._batches: queue.SimpleQueue[tuple[list[Message], int]] = queue.SimpleQueue()
        self._put = self._got = 0
        self._error: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='inbox', daemon=True)
        self._thread.start()

    def take(self) -> Iterator[tuple[list[Message], int]]:
        """Yield batches, each with a time [ns] before which no message can still come.

        What ended the thread, if anything did, is raised once, after the last batch.
        """
        while not self._batches.empty():
            batch, cut = self._batches.get()
            yield batch, cut
            self._got += sum(len(message[2]) for message in batch)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Take what is there for the last time, and end the thread."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._take_until_closed()
        except Exception as error:
            self._error = error
            self._wake()

    def _take_until_closed(self) -> None:
        stopping, idle = False, 0
        while not stopping:
            stopping = self._stop.wait(self._period_s)
            idle += 1
            if self._put - self._got >= self._most_bytes and not stopping:
                continue
            cut = time.time_ns()
            batch = [message for name, stream in self._streams.items()
                     for message in self._of(name, stream, cut)]
            if batch or idle >= _IDLE_ROUNDS:
                idle = 0
                self._put += sum(len(message[2]) for message in batch)
                self._batches.put((batch, cut))
                self._wake()

    def _of(self, name: str, stream: Stream, now: int) -> Iterator[Message]:
        handle = stream.subscription.handle
        with handle:
            for _ in range(_ROUND_LIMIT):
                taken = handle.take_message(stream.subscription.msg_type, True)
                if taken is None:
                    return
                data, info = taken
                # Middlewares without these say 0 or nothing.
                sequence = info.get('publication_sequence_number') or 0
                yield (name, info.get('received_timestamp') or now, data, sequence,
                       stream.gaps.lost(sequence))
