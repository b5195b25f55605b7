# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that gives pictures may still be of no use; each way in which it may is told."""

import numpy as np
import pytest

from irevla_control.cameras.camera_health import CameraHealth, checksum, mixed_clocks


def watched(rate_hz=30.0, seconds=8.0, same_from_s=float('inf'), **settings):
    """Return what watched a camera of 30 Hz."""
    health = CameraHealth(**{'fps': 30, 'min_rate_share': 0.9, 'frozen_after_s': 2.0, **settings})
    for number in range(int(seconds * rate_hz)):
        at = number / rate_hz
        health.picture(min(number, int(same_from_s * rate_hz) if same_from_s < 99 else number),
                       100.0 + at)
    return health


def test_a_camera_as_asked_for_has_no_problems():
    health = watched()
    assert not health.problems() and health.rate_hz == pytest.approx(30, abs=0.3)


def test_pictures_that_stay_the_same_are_told_in_time():
    assert not watched(seconds=3.9, same_from_s=2.0).problems()
    text, = watched(seconds=6.0, same_from_s=2.0).problems()
    assert 'the same for 4 s' in text
    assert not watched(seconds=6.0, same_from_s=2.0, frozen_after_s=0.0).problems()


def test_half_the_rate_is_told_once_it_was_measured():
    assert not watched(rate_hz=15, seconds=4.0).problems()
    text, = watched(rate_hz=15).problems()
    assert 'gives 15.0 pictures a second, 30 are asked' in text
    assert not watched(rate_hz=28).problems()
    assert not watched(rate_hz=15, min_rate_share=0.4).problems()


def test_without_a_picture_nothing_is_said():
    health = CameraHealth(30, 0.9, 1.0)
    assert health.rate_hz is None and not health.problems()


def test_the_noise_of_a_sensor_changes_the_checksum():
    random = np.random.default_rng(0)
    picture = random.integers(0, 250, (48, 64, 3), np.uint8)
    noisy = picture + (random.random(picture.shape) < 0.1).astype(np.uint8)
    assert checksum(picture) == checksum(picture.copy()) != checksum(noisy)


def test_mixed_clocks_are_told_by_camera():
    assert not mixed_clocks({}) and not mixed_clocks({'a': 'global_time', 'b': 'global_time'})
    assert 'front global_time, wrist hardware_clock' in mixed_clocks(
        {'wrist': 'hardware_clock', 'front': 'global_time'})
