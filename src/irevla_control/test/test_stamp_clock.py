# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The time of stamps, from stamps and steady arrivals alone."""

from irevla_control.stamp_clock import StampClock

MS = 1_000_000
NOW = 10 ** 18


def test_it_knows_nothing_before_the_first_message():
    assert StampClock().at(5) is None


def test_the_sensor_that_tells_soonest_sets_it():
    clock = StampClock()
    for number in range(20):
        arrival = number * 30 * MS
        clock.see('camera', NOW + arrival - 40 * MS, arrival)
        clock.see('state', NOW + arrival - 2 * MS, arrival)
    assert clock.at(1000 * MS) == NOW + 998 * MS


def test_a_camera_that_is_ahead_takes_it_along_and_back_after_ten_seconds():
    clock = StampClock()
    clock.see('camera', NOW + 45 * MS, 0)
    clock.see('state', NOW + 99 * MS, 100 * MS)
    assert clock.at(100 * MS) == NOW + 145 * MS
    clock.see('state', NOW + 10_999 * MS, 11_000 * MS)
    assert clock.at(11_000 * MS) == NOW + 10_999 * MS


def test_one_old_message_changes_nothing_and_a_clock_set_back_everything():
    clock, hour = StampClock(), 3_600_000 * MS
    clock.see('camera', NOW, 0)
    clock.see('camera', NOW - hour, 10 * MS)
    assert clock.at(20 * MS) == NOW + 20 * MS
    for number in range(5):
        clock.see('camera', NOW - hour + number * MS, (20 + number) * MS)
    assert clock.at(30 * MS) == NOW - hour + 10 * MS
