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

from irevla_control.errors import ConfigError, IrevlaError

MS = 1_000_000
# Clocks that tell when a frame was taken in the computer's time.
SYSTEM_CLOCKS = (rs.timestamp_domain.system_time, rs.timestamp_domain.global_time)


class CameraError(IrevlaError):
    """A camera that is not there or does not do what is asked."""


@dataclass(frozen=True)
class CameraSettings:
    """What one camera captures and gives.

    Attributes:
        serial: as printed on the camera.
        width, height, fps: of the captured stream [pixels, Hz].
        exposure_us: fixed exposure time [microseconds]; 0 leaves it to the camera.
        gain: with a fixed exposure.
        crop: left, top, width, height of the part that is used [pixels]; empty: the largest
            square in the middle.
        size: height and width of the images given [pixels].

    """

    serial: str
    width: int = 640
    height: int = 480
    fps: int = 30
    exposure_us: int = 0
    gain: int = 64
    crop: tuple[int, ...] = ()
    size: int = 224

    def __post_init__(self) -> None:
        """Raise ConfigError for a part that does not lie in the picture."""
        if not self.crop:
            side = min(self.width, self.height)
            object.__setattr__(self, 'crop', (
                (self.width - side) // 2, (self.height - side) // 2, side, side))
        left, top, width, height = self.crop if len(self.crop) == 4 else (-1, 0, 0, 0)
        if left < 0 or top < 0 or width < 1 or height < 1 or left + width > self.width \
                or top + height > self.height:
            raise ConfigError(f'camera {self.serial}: crop {self.crop}; left, top, width, height '
                              f'within {self.width} x {self.height} are needed')


@dataclass(frozen=True)
class CameraFrame:
    """One image and when it was taken.

    Attributes:
        stamp: nanoseconds of the computer's clock, of the exposure where the camera tells it.
        number: of the camera's own count.
        data: bytes of an image (size, size, 3) RGB, ready for a message.

    """

    stamp: int
    number: int
    data: array.array


def find_sensor(serial: str) -> rs.sensor:
    """Return the colour sensor of a connected camera.

    Raises:
        CameraError: no camera with this serial; names those that are connected.

    """
    serials = []
    for device in rs.context().query_devices():
        found = device.get_info(rs.camera_info.serial_number)
        if found == serial:
            # Not `first_color_sensor`: some have their colour from the stereo module.
            for sensor in device.query_sensors():
                if any(profile.format() == rs.format.rgb8
                       for profile in sensor.get_stream_profiles()):
                    return sensor
            raise CameraError(f'camera {serial} gives no RGB images; use another one')
        serials.append(found)
    raise CameraError(f'no camera has serial {serial}; connected are '
                      f'{", ".join(serials) or "none"}: check the cable and the udev rules')


class RealSenseCamera:
    """Gives frames to a callback, in the SDK's own thread, until it is closed."""

    def __init__(self, sensor: rs.sensor, settings: CameraSettings,
                 on_frame: Callable[[CameraFrame], None]) -> None:
        """Open the camera's colour sensor and begin.

        Raises:
            CameraError: no such stream or option; names what there is.

        """
        self.settings, self._on_frame = settings, on_frame
        self.seen = False
        self._sensor = sensor
        profile = self._profile()
        self._intrinsics = profile.get_intrinsics()
        self._set_options()
        try:
            self._sensor.open(profile)
            self._sensor.start(self._on_sdk_frame)
        except RuntimeError as error:
            self.close()
            raise CameraError(f'camera {settings.serial}: {error}; is another program using it?'
                              ) from error
        self.arrived_s = time.monotonic()

    def _profile(self) -> rs.video_stream_profile:
        settings, known = self.settings, []
        for profile in self._sensor.get_stream_profiles():
            video = profile.as_video_stream_profile()
            if not video or profile.format() != rs.format.rgb8:
                continue
            found = video.width(), video.height(), video.fps()
            if found == (settings.width, settings.height, settings.fps):
                return video
            known.append('x'.join(map(str, found)))
        raise CameraError(
            f'camera {settings.serial} has no RGB stream of {settings.width}x{settings.height} at '
            f'{settings.fps} Hz; it has {", ".join(known)}')

    def _set_options(self) -> None:
        settings = self.settings
        automatic = float(settings.exposure_us == 0)
        wanted = {rs.option.enable_auto_exposure: automatic}
        if not automatic:
            wanted |= {rs.option.exposure: float(settings.exposure_us),
                       rs.option.gain: float(settings.gain)}
            if self._sensor.supports(rs.option.enable_auto_white_balance):
                wanted[rs.option.enable_auto_white_balance] = 0.0
        for option, value in wanted.items():
            try:
                self._sensor.set_option(option, value)
            except RuntimeError as error:
                raise CameraError(f'camera {settings.serial}: {option.name} {value:g}: '
                                  f'{error}') from error

    def _on_sdk_frame(self, frame: rs.frame) -> None:
        self.arrived_s, self.seen = time.monotonic(), True
        stamp = round(frame.get_timestamp() * MS) \
            if frame.get_frame_timestamp_domain() in SYSTEM_CLOCKS else time.time_ns()
        left, top, width, height = self.settings.crop
        size = self.settings.size
        # A view of the SDK's own memory, resized straight into the message's.
        part = np.asanyarray(frame.get_data())[top:top + height, left:left + width]
        data = array.array('B', b'\0') * (size * size * 3)
        cv2.resize(part, (size, size), dst=np.frombuffer(data, np.uint8).reshape(size, size, 3),
                   interpolation=cv2.INTER_AREA)
        self._on_frame(CameraFrame(stamp, frame.get_frame_number(), data))

    def matrix(self) -> np.ndarray:
        """Return the camera matrix (3, 3) of the images given."""
        left, top, width, height = self.settings.crop
        across, down = self.settings.size / width, self.settings.size / height
        lens = self._intrinsics
        return np.array([[lens.fx * across, 0, (lens.ppx - left) * across],
                         [0, lens.fy * down, (lens.ppy - top) * down],
                         [0, 0, 1]])

    def close(self) -> None:
        """End the stream; a camera that is gone already is no error."""
        for end in (self._sensor.stop, self._sensor.close):
            try:
                end()
            except RuntimeError:
                continue
