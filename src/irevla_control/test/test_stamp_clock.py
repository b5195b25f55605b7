# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The time on the clock of the stamps, from stamps and steady arrivals."""

from irevla_control.stamp_clock import StampClock

MS = 1_000_000
NOW = 10**18


def test_there_is_no_time_before_the_first_message():
    assert StampClock().at(5) is None


def test_the_sensor_with_the_newest_stamps_sets_the_time():
    clock = StampClock()
    for number in range(20):
        arrival = number * 30 * MS
        clock.add('camera', NOW + arrival - 40 * MS, arrival)
        clock.add('state', NOW + arrival - 2 * MS, arrival)
    assert clock.at(1000 * MS) == NOW + 998 * MS


def test_a_clock_that_is_ahead_sets_the_time_for_ten_seconds():
    clock = StampClock()
    clock.add('camera', NOW + 45 * MS, 0)
    clock.add('state', NOW + 99 * MS, 100 * MS)
    assert clock.at(100 * MS) == NOW + 145 * MS
    clock.add('state', NOW + 10_999 * MS, 11_000 * MS)
    assert clock.at(11_000 * MS) == NOW + 10_999 * MS


def test_one_old_message_changes_nothing_and_a_clock_set_back_restarts():
    clock, hour = StampClock(), 3_600_000 * MS
    clock.add('camera', NOW, 0)
    clock.add('camera', NOW - hour, 10 * MS)
    assert clock.at(20 * MS) == NOW + 20 * MS
    for number in range(5):
        clock.add('camera', NOW - hour + number * MS, (20 + number) * MS)
    assert clock.at(30 * MS) == NOW - hour + 10 * MS
