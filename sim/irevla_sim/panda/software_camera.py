# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A RealSense camera without hardware: frames that are injected come out of the real SDK."""

from collections.abc import Sequence
import time

import numpy as np
import pyrealsense2 as rs

# The SDK's time stamps count milliseconds.
MS_PER_S = 1e3


class SoftwareCamera:
    """One software device of the SDK with a colour sensor, its exposure and its gain."""

    def __init__(self, serial: str, modes: Sequence[tuple[int, int, int]], fov: float) -> None:
        """Make it.

        Args:
            serial: its serial number.
            modes: width, height [pixels] and frames/s [Hz] of each stream that it offers.
            fov: vertical angle of view [rad].

        """
        self.serial = serial
        self._device = rs.software_device()
        self._device.register_info(rs.camera_info.serial_number, serial)
        self.sensor = self._device.add_sensor('RGB Camera')
        for option, high, value in ((rs.option.enable_auto_exposure, 1.0, 1.0),
                                    (rs.option.exposure, 200_000.0, 8000.0),
                                    (rs.option.gain, 248.0, 64.0)):
            span = rs.option_range()
            span.min, span.max, span.step, span.default = 0.0, high, 1.0, value
            self.sensor.add_option(option, span, True)
        for number, mode in enumerate(modes):
            self.sensor.add_video_stream(self._stream(number, *mode, fov))
        self._number = 0

    @staticmethod
    def _stream(number: int, width: int, height: int, fps: int, fov: float) -> rs.video_stream:
        lens = rs.intrinsics()
        lens.width, lens.height, lens.model = width, height, rs.distortion.none
        lens.fx = lens.fy = 0.5 * height / np.tan(0.5 * fov)
        lens.ppx, lens.ppy = 0.5 * width, 0.5 * height
        stream = rs.video_stream()
        stream.type, stream.index, stream.uid = rs.stream.color, 0, 1 + number
        stream.width, stream.height, stream.fps = width, height, fps
        stream.bpp, stream.fmt, stream.intrinsics = 3, rs.format.rgb8, lens
        return stream

    @property
    def mode(self) -> tuple[int, int, int] | None:
        """Width, height [pixels] and frames/s of the stream that is open, or None."""
        profile = self._opened()
        return (profile.width(), profile.height(), profile.fps()) if profile else None

    def _opened(self) -> rs.video_stream_profile | None:
        opened = self.sensor.get_active_streams()
        return opened[0].as_video_stream_profile() if opened else None

    def show(self, picture: np.ndarray, taken_s: float | None = None) -> None:
        """Have the sensor see a picture uint8 (height, width, 3) RGB.

        Args:
            picture: as large as the stream that is open; while none is, nobody sees it.
            taken_s: Unix time of the exposure [s]; now when left out.

        """
        profile = self._opened()
        if profile is None:
            return
        frame = rs.software_video_frame()
        frame.pixels, frame.stride, frame.bpp = picture, 3 * profile.width(), 3
        frame.timestamp = MS_PER_S * (time.time() if taken_s is None else taken_s)
        frame.domain = rs.timestamp_domain.system_time
        frame.frame_number, frame.profile = self._number, profile
        self._number += 1
        self.sensor.on_video_frame(frame)
