# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether a camera still looks where it looked when demonstrations were recorded.

Things and the arm move, light changes: edges are compared, and only where they stayed the same in
the demonstrations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np

# An edge that differs by more is another one; in this share of pictures it may be covered.
EDGE_DIFFERS, COVERED = 40.0, 0.1
# Share of a picture that must be static edges for a comparison to mean anything.
MIN_STATIC = 0.005
# How far a shift is looked for, as a share of the picture.
REACH = 1 / 8
# Likeness below which two pictures show something else; the same view has 0.6 and more.
MIN_LIKENESS = 0.4


@dataclass(frozen=True)
class ViewShift:
    """How a picture lies on its reference.

    Attributes:
        right, down: by which what is static lies further right and down [pixels].
        likeness: correlation of the edges there, -1 to 1.

    """

    right: float
    down: float
    likeness: float

    @property
    def pixels(self) -> float:
        """Length of the shift [pixels]."""
        return math.hypot(self.right, self.down)

    def problem(self, limit: float) -> str:
        """Return what is wrong with a view that may be shifted by ``limit`` pixels, or ''."""
        if self.likeness < MIN_LIKENESS:
            return (f'shows something else than in the demonstrations (likeness '
                    f'{self.likeness:.2f}, {MIN_LIKENESS} is needed): moved far, turned, covered, '
                    'or another camera')
        if self.pixels > limit:
            return (f'is not where it was in the demonstrations: its view is shifted by {self}, '
                    f'{limit:g} are the limit')
        return ''

    def __str__(self) -> str:
        """Return how far and where to."""
        across, along = 'left' if self.right < 0 else 'right', 'up' if self.down < 0 else 'down'
        return (f'{self.pixels:.1f} pixels ({abs(self.right):.1f} {across}, '
                f'{abs(self.down):.1f} {along})')


def reference_view(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Return the reference of a camera from pictures uint8 (height, width, 3) RGB.

    It is uint8 (height, width, 4): the median picture, and 255 where edges stayed the same.
    """
    found = np.array([_edges(picture) for picture in pictures])
    differs = np.abs(found - np.median(found, axis=0)) > EDGE_DIFFERS
    static = np.where(differs.mean(axis=0) < COVERED, 255, 0)
    return np.dstack([np.median(pictures, axis=0), static]).astype(np.uint8)


def view_shift(reference: np.ndarray, picture: np.ndarray) -> ViewShift | None:
    """Return how a picture lies on a reference; None where that shows nothing static.

    Args:
        reference: as `reference_view` returns it.
        picture: uint8, of the same height and width, RGB.

    """
    height, width = reference.shape[:2]
    down, right = int(height * REACH), int(width * REACH)
    inner = slice(down, height - down), slice(right, width - right)
    static = (reference[..., 3][inner] > 0).astype(np.float32)
    edges = _edges(reference[..., :3])[inner]
    if (edges * static > EDGE_DIFFERS).mean() < MIN_STATIC:
        return None
    match = cv2.matchTemplate(_edges(picture), edges, cv2.TM_CCOEFF_NORMED, mask=static)
    match[~np.isfinite(match)] = -1
    _, likeness, _, (x, y) = cv2.minMaxLoc(match)
    return ViewShift(x - right + _peak(match[y], x), y - down + _peak(match[:, x], y), likeness)


def overlay(reference: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return uint8 (height, width, 3): the reference in red, the picture in cyan.

    Where both agree it is grey.
    """
    before, now = (cv2.cvtColor(np.ascontiguousarray(one[..., :3]), cv2.COLOR_RGB2GRAY)
                   for one in (reference, picture))
    return np.dstack([before, now, now])


def _edges(picture: np.ndarray) -> np.ndarray:
    """Return the steepness of a picture's brightness, float32 (height, width)."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _peak(values: np.ndarray, place: int) -> float:
    """Return how far beside its greatest value a row has the top of a parabola through it."""
    if not 0 < place < len(values) - 1:
        return 0.0
    before, top, after = (float(value) for value in values[place - 1:place + 2])
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
