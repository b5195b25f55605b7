# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Estimates how far a camera's clock is ahead of the computer's, and corrects the stamps."""

from irevla_control.stamp_clock import RunningMinimum

NS_PER_S = 1_000_000_000
# A larger step back is an old image or a clock that was set; the stamp is not corrected.
SET_BACK_NS = NS_PER_S


class ClockOffset:
    """Shifts the stamps of one camera so that no stamp is later than its image's arrival.

    An image arrives after its exposure, so arrival - stamp should be positive. Its minimum over
    ten seconds is the offset; a negative offset means that the camera's clock is ahead.

    Attributes:
        offset_ns: running minimum of arrival - stamp; None before the first image.

    """

    def __init__(self, transport_s: float) -> None:
        """Take the least time from an exposure to the arrival of its image [s]."""
        self._transport_ns = round(transport_s * NS_PER_S)
        self._reset()

    def _reset(self) -> None:
        self.offset_ns: int | None = None
        self._least = RunningMinimum()
        self._arrival = self._stamp = self._given = 0

    @property
    def offset_s(self) -> float:
        """The offset [s]; 0 before the first image."""
        return (self.offset_ns or 0) / NS_PER_S

    @property
    def shift_ns(self) -> int:
        """The correction added to stamps [ns]; 0 or negative."""
        offset = self.offset_ns or 0
        return offset - self._transport_ns if offset < 0 else 0

    def corrected(self, stamp: int, arrival: int) -> int:
        """Return the corrected stamp [ns] of an image that arrived just now.

        Corrected stamps increase, unless the camera's stamps go back by a second or more.
        """
        if arrival < self._arrival or stamp < self._stamp - SET_BACK_NS:
            # A clock was set: earlier measurements do not apply.
            self._reset()
        elif stamp < self._stamp:
            # The camera's clock was adjusted.
            self._least = RunningMinimum()
        self._arrival, self._stamp = arrival, stamp
        self.offset_ns = self._least.add(arrival, arrival - stamp)
        self._given = max(stamp + self.shift_ns, self._given + 1)
        return self._given
