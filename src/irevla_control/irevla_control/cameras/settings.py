# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of one camera, and the error of a camera."""

from dataclasses import dataclass

from irevla_control.errors import ConfigError, IrevlaError

ROTATIONS = (0, 90, 180, 270)
US_PER_S = 1_000_000


class CameraError(IrevlaError):
    """A camera is missing or refuses its settings."""


@dataclass(frozen=True)
class CameraSettings:
    """Settings of one camera.

    Attributes:
        serial: serial number, as printed on the camera.
        width, height, fps: captured stream [pixels, pixels, Hz].
        exposure_us: fixed exposure time [microseconds]; 0: automatic.
        gain: gain, used with a fixed exposure.
        crop: left, top, width, height of the part that is used [pixels]; empty: the largest
            square in the middle.
        size: height and width of the published images [pixels].
        rotation: clockwise rotation [degrees], 0, 90, 180 or 270, applied after the crop.
        transport_s: least time from an exposure to the arrival of its image [s].
        min_rate_share, frozen_after_s: see `CameraHealth`.

    """

    serial: str
    width: int = 640
    height: int = 480
    fps: int = 30
    exposure_us: int = 0
    gain: int = 64
    crop: tuple[int, ...] = ()
    size: int = 224
    rotation: int = 0
    transport_s: float = 0.02
    min_rate_share: float = 0.9
    frozen_after_s: float = 2.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a crop outside the image, or a too long exposure."""
        if not self.crop:
            side = min(self.width, self.height)
            object.__setattr__(self, 'crop', (
                (self.width - side) // 2, (self.height - side) // 2, side, side))
        left, top, width, height = self.crop if len(self.crop) == 4 else (-1, 0, 0, 0)
        if left < 0 or top < 0 or width < 1 or height < 1 or left + width > self.width \
                or top + height > self.height:
            raise ConfigError(f'camera {self.serial}: crop {self.crop}; left, top, width, height '
                              f'within {self.width} x {self.height} are needed')
        if self.exposure_us * self.fps > US_PER_S:
            raise ConfigError(
                f'camera {self.serial}: exposure_us {self.exposure_us} is longer than a frame at '
                f'{self.fps} Hz; give {US_PER_S // self.fps} or less, or a lower fps')
