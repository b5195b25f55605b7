# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Counts lost messages of a topic by its publishers' sequence numbers."""


class SequenceGaps:
    """Tracks the sequence numbers of one topic; each publisher has its own sequence.

    Attributes:
        publishers: present number of publishers; a new one does not count as a gap of another.

    """

    def __init__(self) -> None:
        """Start without a publisher."""
        self.publishers = 1
        self._expected: list[int] = []

    def lost(self, sequence: int) -> int:
        """Return the number of messages lost before this one; 0 for number 0 (unknown)."""
        if sequence == 0:
            return 0
        behind = [number for number in self._expected if number <= sequence]
        nearest = max(behind, default=None)
        if nearest is None or (nearest != sequence and len(self._expected) < self.publishers):
            self._expected.append(sequence + 1)
            return 0
        self._expected[self._expected.index(nearest)] = sequence + 1
        return sequence - nearest
