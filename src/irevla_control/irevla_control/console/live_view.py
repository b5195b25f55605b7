# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the page shows: written by the node's thread, read by the page's thread."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import queue
from statistics import median
import time

import cv2
import numpy as np

# Time after which a latency is no longer shown [s].
LATENCY_SHOWN_S = 2.0


@dataclass(frozen=True)
class Status:
    """The running or last episode; replaced as a whole."""

    task: str = ''
    instruction: str = ''
    step: int = 0
    running: bool = False
    outcome: str = ''


@dataclass(frozen=True)
class Frame:
    """An encoded image.

    Attributes:
        number: grows with each image of the camera.
        jpeg: its bytes.

    """

    number: int
    jpeg: bytes


@dataclass
class LiveView:
    """The state of the page.

    Each attribute is written by one thread: `watched` by the page's, the others by the node's.

    Attributes:
        cameras, tasks: names to show and to choose from.
        status: the running or last episode.
        successes, episodes: counts by task, without aborted episodes.
        frames: newest image by camera.
        watched: number of viewers by camera.
        chosen: tasks that a viewer chose, for the node to publish.
        closed: whether the page ends; images end with it.

    """

    cameras: Sequence[str]
    tasks: Sequence[str]
    status: Status = Status()
    successes: Counter[str] = field(default_factory=Counter)
    episodes: Counter[str] = field(default_factory=Counter)
    frames: dict[str, Frame] = field(default_factory=dict)
    watched: Counter[str] = field(default_factory=Counter)
    chosen: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    closed: bool = False
    _latencies: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=50))

    def add_ended(self, task: str, success: bool) -> None:
        """Count an episode that was not aborted."""
        self.episodes[task] += 1
        self.successes[task] += success

    def add_latency(self, seconds: float) -> None:
        """Take the time from an observation to its command [s]."""
        self._latencies.append((time.monotonic(), seconds))

    def latency_s(self) -> float | None:
        """Return the median of the latest latencies [s]; None if no command arrived lately."""
        oldest = time.monotonic() - LATENCY_SHOWN_S
        latest = [seconds for at, seconds in list(self._latencies) if at >= oldest]
        return median(latest) if latest else None

    def add_frame(self, camera: str, jpeg: bytes) -> None:
        """Replace a camera's newest image."""
        before = self.frames.get(camera)
        self.frames[camera] = Frame(before.number + 1 if before else 0, jpeg)

    def choose(self, task: str | None) -> None:
        """Let the node publish a viewer's choice, if it is one of `tasks`."""
        if task is not None and task in self.tasks:
            self.chosen.put(task)

    @contextmanager
    def watching(self, camera: str) -> Iterator[None]:
        """Count a viewer of a camera within the block."""
        self.watched[camera] += 1
        try:
            yield
        finally:
            self.watched[camera] -= 1


def encode(image: np.ndarray, max_width_px: int, quality: int) -> bytes:
    """Return an image uint8 (height, width, 3) RGB as JPEG, reduced to a width if it is wider."""
    height, width = image.shape[:2]
    if width > max_width_px:
        size = (max_width_px, max(1, round(height * max_width_px / width)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, jpeg = cv2.imencode('.jpg', bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return jpeg.tobytes()
