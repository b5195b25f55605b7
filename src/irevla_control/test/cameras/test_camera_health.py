# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Each fault of a camera that still gives images is reported."""

import numpy as np
import pytest

from irevla_control.cameras.camera_health import CameraHealth, checksum, mixed_clocks


def watched(rate_hz=30.0, seconds=8.0, same_from_s=float('inf'), **settings):
    """Return the health of a camera after some seconds of images."""
    health = CameraHealth(**{'fps': 30, 'min_rate_share': 0.9, 'frozen_after_s': 2.0, **settings})
    for number in range(int(seconds * rate_hz)):
        at = number / rate_hz
        health.picture(
            min(number, int(same_from_s * rate_hz) if same_from_s < 99 else number), 100.0 + at
        )
    return health


def test_a_camera_at_the_requested_rate_has_no_problems():
    health = watched()
    assert not health.problems() and health.rate_hz == pytest.approx(30, abs=0.3)


def test_identical_images_are_reported_in_time():
    assert not watched(seconds=3.9, same_from_s=2.0).problems()
    (text,) = watched(seconds=6.0, same_from_s=2.0).problems()
    assert 'identical for 4 s' in text
    assert not watched(seconds=6.0, same_from_s=2.0, frozen_after_s=0.0).problems()


def test_half_the_rate_is_reported_once_it_is_measured():
    assert not watched(rate_hz=15, seconds=4.0).problems()
    (text,) = watched(rate_hz=15).problems()
    assert 'gives 15.0 images per second, 30 are requested' in text
    assert not watched(rate_hz=28).problems()
    assert not watched(rate_hz=15, min_rate_share=0.4).problems()


def test_without_an_image_nothing_is_reported():
    health = CameraHealth(30, 0.9, 1.0)
    assert health.rate_hz is None and not health.problems()


def test_the_noise_of_a_sensor_changes_the_checksum():
    random = np.random.default_rng(0)
    picture = random.integers(0, 250, (48, 64, 3), np.uint8)
    noisy = picture + (random.random(picture.shape) < 0.1).astype(np.uint8)
    assert checksum(picture) == checksum(picture.copy()) != checksum(noisy)


def test_mixed_clocks_are_reported_by_camera():
    assert not mixed_clocks({}) and not mixed_clocks({'a': 'global_time', 'b': 'global_time'})
    assert 'front global_time, wrist hardware_clock' in mixed_clocks(
        {'wrist': 'hardware_clock', 'front': 'global_time'}
    )
