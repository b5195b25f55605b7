# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Takes raw messages from many topics in time, independent of the node's executor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
import queue
import threading
import time

from rclpy.callback_groups import CallbackGroup
from rclpy.subscription import Subscription

from irevla_control.ros.sequence_gaps import SequenceGaps

# Most messages taken from one topic per round, so that other topics are served too.
_ROUND_LIMIT = 1000
# Number of rounds without messages after which the owner is woken for its periodic work.
_IDLE_ROUNDS = 10


class Polled(CallbackGroup):
    """Entities that the executor does not wait for, because their owner polls them.

    Waking the executor for each of a thousand messages per second would need a whole core.
    """

    def can_execute(self, entity: object) -> bool:
        """Leave it out of the wait set."""
        return False

    def beginning_execution(self, entity: object) -> bool:
        """Never execute it."""
        return False

    def ending_execution(self, entity: object) -> None:
        """Do nothing: no execution ever starts."""


@dataclass
class Stream:
    """A raw subscription in a `Polled` group, and its count of lost messages."""

    subscription: Subscription
    gaps: SequenceGaps = field(default_factory=SequenceGaps)


# Topic, receive time [ns], data, sequence number, messages lost before it.
Message = tuple[str, int, bytes, int, int]


class Inbox:
    """A thread that empties the queues of all streams at a steady rate.

    A disk may block its writer for a second, but the middleware's queues hold 0.2 s. While more
    than ``most_bytes`` are pending, no message is taken: the middleware's queues overflow, and
    gaps in the sequence numbers give the loss.
    """

    def __init__(
        self,
        streams: dict[str, Stream],
        period_s: float,
        most_bytes: int,
        wake: Callable[[], None],
    ) -> None:
        """Start the thread; it calls ``wake`` when there are messages to `take`."""
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
        """Yield batches, each with a time [ns]; no later batch has a message received before it.

        An exception that ended the thread is raised once, after the last batch.
        """
        while not self._batches.empty():
            batch, cut = self._batches.get()
            yield batch, cut
            self._got += sum(len(message[2]) for message in batch)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Take the remaining messages and end the thread."""
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
            batch = [
                message
                for name, stream in self._streams.items()
                for message in self._of(name, stream, cut)
            ]
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
                # Middlewares without sequence numbers or receive times give 0 or no key.
                sequence = info.get('publication_sequence_number') or 0
                yield (
                    name,
                    info.get('received_timestamp') or now,
                    data,
                    sequence,
                    stream.gaps.lost(sequence),
                )
