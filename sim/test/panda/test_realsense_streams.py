# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The choice of a camera's stream and the setting of its exposure, with the real SDK."""

from dataclasses import replace

import pyrealsense2 as rs
import pytest

from irevla_control.cameras.colour_stream import colour_stream
from irevla_control.cameras.sensor_options import set_options
from irevla_control.cameras.settings import CameraError, CameraSettings
from irevla_control.errors import ConfigError
from irevla_sim.panda.devices.software_camera import SoftwareCamera

SETTINGS = CameraSettings('a1')
# A D435 has an RGB sensor; the colour stream of a D405 belongs to its stereo module.
KINDS = {'RGB Camera': False, 'Stereo Module': True}


def camera(kind='RGB Camera'):
    return SoftwareCamera('a1', [(640, 480, 30)], 1.0, KINDS[kind])


@pytest.mark.parametrize('kind', KINDS)
def test_the_colour_stream_is_opened_though_infrared_of_the_same_format_is_listed_first(kind):
    device = camera(kind).device
    first = device.query_sensors()[0].get_stream_profiles()[0]
    assert (first.stream_type(), first.format()) == (rs.stream.infrared, rs.format.rgb8)
    found = colour_stream(device, SETTINGS)
    assert found.profile.stream_type() == rs.stream.color
    assert found.sensor.get_info(rs.camera_info.name) == kind
    model = 'D405' if KINDS[kind] else 'D435'
    assert str(found) == (f'Software {model}, sensor {kind}, stream Color rgb8, 640x480 at 30 Hz')


def test_a_camera_without_a_colour_stream_is_refused():
    device = rs.software_device()
    device.add_sensor('Stereo Module')
    with pytest.raises(CameraError, match='camera a1 has no RGB stream'):
        colour_stream(device, SETTINGS)


@pytest.mark.parametrize(('kind', 'count'), [('RGB Camera', 80), ('Stereo Module', 8000)])
def test_an_exposure_is_given_in_the_units_of_the_sensor(kind, count):
    device = camera(kind)
    set_options(
        colour_stream(device.device, SETTINGS).sensor, replace(SETTINGS, exposure_us=8000, gain=32)
    )
    options = {
        option: device.sensor.get_option(option)
        for option in (rs.option.exposure, rs.option.gain, rs.option.enable_auto_exposure)
    }
    assert options == {
        rs.option.exposure: count,
        rs.option.gain: 32,
        rs.option.enable_auto_exposure: 0,
    }


def test_an_exposure_between_two_counts_becomes_the_nearer_one():
    device = camera()
    set_options(device.sensor, replace(SETTINGS, exposure_us=8260))
    assert device.sensor.get_option(rs.option.exposure) == 83


@pytest.mark.parametrize(
    ('kind', 'given', 'text'),
    [
        ('RGB Camera', {'exposure_us': 50}, 'exposure_us 50; its sensor allows 100 to 1000000'),
        ('RGB Camera', {'gain': 200}, 'gain 200; its sensor allows 0 to 128'),
        ('Stereo Module', {'gain': 8}, 'gain 8; its sensor allows 16 to 248'),
    ],
)
def test_a_value_outside_a_sensor_s_range_is_refused_with_the_range(kind, given, text):
    with pytest.raises(CameraError, match=text):
        set_options(camera(kind).sensor, replace(SETTINGS, **{'exposure_us': 8000, **given}))


def test_an_exposure_longer_than_a_frame_is_refused():
    replace(SETTINGS, exposure_us=33_333)
    with pytest.raises(ConfigError, match='exposure_us 33334 is longer than a frame at 30 Hz'):
        replace(SETTINGS, exposure_us=33_334)


@pytest.mark.parametrize('exposure_us', [0, 8000])
def test_exposure_does_not_lower_the_rate(exposure_us):
    device = camera()
    set_options(device.sensor, replace(SETTINGS, exposure_us=exposure_us))
    assert device.sensor.get_option(rs.option.auto_exposure_priority) == 0
    assert device.sensor.get_option(rs.option.enable_auto_exposure) == (exposure_us == 0)
