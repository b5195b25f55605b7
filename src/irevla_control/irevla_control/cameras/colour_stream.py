# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the sensor and the mode of a camera that give colour images."""

from dataclasses import dataclass

import pyrealsense2 as rs

from irevla_control.cameras.settings import CameraError, CameraSettings


@dataclass(frozen=True)
class ColourStream:
    """A sensor of a camera and the stream profile to open."""

    device: rs.device
    sensor: rs.sensor
    profile: rs.video_stream_profile

    def __str__(self) -> str:
        """Return model, sensor, stream and mode in one line."""
        profile = self.profile
        return (
            f'{_name(self.device)}, sensor {_name(self.sensor)}, stream '
            f'{profile.stream_name()} {profile.format().name}, '
            f'{profile.width()}x{profile.height()} at {profile.fps()} Hz'
        )


def find_device(serial: str) -> rs.device:
    """Return the connected camera with a serial number.

    Raises:
        CameraError: no camera has this serial; the text names those that are connected.

    """
    serials = []
    for device in rs.context().query_devices():
        found = device.get_info(rs.camera_info.serial_number)
        if found == serial:
            return device
        serials.append(found)
    raise CameraError(
        f'no camera has serial {serial}; connected are '
        f'{", ".join(serials) or "none"}: check the cable and the udev rules'
    )


def colour_stream(device: rs.device, settings: CameraSettings) -> ColourStream:
    """Return the sensor and stream for the requested mode.

    The stream type separates colour from infrared, which some cameras also offer as RGB. The
    colour stream may belong to the stereo module or to a separate sensor.

    Raises:
        CameraError: no such stream; the text names the available ones.

    """
    known = []
    for sensor in device.query_sensors():
        for profile in sensor.get_stream_profiles():
            video = profile.as_video_stream_profile()
            if (
                not video
                or profile.stream_type() != rs.stream.color
                or profile.format() != rs.format.rgb8
            ):
                continue
            mode = video.width(), video.height(), video.fps()
            if mode == (settings.width, settings.height, settings.fps):
                return ColourStream(device, sensor, video)
            known.append('x'.join(map(str, mode)))
    if not known:
        raise CameraError(f'camera {settings.serial} has no RGB stream; use another camera')
    raise CameraError(
        f'camera {settings.serial} has no RGB stream of {settings.width}x{settings.height} at '
        f'{settings.fps} Hz; it has {", ".join(known)}'
    )


def _name(source: rs.device | rs.sensor) -> str:
    known = source.supports(rs.camera_info.name)
    return source.get_info(rs.camera_info.name) if known else 'of unknown name'
