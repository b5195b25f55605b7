# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The present time on the clock of the sensors' stamps, which differs from this computer's."""

from collections import deque

WINDOW_NS = 10_000_000_000
# Number of older messages of one sensor in a row that mean that its clock was set back.
SET_BACK = 5


class RunningMinimum:
    """The minimum of the values of the last ten seconds."""

    def __init__(self) -> None:
        """Start without values."""
        # Times and values below every later value, so the values increase.
        self._kept: deque[tuple[int, int]] = deque()

    def add(self, at: int, value: int) -> int:
        """Add the value of a time [ns]; return the minimum."""
        kept = self._kept
        while kept and kept[-1][1] >= value:
            kept.pop()
        kept.append((at, value))
        while kept[0][0] < at - WINDOW_NS:
            kept.popleft()
        return kept[0][1]


class StampClock:
    """Estimates the time on the clock of the stamps, from stamps and their arrival times.

    Comparing a stamp with a node's own clock is wrong if the two clocks differ. The estimate
    follows the sensor whose stamps are furthest ahead, and lags by the shortest transport time.
    Arrivals are steady times, so a change of the system time has no effect.
    """

    def __init__(self) -> None:
        """Start without a stamp."""
        self._newest: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._least = RunningMinimum()
        # Arrival minus stamp [ns]; assigned at once, so that other threads may read it.
        self._offset: int | None = None

    def add(self, sensor: str, stamp: int, arrival: int) -> None:
        """Take the stamp of a sensor's message and its arrival [steady ns]."""
        if stamp < self._newest.get(sensor, stamp):
            self._older[sensor] += 1
            if self._older[sensor] < SET_BACK:
                return
            self._newest.clear()
            self._least = RunningMinimum()
        self._newest[sensor], self._older[sensor] = stamp, 0
        self._offset = self._least.add(arrival, arrival - stamp)

    def at(self, arrival: int) -> int | None:
        """Return the stamp that corresponds to a steady time [ns]; None before any message."""
        return None if self._offset is None else arrival - self._offset
