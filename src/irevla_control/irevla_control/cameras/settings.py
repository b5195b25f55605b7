# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of one camera, and the error of a camera."""

from dataclasses import dataclass

from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.parameters.parameter_fields import parameter

ROTATIONS = (0, 90, 180, 270)
US_PER_S = 1_000_000
# Crop that is the largest square in the middle.
MIDDLE = (0,)


class CameraError(IrevlaError):
    """A camera is missing or refuses its settings."""


@dataclass(frozen=True)
class CameraSettings:
    """Settings of one camera.

    Attributes:
        serial: serial number, as printed on the camera.
        rotation: clockwise rotation [degrees], 0, 90, 180 or 270, applied after the crop.

    """

    serial: str
    width: int = parameter(640, 'width of the captured stream [pixels]', 16, 4096)
    height: int = parameter(480, 'height of the captured stream [pixels]', 16, 4096)
    fps: int = parameter(30, 'rate of captured and published images [Hz]', 1, 120)
    exposure_us: int = parameter(
        0, 'fixed exposure time, at most that of a frame [microseconds]; 0: automatic', 0, 200_000
    )
    gain: int = parameter(64, 'gain of the sensor, with a fixed exposure', 0, 248)
    crop: tuple[int, ...] = parameter(
        MIDDLE,
        'left, top, width, height of the part used [pixels]; [0]: the largest square in '
        'the middle',
        0,
        4096,
    )
    image_size: int = parameter(224, 'height and width of the published images [pixels]', 16, 2048)
    rotation: int = 0
    transport_s: float = parameter(
        0.02,
        'least time from an exposure to the arrival of its image, for cameras whose clock '
        'is ahead [s]',
        0.0,
        0.2,
    )
    min_rate_share: float = parameter(
        0.9, 'share of fps below which a camera is reported as too slow', 0.0, 1.0
    )
    frozen_after_s: float = parameter(
        2.0, 'time after which identical images are reported; 0: never [s]', 0.0, 600.0
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for a crop outside the image, or a too long exposure."""
        if self.crop == MIDDLE:
            side = min(self.width, self.height)
            object.__setattr__(
                self, 'crop', ((self.width - side) // 2, (self.height - side) // 2, side, side)
            )
        left, top, width, height = self.crop if len(self.crop) == 4 else (-1, 0, 0, 0)
        if (
            left < 0
            or top < 0
            or width < 1
            or height < 1
            or left + width > self.width
            or top + height > self.height
        ):
            raise ConfigError(
                f'camera {self.serial}: crop {self.crop}; left, top, width, height '
                f'within {self.width} x {self.height} are needed'
            )
        if self.exposure_us * self.fps > US_PER_S:
            raise ConfigError(
                f'camera {self.serial}: exposure_us {self.exposure_us} is longer than a frame at '
                f'{self.fps} Hz; give {US_PER_S // self.fps} or less, or a lower fps'
            )
