# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What time it is by the stamps of sensors, whose clocks are not this computer's."""

from collections import deque

WINDOW_NS = 10_000_000_000
# Messages of one sensor in a row, older than its newest, after which its clock was set back.
SET_BACK = 5


class RunningMinimum:
    """The least of the values of the last ten seconds."""

    def __init__(self) -> None:
        """Begin without any."""
        # Only what no later value undercuts: they grow from the first to the last.
        self._kept: deque[tuple[int, int]] = deque()

    def add(self, at: int, value: int) -> int:
        """Add a value of a time [ns]; return the least."""
        kept = self._kept
        while kept and kept[-1][1] >= value:
            kept.pop()
        kept.append((at, value))
        while kept[0][0] < at - WINDOW_NS:
            kept.popleft()
        return kept[0][1]


class StampClock:
    """Tells the time of stamps from the stamps themselves and from when they arrived.

    Who compares a stamp with the time of its own clock is wrong where the two clocks differ. This
    one is as far ahead as the sensor that tells soonest; it is late by the time on the way of the
    quickest message. Arrivals are steady times, so that no clock set anew disturbs them.
    """

    def __init__(self) -> None:
        """Begin without any stamp."""
        self._newest: dict[str, int] = {}
        self._older: dict[str, int] = {}
        self._least = RunningMinimum()
        # Arrival minus stamp [ns]; one assignment, so that other threads may ask.
        self._offset: int | None = None

    def see(self, sensor: str, stamp: int, arrival: int) -> None:
        """Take the stamp of a sensor's message, and when it arrived [steady ns]."""
        if stamp < self._newest.get(sensor, stamp):
            self._older[sensor] += 1
            if self._older[sensor] < SET_BACK:
                return
            self._newest.clear()
            self._least = RunningMinimum()
        self._newest[sensor], self._older[sensor] = stamp, 0
        self._offset = self._least.add(arrival, arrival - stamp)

    def at(self, arrival: int) -> int | None:
        """Return what a stamp of a steady time [ns] would be; None before the first message."""
        return None if self._offset is None else arrival - self._offset
