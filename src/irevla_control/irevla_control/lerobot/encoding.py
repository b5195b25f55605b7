# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of video encoders, which LeRobot supports too.

LeRobot encodes a video again with the settings of meta/info.json when an episode is removed, and
joins only videos with equal settings. Of its codecs, only HEVC keeps all RGB pixels unchanged.
"""

from dataclasses import dataclass, field
from typing import Any

# Smallest height and width of HEVC [pixels].
_SMALLEST = 16


@dataclass(frozen=True)
class Encoding:
    """Settings of an encoder.

    Attributes:
        codec: LeRobot's name of the codec.
        encoder, pixels: FFmpeg's names of the encoder and of its input format.
        pix_fmt: pixel format of LeRobot's encoder.
        group: number of images from one key frame to the next; small for fast access.
        crf: quality, 0 (good, large) to 51.
        preset: name of the encoder's speed.
        extra: further options.

    """

    codec: str
    encoder: str
    pixels: str
    pix_fmt: str
    group: int
    crf: int
    preset: str
    extra: dict[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, str]:
        """Return FFmpeg's options."""
        return {'crf': str(self.crf), 'preset': self.preset, 'g': str(self.group)} | self.extra

    def info(self, height: int, width: int, fps: int) -> dict[str, Any]:
        """Return the entry of meta/info.json for a video of this size."""
        return {
            'video.height': height,
            'video.width': width,
            'video.codec': self.codec,
            'video.pix_fmt': self.pix_fmt,
            'video.fps': fps,
            'video.channels': 3,
            'has_audio': False,
            'video.g': self.group,
            'video.crf': self.crf,
            'video.preset': self.preset,
            'video.fast_decode': 0,
            'video.video_backend': 'pyav',
            'video.extra_options': self.extra,
            'is_depth_map': False,
        }


# x265 is lossless in 4:4:4 only if each image is a key frame. ultrafast with blocks of 16 pixels
# takes a third of superfast's processor time, but plain images get larger (docs/benchmarks.md).
# Without info=0 each image contains 2 kB of text about the encoder.
_LOSSLESS = Encoding(
    'hevc',
    'libx265',
    'gbrp',
    'gbrp',
    1,
    0,
    'ultrafast',
    {'x265-params': 'lossless=1:info=0:log-level=error:fast-intra=1:ctu=16:max-tu-size=8'},
)
# LeRobot cannot encode RGB as H.264, so a video that it encodes again is slightly lossy.
_LOSSLESS_SMALL = Encoding('h264', 'libx264rgb', 'rgb24', 'yuv444p', 2, 0, 'veryfast')


def choose_encoding(crf: int | None, height: int, width: int) -> Encoding:
    """Return the encoding for images of this size; ``crf``: 1 to 51, or None for lossless."""
    if crf is not None:
        return Encoding('h264', 'libx264', 'yuv420p', 'yuv420p', 2, crf, 'veryfast')
    return _LOSSLESS if min(height, width) >= _SMALLEST else _LOSSLESS_SMALL
