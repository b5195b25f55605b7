# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Videos of episodes in a grid, each with its instruction and its outcome."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import av
import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from irevla_control.errors import IrevlaError
from irevla_control.files import replacement

BACKGROUND = (17, 20, 26)
TEXT = (232, 234, 238)
MUTED = (146, 153, 166)
SUCCESS = (62, 190, 126)
FAILURE = (233, 104, 96)

GAP = 12
CAPTION_HEIGHT = 36
# Time that a page stays after its longest episode has ended [s].
HOLD_S = 1.2


class VideoError(IrevlaError):
    """Clips from which no video can be made."""


@dataclass(frozen=True)
class Clip:
    """One episode to show.

    Attributes:
        label: caption, such as the instruction.
        frames: camera name to uint8 (steps, height, width, 3) RGB.
        success: whether it succeeded.

    """

    label: str
    frames: dict[str, np.ndarray]
    success: bool

    def __post_init__(self) -> None:
        """Raise VideoError if shapes or types of the frames do not match."""
        shapes = {name: images.shape for name, images in self.frames.items()}
        valid = all(
            images.ndim == 4 and images.shape[3] == 3 and images.dtype == np.uint8 and images.size
            for images in self.frames.values()
        )
        if not valid or len({shape[0] for shape in shapes.values()}) != 1:
            raise VideoError(
                f'clip {self.label!r} has frames {shapes}; uint8 (steps, height, '
                'width, 3) with the same number of steps is needed'
            )

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(next(iter(self.frames.values())))


def write_video(
    path: Path,
    clips: Iterable[Clip],
    fps: int = 10,
    columns: int = 3,
    rows: int = 2,
    camera_height: int = 216,
) -> float:
    """Write clips as H.264 mp4, `columns` x `rows` at a time, page after page.

    Args:
        path: the file; replaced when the video is complete.
        clips: in the order of their places; consumed a page at a time.
        fps: steps per second [Hz].
        columns: largest number of clips side by side.
        rows: largest number of clips below each other.
        camera_height: height of each camera's picture [pixels]; cameras are side by side.

    Returns:
        The length [s].

    Raises:
        VideoError: without clips, or with clips of different cameras.

    """
    if columns < 1 or rows < 1:
        raise VideoError(f'a grid of {columns} x {rows} clips; at least 1 x 1 is needed')
    clips = iter(clips)
    page = [_tiles(clip, camera_height) for clip in islice(clips, columns * rows)]
    if not page:
        raise VideoError('no clips; a video needs at least one')
    columns = min(columns, len(page))
    places = columns * -(-len(page) // columns)
    tile_height, tile_width = page[0].shape[1:3]
    # H.264 with half-resolution colour needs even sizes.
    width = _even(GAP + columns * (tile_width + GAP))
    height = _even(GAP + places // columns * (tile_height + GAP))
    path.parent.mkdir(parents=True, exist_ok=True)
    empty = np.full((height, width, 3), BACKGROUND, np.uint8)
    count = 0
    with (
        replacement(path) as new,
        av.open(str(new), 'w', format='mp4', options={'movflags': 'faststart'}) as container,
    ):
        stream = container.add_stream(
            'libx264', rate=fps, options={'crf': '23', 'preset': 'veryfast'}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, 'yuv420p'
        while page:
            if any(tiles.shape[1:] != page[0].shape[1:] for tiles in page) or (
                page[0].shape[1:3] != (tile_height, tile_width)
            ):
                raise VideoError('clips of different cameras; show them in separate videos')
            for moment in range(max(map(len, page)) + round(HOLD_S * fps)):
                canvas = empty.copy()
                for place, tiles in enumerate(page):
                    x = GAP + place % columns * (tile_width + GAP)
                    y = GAP + place // columns * (tile_height + GAP)
                    tile = tiles[min(moment, len(tiles) - 1)]
                    canvas[y : y + tile_height, x : x + tile_width] = tile
                container.mux(stream.encode(av.VideoFrame.from_ndarray(canvas, format='rgb24')))
                count += 1
            page = [_tiles(clip, camera_height) for clip in islice(clips, places)]
        container.mux(stream.encode(None))
    return count / fps


def film_strip(clip: Clip, moments: int = 6, camera_height: int = 168) -> np.ndarray:
    """Return evenly spaced steps of one episode side by side, cameras below each other.

    The result is uint8 (height, width, 3) RGB.
    """
    steps = np.linspace(0, len(clip) - 1, min(moments, len(clip))).round().astype(int)
    strips = []
    for images in clip.frames.values():
        pictures = [_scaled(images[step], camera_height) for step in steps]
        strips.append(np.concatenate(pictures, axis=1))
    width = min(strip.shape[1] for strip in strips)
    return np.concatenate([strip[:, :width] for strip in strips])


def _even(size: int) -> int:
    return size + size % 2


def _scaled(image: np.ndarray, height: int) -> np.ndarray:
    width = round(image.shape[1] * height / image.shape[0])
    method = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(image, (width, height), interpolation=method)


def _tiles(clip: Clip, camera_height: int) -> np.ndarray:
    """Return the drawn steps of a clip (steps, height, width, 3); the last has the outcome."""
    tiles = []
    for step in range(len(clip)):
        pictures = np.concatenate(
            [_scaled(images[step], camera_height) for images in clip.frames.values()], axis=1
        )
        if step == len(clip) - 1:
            height, width = pictures.shape[:2]
            cv2.rectangle(pictures, (0, 0), (width - 1, height - 1), _outcome_colour(clip), 3)
        tiles.append(np.concatenate([_caption(clip, step, pictures.shape[1]), pictures]))
    return np.stack(tiles)


def _outcome_colour(clip: Clip) -> tuple[int, int, int]:
    return SUCCESS if clip.success else FAILURE


def _caption(clip: Clip, step: int, width: int) -> np.ndarray:
    """Return the bar above the pictures: instruction left, step or outcome right."""
    image = Image.new('RGB', (width, CAPTION_HEIGHT), BACKGROUND)
    draw = ImageDraw.Draw(image)
    text, colour = f'step {step + 1}', MUTED
    if step == len(clip) - 1:
        text = f'✓ solved in {step + 1} steps' if clip.success else '✗ not solved'
        colour = _outcome_colour(clip)
    middle = CAPTION_HEIGHT // 2
    small = _font('DejaVuSans.ttf', 14)
    draw.text((width - 2, middle), text, colour, small, anchor='rm')
    room = width - 2 - draw.textlength(text, small) - 14
    draw.text(
        (2, middle),
        _fitting(clip.label, room),
        TEXT,
        _font('DejaVuSans-Bold.ttf', 16),
        anchor='lm',
    )
    return np.asarray(image)


def _fitting(text: str, room: float) -> str:
    """Return the text, shortened if it is wider than ``room`` [pixels]."""
    font = _font('DejaVuSans-Bold.ttf', 16)
    if font.getlength(text) <= room:
        return text
    while text and font.getlength(text + '…') > room:
        text = text[:-1]
    return text.rstrip() + '…'


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    # Matplotlib's own fonts, so that videos are the same on every machine.
    return ImageFont.truetype(f'{matplotlib.get_data_path()}/fonts/ttf/{name}', size)
