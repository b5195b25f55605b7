# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A RealSense camera without hardware: injected frames pass through the real SDK."""

from collections.abc import Sequence
import time

import numpy as np
import pyrealsense2 as rs

# The SDK's time stamps are in milliseconds.
MS_PER_S = 1e3


# Ranges of a real sensor's options: least, greatest, step, default.
Ranges = dict[rs.option, tuple[float, float, float, float]]
AUTOMATIC: Ranges = {rs.option.enable_auto_exposure: (0, 1, 1, 1)}
# One count of its exposure is 1 us.
STEREO_MODULE: Ranges = {
    **AUTOMATIC,
    rs.option.exposure: (1, 165_000, 1, 8500),
    rs.option.gain: (16, 248, 1, 16),
}
# One count of its exposure is 100 us.
RGB_CAMERA: Ranges = {
    **AUTOMATIC,
    rs.option.exposure: (1, 10_000, 1, 156),
    rs.option.gain: (0, 128, 1, 64),
    rs.option.auto_exposure_priority: (0, 1, 1, 1),
    rs.option.enable_auto_white_balance: (0, 1, 1, 1),
}


class SoftwareCamera:
    """One software device of the SDK with the sensors and ranges of a real camera.

    The stereo module is listed first and also offers infrared as RGB. The colour stream belongs to
    a separate sensor, as in a D435, or to the stereo module, as in a D405.

    Attributes:
        serial: serial number.
        device: the SDK's device.
        sensor: the sensor with the colour stream.

    """

    def __init__(
        self,
        serial: str,
        modes: Sequence[tuple[int, int, int]],
        fov: float,
        colour_in_stereo: bool = False,
    ) -> None:
        """Create the device.

        Args:
            serial: serial number.
            modes: width [pixels], height [pixels] and fps [Hz] of each offered stream.
            fov: vertical field of view [rad].
            colour_in_stereo: whether the colour stream belongs to the stereo module.

        """
        self.serial = serial
        self.device = rs.software_device()
        self.device.register_info(
            rs.camera_info.name, 'Software D405' if colour_in_stereo else 'Software D435'
        )
        self.device.register_info(rs.camera_info.serial_number, serial)
        stereo = self._add_sensor('Stereo Module', STEREO_MODULE)
        self.sensor = stereo if colour_in_stereo else self._add_sensor('RGB Camera', RGB_CAMERA)
        uid = 0
        for sensor, kind, index in (
            (stereo, rs.stream.infrared, 1),
            (self.sensor, rs.stream.color, 0),
        ):
            for mode in modes:
                uid += 1
                sensor.add_video_stream(self._stream(kind, index, uid, *mode, fov))
        self._number = 0

    def _add_sensor(self, name: str, ranges: Ranges) -> rs.software_sensor:
        sensor = self.device.add_sensor(name)
        for option, values in ranges.items():
            span = rs.option_range()
            span.min, span.max, span.step, span.default = map(float, values)
            sensor.add_option(option, span, True)
        return sensor

    @staticmethod
    def _stream(
        kind: rs.stream, index: int, uid: int, width: int, height: int, fps: int, fov: float
    ) -> rs.video_stream:
        lens = rs.intrinsics()
        lens.width, lens.height, lens.model = width, height, rs.distortion.none
        lens.fx = lens.fy = 0.5 * height / np.tan(0.5 * fov)
        lens.ppx, lens.ppy = 0.5 * width, 0.5 * height
        stream = rs.video_stream()
        stream.type, stream.index, stream.uid = kind, index, uid
        stream.width, stream.height, stream.fps = width, height, fps
        stream.bpp, stream.fmt, stream.intrinsics = 3, rs.format.rgb8, lens
        return stream

    @property
    def mode(self) -> tuple[int, int, int] | None:
        """Width [pixels], height [pixels] and fps [Hz] of the open stream, or None."""
        profile = self._opened()
        return (profile.width(), profile.height(), profile.fps()) if profile else None

    def _opened(self) -> rs.video_stream_profile | None:
        opened = self.sensor.get_active_streams()
        return opened[0].as_video_stream_profile() if opened else None

    def show(
        self,
        picture: np.ndarray,
        taken_s: float | None = None,
        domain: rs.timestamp_domain = rs.timestamp_domain.global_time,
    ) -> None:
        """Inject an image uint8 (height, width, 3) RGB as a frame of the sensor.

        Args:
            picture: image of the open stream's size; ignored if no stream is open.
            taken_s: Unix time of the exposure [s]; None: now.
            domain: clock of that time.

        """
        profile = self._opened()
        if profile is None:
            return
        frame = rs.software_video_frame()
        frame.pixels, frame.stride, frame.bpp = picture, 3 * profile.width(), 3
        frame.timestamp = MS_PER_S * (time.time() if taken_s is None else taken_s)
        frame.domain = domain
        frame.frame_number, frame.profile = self._number, profile
        self._number += 1
        self.sensor.on_video_frame(frame)
