# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Faults of a camera that still gives images: frozen, too slow, stamps of another clock."""

from collections import deque
from collections.abc import Mapping
from zlib import crc32

import numpy as np

# Window of the measured rate [s]; images arrive in bursts on a busy machine.
RATE_WINDOW_S = 5.0
# The checksum uses one row in so many, because sensor noise changes every row.
ROWS = 8


def checksum(picture: np.ndarray) -> int:
    """Return a checksum; two images of a real sensor differ by their noise.

    Args:
        picture: uint8 (height, width, 3), as captured.

    """
    return crc32(np.ascontiguousarray(picture[::ROWS]).data)


class CameraHealth:
    """Monitors the images of one camera.

    One thread may call `picture` while another calls `problems`.
    """

    def __init__(self, fps: float, min_rate_share: float, frozen_after_s: float) -> None:
        """Start without an image.

        Args:
            fps: requested rate [Hz].
            min_rate_share: share of that rate below which the camera is too slow.
            frozen_after_s: time for which images may be identical [s]; 0: unlimited.

        """
        self._fps, self._least_hz = fps, fps * min_rate_share
        self._frozen_after_s = frozen_after_s
        self._arrivals: deque[float] = deque()
        self._checksum: int | None = None
        self._first_s = self._newest_s = self._changed_s = 0.0

    def picture(self, number: int, arrived_s: float) -> None:
        """Take the `checksum` of an image and its arrival time [steady s]."""
        if self._checksum is None:
            self._first_s = arrived_s
        if number != self._checksum:
            self._checksum, self._changed_s = number, arrived_s
        self._newest_s = arrived_s
        self._arrivals.append(arrived_s)
        while self._arrivals[0] <= arrived_s - RATE_WINDOW_S:
            self._arrivals.popleft()

    @property
    def rate_hz(self) -> float | None:
        """Rate over the last 5 s [Hz]; None before 5 s have passed."""
        known = self._checksum is not None and self._newest_s - self._first_s >= RATE_WINDOW_S
        return len(self._arrivals) / RATE_WINDOW_S if known else None

    def problems(self) -> list[str]:
        """Return the faults of its images."""
        found, rate_hz = [], self.rate_hz
        same_s = self._newest_s - self._changed_s
        if self._frozen_after_s and same_s > self._frozen_after_s:
            found.append(
                f'its images have been identical for {same_s:.0f} s; unplug it and plug '
                'it in again'
            )
        if rate_hz is not None and rate_hz < self._least_hz:
            found.append(
                f'it gives {rate_hz:.1f} images per second, {self._fps:g} are requested; '
                'use more light or a fixed exposure_us, a separate USB 3 port, or a '
                'lower fps'
            )
        return found


def mixed_clocks(clocks: Mapping[str, str]) -> str:
    """Return which clock each camera uses if they differ, or ''."""
    if len(set(clocks.values())) < 2:
        return ''
    which = ', '.join(f'{camera} {clock}' for camera, clock in sorted(clocks.items()))
    return (
        f'the stamps of the cameras are from different clocks ({which}), so their images '
        'cannot be joined; install the udev rules and metadata support of librealsense for '
        'all of them'
    )
