# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""No stamp is from the future, and none comes before the one before it."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from irevla_control.cameras.clock_offset import ClockOffset

MS = 1_000_000
PERIOD = 33 * MS


def pictures(ahead, count=600, delays=(25, 40, 30), begin=10 ** 18):
    """Yield when pictures were taken by the computer's clock, their stamps and arrivals [ns]."""
    for number in range(count):
        taken = begin + number * PERIOD
        yield taken, taken + ahead, taken + delays[number % len(delays)] * MS


def test_stamps_of_a_clock_that_is_right_stay_as_they_are():
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


def test_first_pictures_that_are_late_are_made_up_for_without_a_step_back():
    clock = ClockOffset(0.02)
    stamps = [clock.corrected(stamp, arrival) for _, stamp, arrival in pictures(
        200 * MS, delays=(100, 68, 36, *[20] * 97), count=100)]
    assert all(a < b for a, b in zip(stamps, stamps[1:]))
    taken = [one[0] for one in pictures(0, count=100)]
    assert stamps[10:] == taken[10:]


def test_what_was_ten_seconds_ago_is_forgotten():
    clock = ClockOffset(0.0)
    for _, stamp, arrival in pictures(100 * MS, count=30):
        clock.corrected(stamp, arrival)
    for _, stamp, arrival in pictures(50 * MS, count=330, begin=10 ** 18 + 31 * PERIOD):
        clock.corrected(stamp, arrival)
    assert clock.offset_s == pytest.approx(-0.025)


def test_a_clock_set_back_begins_anew():
    clock, hour = ClockOffset(0.02), 3_600_000 * MS
    for _, stamp, arrival in pictures(0, count=5):
        clock.corrected(stamp, arrival)
    assert clock.corrected(10 ** 18 - hour, 10 ** 18 - hour + 30 * MS) == 10 ** 18 - hour
    # Only the camera's own, and not by much: its stamps still go on.
    ahead = [clock.corrected(stamp, arrival)
             for _, stamp, arrival in pictures(200 * MS, count=5)]
    right = [clock.corrected(stamp, arrival) for _, stamp, arrival in pictures(
        0, count=5, begin=10 ** 18 + 5 * PERIOD)]
    assert ahead[-1] < right[0] == 10 ** 18 + 5 * PERIOD


def test_an_old_picture_stays_old():
    clock = ClockOffset(0.02)
    for _, stamp, arrival in pictures(0, count=5):
        clock.corrected(stamp, arrival)
    assert clock.corrected(10 ** 18 - 5000 * MS, 10 ** 18 + 5 * PERIOD) == 10 ** 18 - 5000 * MS


@given(st.lists(st.tuples(st.integers(-100, 200), st.integers(0, 80)), min_size=1, max_size=50))
def test_stamps_grow_and_none_is_from_the_future(jitter):
    clock, before = ClockOffset(0.0), -1
    for number, (stamp, delay) in enumerate(jitter):
        arrival = 10 ** 18 + number * 100 * MS + delay * MS
        corrected = clock.corrected(10 ** 18 + number * 100 * MS + stamp * MS, arrival)
        assert before < corrected <= max(arrival, before + 1)
        before = corrected
