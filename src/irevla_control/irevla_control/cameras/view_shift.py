# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Detects whether a camera moved since the demonstrations were recorded.

Objects and the arm move and light changes, so only edges that did not move in the demonstrations
are compared. A camera whose own demonstrations do not match their reference is not compared: on a
wrist, above a plain table, an object is most of what it sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
import numpy as np

# Difference of edge strength above which an edge changed; share of images in which it may change.
EDGE_DIFFERS, COVERED = 40.0, 0.1
# Least share of an image that must be static edges for a comparison.
MIN_STATIC = 0.005
# Largest shift that is searched for, as a share of the image.
REACH = 1 / 8
# Likeness below which two images show different scenes; the same view has 0.6 and more.
MIN_LIKENESS = 0.4
# Shift that is usually accepted [pixels]; share of the demonstrations' images that may have a
# longer one, or too little likeness, for the camera to be compared.
LIMIT, MISTAKEN = 3.0, 0.2


@dataclass(frozen=True)
class ViewShift:
    """Shift of an image relative to its reference.

    Attributes:
        right, down: shift of the static edges [pixels].
        likeness: correlation of the static edges at that shift, -1 to 1.

    """

    right: float
    down: float
    likeness: float

    @property
    def pixels(self) -> float:
        """Length of the shift [pixels]."""
        return math.hypot(self.right, self.down)

    def problem(self, limit: float) -> str:
        """Return why the view does not match its reference within ``limit`` pixels, or ''."""
        if self.likeness < MIN_LIKENESS:
            return (
                f'shows something else than in the demonstrations (likeness '
                f'{self.likeness:.2f}, {MIN_LIKENESS} is needed): was it moved far, rotated, '
                'covered, or swapped with another camera?'
            )
        if self.pixels > limit:
            return (
                f'is not where it was in the demonstrations: its view is shifted by {self}, '
                f'{limit:g} are the limit'
            )
        return ''

    def __str__(self) -> str:
        """Return length and direction of the shift."""
        across, along = 'left' if self.right < 0 else 'right', 'up' if self.down < 0 else 'down'
        return (
            f'{self.pixels:.1f} pixels ({abs(self.right):.1f} {across}, '
            f'{abs(self.down):.1f} {along})'
        )


def reference_view(pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray | None:
    """Return the reference view of a camera from images uint8 (height, width, 3) RGB.

    It is uint8 (height, width, 4): the median image, and 255 where edges are static. None if
    these images themselves do not match it.
    """
    found = np.array([_edges(picture) for picture in pictures])
    differs = np.abs(found - np.median(found, axis=0)) > EDGE_DIFFERS
    static = np.where(differs.mean(axis=0) < COVERED, 255, 0)
    reference = np.dstack([np.median(pictures, axis=0), static]).astype(np.uint8)
    shifts = [view_shift(reference, picture) for picture in pictures]
    mistaken = np.mean([bool(shift and shift.problem(LIMIT)) for shift in shifts])
    return None if mistaken > MISTAKEN else reference


def view_shift(reference: np.ndarray, picture: np.ndarray) -> ViewShift | None:
    """Return the shift of an image from a reference; None if that has too few static edges.

    Args:
        reference: result of `reference_view`.
        picture: uint8 RGB, of the same height and width.

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
    """Return uint8 (height, width, 3): reference in red, image in cyan, equal parts grey."""
    before, now = (
        cv2.cvtColor(np.ascontiguousarray(one[..., :3]), cv2.COLOR_RGB2GRAY)
        for one in (reference, picture)
    )
    return np.dstack([before, now, now])


def _edges(picture: np.ndarray) -> np.ndarray:
    """Return the gradient magnitude of an image's brightness, float32 (height, width)."""
    grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
    blurred = cv2.GaussianBlur(grey, (0, 0), 1.0)
    return cv2.magnitude(
        cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)
    )


def _peak(values: np.ndarray, place: int) -> float:
    """Return the sub-pixel offset of a maximum, by a parabola through its neighbours."""
    if not 0 < place < len(values) - 1:
        return 0.0
    before, top, after = (float(value) for value in values[place - 1 : place + 2])
    bend = before - 2 * top + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
