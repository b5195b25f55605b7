# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Lost messages are counted from sequence numbers: none is missed, none is invented."""

from hypothesis import given
from hypothesis import strategies as st

from irevla_control.ros.sequence_gaps import SequenceGaps


def total(gaps, sequences):
    return sum(gaps.lost(sequence) for sequence in sequences)


@given(st.integers(1, 10**6), st.lists(st.booleans(), min_size=1, max_size=200))
def test_every_missing_message_between_the_first_and_the_last_is_counted(first, arrives):
    received = [first + number for number, here in enumerate(arrives) if here]
    missing = received[-1] - received[0] + 1 - len(received) if received else 0
    assert total(SequenceGaps(), received) == missing


def test_publishers_are_counted_separately():
    gaps = SequenceGaps()
    gaps.publishers = 2
    assert total(gaps, [1, 500, 2, 501, 3, 4, 502, 503, 5]) == 0
    assert total(gaps, [6, 505, 8]) == 2


def test_a_publisher_that_starts_again_is_no_loss():
    assert total(SequenceGaps(), [7, 8, 9, 1, 2, 3, 5]) == 1


def test_messages_without_sequence_numbers_are_no_loss():
    assert total(SequenceGaps(), [0, 0, 0]) == 0
