# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One RealSense camera by its serial number: fixed exposure, cropped and resized colour images."""

import array
from collections.abc import Callable
from dataclasses import dataclass
import time

import cv2
import numpy as np
import pyrealsense2 as rs

from irevla_control.cameras.camera_health import CameraHealth, checksum
from irevla_control.cameras.clock_offset import ClockOffset
from irevla_control.cameras.colour_stream import colour_stream
from irevla_control.cameras.sensor_options import set_options
from irevla_control.cameras.settings import CameraError, CameraSettings

MS = 1_000_000
# Clocks whose frame stamps are close to the computer's time.
SYSTEM_CLOCKS = (rs.timestamp_domain.system_time, rs.timestamp_domain.global_time)
TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True)
class CameraFrame:
    """One image and its stamp.

    Attributes:
        stamp: time of the exposure [ns], else of the arrival, by the computer's clock.
        number: frame number of the camera.
        data: bytes of an image (size, size, 3) RGB, ready for a message.

    """

    stamp: int
    number: int
    data: array.array


class RealSenseCamera:
    """Passes frames to a callback, in a thread of the SDK, until it is closed.

    Attributes:
        stream: the opened stream.
        clock: corrects the stamps.
        clock_name: the SDK's name of the camera's clock; '' before the first frame.
        health: monitors the images.
        seen: whether a frame has arrived.
        arrived_s: arrival of the newest frame, else the time of opening [steady s].

    """

    def __init__(
        self, device: rs.device, settings: CameraSettings, on_frame: Callable[[CameraFrame], None]
    ) -> None:
        """Open the camera's colour stream and start it.

        Raises:
            CameraError: no such stream or option; the text names the available ones.

        """
        self.settings, self._on_frame = settings, on_frame
        self.seen = False
        self.clock, self.clock_name = ClockOffset(settings.transport_s), ''
        self.health = CameraHealth(settings.fps, settings.min_rate_share, settings.frozen_after_s)
        self.stream = colour_stream(device, settings)
        self._sensor = self.stream.sensor
        self._intrinsics = self.stream.profile.get_intrinsics()
        set_options(self._sensor, settings)
        try:
            self._sensor.open(self.stream.profile)
            self._sensor.start(self._on_sdk_frame)
        except RuntimeError as error:
            self.close()
            raise CameraError(
                f'camera {settings.serial}: {error}; is another program using it?'
            ) from error
        self.arrived_s = time.monotonic()

    def _on_sdk_frame(self, frame: rs.frame) -> None:
        stamp = arrival = time.time_ns()
        self.arrived_s, self.seen = time.monotonic(), True
        domain = frame.get_frame_timestamp_domain()
        self.clock_name = domain.name
        if domain in SYSTEM_CLOCKS:
            stamp = self.clock.corrected(round(frame.get_timestamp() * MS), arrival)
        left, top, width, height = self.settings.crop
        size = self.settings.image_size
        # A view of the SDK's memory, resized directly into that of the message.
        part = np.asanyarray(frame.get_data())[top : top + height, left : left + width]
        self.health.picture(checksum(part), self.arrived_s)
        data = array.array('B', b'\0') * (size * size * 3)
        image = np.frombuffer(data, np.uint8).reshape(size, size, 3)
        cv2.resize(part, (size, size), dst=image, interpolation=cv2.INTER_AREA)
        if self.settings.rotation:
            image[:] = cv2.rotate(image, TURNS[self.settings.rotation])
        self._on_frame(CameraFrame(stamp, frame.get_frame_number(), data))

    def matrix(self) -> np.ndarray:
        """Return the camera matrix (3, 3) of the published images."""
        left, top, width, height = self.settings.crop
        across, down = self.settings.image_size / width, self.settings.image_size / height
        lens, size = self._intrinsics, self.settings.image_size
        focal = lens.fx * across, lens.fy * down
        centre = (lens.ppx - left) * across, (lens.ppy - top) * down
        for _ in range(self.settings.rotation // 90):
            # A clockwise rotation by 90 degrees maps (x, y) to (size - y, x).
            focal, centre = focal[::-1], (size - centre[1], centre[0])
        return np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])

    def close(self) -> None:
        """End the stream; an unplugged camera is no error."""
        for end in (self._sensor.stop, self._sensor.close):
            try:
                end()
            except RuntimeError:
                continue
