# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Counting what a topic lost, from its publishers' sequence numbers."""


class SequenceGaps:
    """Follows the sequence numbers of one topic, each publisher counting by itself.

    Attributes:
        publishers: how many there are now; a new one is not taken for a gap of another.

    """

    def __init__(self) -> None:
        """Know no publisher yet."""
        self.publishers = 1
        self._expected: list[int] = []

    def lost(self, sequence: int) -> int:
        """Return how many messages are missing before this one; 0 numbers (unknown) miss none."""
        if sequence == 0:
            return 0
        behind = [number for number in self._expected if number <= sequence]
        nearest = max(behind, default=None)
        if nearest is None or (nearest != sequence and len(self._expected) < self.publishers):
            self._expected.append(sequence + 1)
            return 0
        self._expected[self._expected.index(nearest)] = sequence + 1
        return sequence - nearest
