# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a camera that gives pictures: frozen, too slow, on another clock."""

from collections import deque
from collections.abc import Mapping
from zlib import crc32

import numpy as np

# Over which the rate is measured [s]; pictures come in bursts on a busy machine.
RATE_WINDOW_S = 5.0
# Rows of a picture of which one is looked at: the noise of a sensor is in each.
ROWS = 8


def checksum(picture: np.ndarray) -> int:
    """Return a number that differs between two pictures of a sensor, which are never the same.

    Args:
        picture: uint8 (height, width, 3), as the camera gave it.

    """
    return crc32(np.ascontiguousarray(picture[::ROWS]))


class CameraHealth:
    """Watches the pictures of one camera; told of each, asked now and then.

    One thread may tell while another asks.
    """

    def __init__(self, fps: float, min_rate_share: float, frozen_after_s: float) -> None:
        """Begin without a picture.

        Args:
            fps: rate asked of the camera [Hz].
            min_rate_share: of that rate, below which the camera is too slow.
            frozen_after_s: for which pictures may stay the same [s]; 0: for ever.

        """
        self._fps, self._least_hz = fps, fps * min_rate_share
        self._frozen_after_s = frozen_after_s
        self._arrivals: deque[float] = deque()
        self._checksum: int | None = None
        self._first_s = self._newest_s = self._changed_s = 0.0

    def picture(self, number: int, arrived_s: float) -> None:
        """Take the `checksum` of a picture and when it arrived [steady s]."""
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
        """Pictures a second of the last five; None before."""
        known = self._checksum is not None and self._newest_s - self._first_s >= RATE_WINDOW_S
        return len(self._arrivals) / RATE_WINDOW_S if known else None

    def problems(self) -> list[str]:
        """Return what is wrong with its pictures."""
        found, rate_hz = [], self.rate_hz
        same_s = self._newest_s - self._changed_s
        if self._frozen_after_s and same_s > self._frozen_after_s:
            found.append(f'its pictures have been the same for {same_s:.0f} s, to the last bit; '
                         'unplug it and plug it in again')
        if rate_hz is not None and rate_hz < self._least_hz:
            found.append(f'it gives {rate_hz:.1f} pictures a second, {self._fps:g} are asked; '
                         'give it light or a fixed exposure_us, a USB 3 port of its own, or lower '
                         'fps')
        return found


def mixed_clocks(clocks: Mapping[str, str]) -> str:
    """Return what is wrong where cameras' stamps are of different clocks, by camera; or ''."""
    if len(set(clocks.values())) < 2:
        return ''
    which = ', '.join(f'{camera} {clock}' for camera, clock in sorted(clocks.items()))
    return (f'cameras stamp by different clocks ({which}), so their pictures do not fit together '
            'in time; install the udev rules and metadata support of librealsense for all of them')
