# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A moved camera is detected by the static parts of its view."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from irevla_control.cameras.picture_files import load_picture, save_picture, views_folder
from irevla_control.cameras.view_shift import (
    MIN_LIKENESS,
    ViewShift,
    overlay,
    reference_view,
    view_shift,
)

SIZE = 112


class Table:
    """A room with edges, a block at a random place in each image, light and noise."""

    def __init__(self, seed=0):
        self.random = np.random.default_rng(seed)
        # Larger than the camera's view, so that a shift brings in new parts.
        self.room = np.full((2 * SIZE, 2 * SIZE, 3), 128, np.uint8)
        for _ in range(150):
            corner = self.random.integers(0, 2 * SIZE, 2)
            end = corner + self.random.integers(8, 40, 2)
            colour = tuple(int(value) for value in self.random.integers(0, 256, 3))
            cv2.rectangle(self.room, corner.tolist(), end.tolist(), colour, -1)

    def picture(self, right=0.0, down=0.0, light=1.0):
        moved = cv2.warpAffine(
            self.room,
            np.float32([[1, 0, right - SIZE / 2], [0, 1, down - SIZE / 2]]),
            (SIZE, SIZE),
        )
        x, y = self.random.integers(20, SIZE - 40, 2)
        moved[y : y + 16, x : x + 16] = self.random.integers(0, 256, 3)
        noisy = light * moved + self.random.normal(0, 3, moved.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope='module')
def table():
    return Table()


@pytest.fixture(scope='module')
def reference(table):
    return reference_view([table.picture() for _ in range(40)])


@pytest.mark.parametrize(('right', 'down'), [(0, 0), (1.5, 0), (-4, 3), (0, 9), (-8, -8)])
@pytest.mark.parametrize('light', [0.6, 1.0, 1.2])
def test_a_shift_is_measured_to_sub_pixels_in_any_light(table, reference, right, down, light):
    shift = view_shift(reference, table.picture(right, down, light))
    assert (shift.right, shift.down) == pytest.approx((right, down), abs=0.3)
    assert shift.likeness > MIN_LIKENESS
    assert bool(shift.problem(limit=3)) == (np.hypot(right, down) > 3)


def test_parts_that_moved_in_the_demonstrations_are_ignored():
    table = Table(seed=1)
    pictures = []
    for number in range(40):
        picture = table.picture()
        # Half of the room changes in each image.
        other = Table(seed=100 + number).picture()
        picture[:, SIZE // 2 :] = other[:, SIZE // 2 :]
        pictures.append(picture)
    reference = reference_view(pictures)
    static = reference[..., 3] > 0
    assert static[:, : SIZE // 2 - 4].mean() > 0.8
    assert static[:, SIZE // 2 + 4 :].mean() < 0.5
    live = table.picture(right=-5)
    live[:, SIZE // 2 :] = Table(seed=7).picture()[:, SIZE // 2 :]
    shift = view_shift(reference, live)
    assert (shift.right, shift.down) == pytest.approx((-5, 0), abs=0.5)


def test_another_view_is_reported_as_such(table, reference):
    other = view_shift(reference, Table(seed=2).picture())
    assert other.likeness < MIN_LIKENESS
    assert 'shows something else' in other.problem(limit=3)
    upside_down = view_shift(reference, cv2.rotate(table.picture(), cv2.ROTATE_180))
    assert 'another camera' in upside_down.problem(limit=1000)


def test_the_problem_names_the_shift():
    shift = ViewShift(right=6.0, down=-2.0, likeness=0.9)
    assert 'shifted by 6.3 pixels (6.0 right, 2.0 up), 3 are the limit' in shift.problem(limit=3)
    assert not shift.problem(limit=7)


def test_without_static_edges_there_is_no_shift(table):
    changing = reference_view([Table(seed=number).picture() for number in range(40)])
    assert view_shift(changing, table.picture()) is None
    blank = reference_view([np.full((SIZE, SIZE, 3), 90, np.uint8)] * 5)
    assert view_shift(blank, table.picture()) is None


def test_a_camera_that_its_own_images_do_not_match_is_not_compared():
    """As a wrist's above a plain table: the only static edges leave the shift open."""
    random = np.random.default_rng(3)

    def wrist():
        picture = np.full((SIZE, SIZE, 3), 170, np.uint8)
        # The lower end of the image is the hand; the object is somewhere else each time.
        picture[SIZE - 22 :] = 30
        x, y = random.integers(20, SIZE - 60, 2)
        picture[y : y + 24, x : x + 24] = (200, 30, 30)
        return np.clip(picture + random.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)

    assert reference_view([wrist() for _ in range(64)]) is None


def test_an_overlay_of_equal_images_is_grey(table, reference):
    picture = table.picture()
    same = overlay(picture, picture)
    assert (same[..., 0] == same[..., 1]).all()
    moved = overlay(reference, table.picture(right=9)).astype(int)
    assert np.abs(moved[..., 0] - moved[..., 1]).mean() > 10


def test_images_are_equal_when_read_from_their_files(tmp_path, reference, monkeypatch):
    for name, picture in (('rgba', reference), ('rgb', reference[..., :3])):
        save_picture(tmp_path / 'new' / f'{name}.png', picture)
        np.testing.assert_array_equal(load_picture(tmp_path / 'new' / f'{name}.png'), picture)
    (tmp_path / 'bad.png').write_bytes(b'')
    with pytest.raises(ValueError, match='bad.png is not a colour image'):
        load_picture(tmp_path / 'bad.png')
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path))
    assert views_folder('', '/') == tmp_path / 'views'
    assert views_folder('', '/lab/left') == tmp_path / 'views/lab/left', 'differs from /lab/right'
    assert views_folder('mine', '/lab/left') == Path('mine')
