# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""How far a camera's clock is ahead of the computer's, and stamps without that."""

from irevla_control.stamp_clock import RunningMinimum

NS_PER_S = 1_000_000_000
# A stamp that lies further back is of an old picture or of a clock that was set; it stays so.
SET_BACK_NS = NS_PER_S


class ClockOffset:
    """Shifts the stamps of one camera so that no picture is taken after it arrived.

    A picture arrives some time after it was taken, so arrival - stamp is positive. The least of
    ten seconds is the offset; where it is negative, the camera's clock is ahead.

    Attributes:
        offset_ns: running minimum of arrival - stamp; None before the first picture.

    """

    def __init__(self, transport_s: float) -> None:
        """Take the least time from an exposure to the arrival of its picture [s]."""
        self._transport_ns = round(transport_s * NS_PER_S)
        self._forget()

    def _forget(self) -> None:
        self.offset_ns: int | None = None
        self._least = RunningMinimum()
        self._arrival = self._stamp = self._given = 0

    @property
    def offset_s(self) -> float:
        """The offset [s]; 0 before the first picture."""
        return (self.offset_ns or 0) / NS_PER_S

    @property
    def shift_ns(self) -> int:
        """What is added to stamps; never more than 0."""
        offset = self.offset_ns or 0
        return offset - self._transport_ns if offset < 0 else 0

    def corrected(self, stamp: int, arrival: int) -> int:
        """Return the stamp of a picture that arrived just now, both in ns.

        It is later than the one before, but where the stamps themselves fall by a second or more.
        """
        if arrival < self._arrival or stamp < self._stamp - SET_BACK_NS:
            # Nothing of before means anything.
            self._forget()
        elif stamp < self._stamp:
            # The camera's clock was corrected.
            self._least = RunningMinimum()
        self._arrival, self._stamp = arrival, stamp
        self.offset_ns = self._least.add(arrival, arrival - stamp)
        self._given = max(stamp + self.shift_ns, self._given + 1)
        return self._given
