# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""No stamp is later than its arrival, and stamps increase."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from irevla_control.cameras.clock_offset import ClockOffset

MS = 1_000_000
PERIOD = 33 * MS


def pictures(ahead, count=600, delays=(25, 40, 30), begin=10**18):
    """Yield exposure times by the computer's clock, stamps and arrivals of images [ns]."""
    for number in range(count):
        taken = begin + number * PERIOD
        yield taken, taken + ahead, taken + delays[number % len(delays)] * MS


def test_stamps_of_a_correct_clock_are_not_changed():
    clock = ClockOffset(0.02)
    assert all(clock.corrected(stamp, arrival) == stamp for _, stamp, arrival in pictures(0))
    assert clock.offset_s == pytest.approx(0.025) and clock.shift_ns == 0


@pytest.mark.parametrize('ahead_ms', [45, 100, 3_600_000])
def test_stamps_of_a_clock_that_is_ahead_become_the_times_of_exposure(ahead_ms):
    clock = ClockOffset(0.025)
    for taken, stamp, arrival in pictures(ahead_ms * MS):
        given_stamp = clock.corrected(stamp, arrival)
        assert given_stamp == taken
    assert clock.offset_s == pytest.approx(0.025 - 1e-3 * ahead_ms)


def test_stamps_increase_while_the_offset_is_still_converging():
    clock = ClockOffset(0.02)
    stamps = [
        clock.corrected(stamp, arrival)
        for _, stamp, arrival in pictures(200 * MS, delays=(100, 68, 36, *[20] * 97), count=100)
    ]
    assert all(a < b for a, b in zip(stamps, stamps[1:]))
    taken = [exposure for exposure, *_ in pictures(0, count=100)]
    assert stamps[10:] == taken[10:]


def test_measurements_older_than_ten_seconds_are_discarded():
    clock = ClockOffset(0.0)
    for _, stamp, arrival in pictures(100 * MS, count=30):
        clock.corrected(stamp, arrival)
    for _, stamp, arrival in pictures(50 * MS, count=330, begin=10**18 + 31 * PERIOD):
        clock.corrected(stamp, arrival)
    assert clock.offset_s == pytest.approx(-0.025)


def test_a_clock_that_was_set_back_is_measured_again():
    clock, hour = ClockOffset(0.02), 3_600_000 * MS
    for _, stamp, arrival in pictures(0, count=5):
        clock.corrected(stamp, arrival)
    assert clock.corrected(10**18 - hour, 10**18 - hour + 30 * MS) == 10**18 - hour
    # A small step back of the camera's clock only: corrected stamps still increase.
    ahead = [clock.corrected(stamp, arrival) for _, stamp, arrival in pictures(200 * MS, count=5)]
    right = [
        clock.corrected(stamp, arrival)
        for _, stamp, arrival in pictures(0, count=5, begin=10**18 + 5 * PERIOD)
    ]
    assert ahead[-1] < right[0] == 10**18 + 5 * PERIOD


def test_the_stamp_of_an_old_image_is_not_changed():
    clock = ClockOffset(0.02)
    for _, stamp, arrival in pictures(0, count=5):
        clock.corrected(stamp, arrival)
    assert clock.corrected(10**18 - 5000 * MS, 10**18 + 5 * PERIOD) == 10**18 - 5000 * MS


@given(st.lists(st.tuples(st.integers(-100, 200), st.integers(0, 80)), min_size=1, max_size=50))
def test_stamps_increase_and_none_is_later_than_its_arrival(jitter):
    clock, before = ClockOffset(0.0), -1
    for number, (stamp, delay) in enumerate(jitter):
        arrival = 10**18 + number * 100 * MS + delay * MS
        corrected = clock.corrected(10**18 + number * 100 * MS + stamp * MS, arrival)
        assert before < corrected <= max(arrival, before + 1)
        before = corrected
