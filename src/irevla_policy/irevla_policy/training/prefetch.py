# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The next batches, made in a thread while the model learns from this one."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
import time
from typing import Generic, TypeVar

T = TypeVar('T')

AHEAD = 2


class Prefetcher(Generic[T]):
    """Iterates over ``make(step)`` for the steps of a range, always a few ahead.

    Attributes:
        wait_s: how long the reader has waited for batches so far; beyond the first it should
            stay near zero.
    """

    def __init__(self, make: Callable[[int], T], steps: range) -> None:
        """Make batches in one thread; an error in ``make`` reaches the reader."""
        self._make, self._steps = make, steps
        self.wait_s = 0.0

    def __iter__(self) -> Iterator[tuple[int, T]]:
        """Yield (step, batch)."""
        with ThreadPoolExecutor(1, 'prefetch') as thread:
            queue: list[Future[T]] = [
                thread.submit(self._make, step) for step in self._steps[:AHEAD]
            ]
            for position, step in enumerate(self._steps):
                start = time.perf_counter()
                batch = queue.pop(0).result()
                self.wait_s += time.perf_counter() - start
                if position + AHEAD < len(self._steps):
                    queue.append(thread.submit(self._make, self._steps[position + AHEAD]))
                yield step, batch
