# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A camera that moved after the demonstrations is reported with an overlay picture."""

import cv2
import numpy as np
import pytest

from irevla_control.cameras.picture_files import load_picture
from irevla_policy.frames.frame_store import EpisodeFrames, FrameStore
from irevla_policy.frames.views import reference_views
from irevla_policy.nodes.view_check import ViewCheck

SIZE, FRAMES = 64, 100
CAMERAS = ('front', 'wrist')


def room(seed):
    random = np.random.default_rng(seed)
    picture = np.full((SIZE, SIZE, 3), 128, np.uint8)
    for corner in random.integers(0, SIZE, (40, 2)):
        end = corner + random.integers(6, 20, 2)
        colour = tuple(int(value) for value in random.integers(0, 256, 3))
        cv2.rectangle(picture, corner.tolist(), end.tolist(), colour, -1)
    return picture


ROOMS = {'front': room(0), 'wrist': room(1)}


@pytest.fixture(scope='module')
def views():
    noise = np.random.default_rng(0).normal(0, 3, (FRAMES, 2, SIZE, SIZE, 3))
    images = np.clip(np.stack([ROOMS[name] for name in CAMERAS]) + noise, 0, 255).astype(np.uint8)
    store = FrameStore(
        images,
        np.zeros((FRAMES, 10)),
        np.zeros((FRAMES, 7)),
        np.zeros(FRAMES, bool),
        [EpisodeFrames('e', 't', 'i', 0, FRAMES)],
    )
    return reference_views(store, CAMERAS)


def test_unchanged_views_are_accepted_and_their_shifts_reported(tmp_path, views):
    check = ViewCheck(views, 3.0, tmp_path, CAMERAS)
    assert check.notes == dict.fromkeys(CAMERAS, 'not compared yet')
    check.look({**ROOMS, 'side': ROOMS['front']})
    assert not check.problem and not list(tmp_path.iterdir())
    assert all(note.startswith('0.') for note in check.notes.values()), check.notes


def test_a_moved_camera_is_named_with_its_shift_and_an_overlay(tmp_path, views):
    check = ViewCheck(views, 3.0, tmp_path, CAMERAS)
    check.look({**ROOMS, 'wrist': np.roll(ROOMS['wrist'], 5, axis=1)})
    assert 'camera wrist is not where it was' in check.problem and 'front' not in check.problem
    assert '5.0 pixels (5.0 right' in check.problem
    path = tmp_path / 'wrist_overlay.png'
    assert str(path) in check.problem and load_picture(path).shape == (SIZE, SIZE, 3)
    check.look(ROOMS)
    assert not check.problem


def test_two_exchanged_cameras_are_reported(tmp_path, views):
    check = ViewCheck(views, 3.0, tmp_path, CAMERAS)
    check.look({'front': ROOMS['wrist'], 'wrist': ROOMS['front']})
    assert check.problem.count('shows something else') == 2


def test_a_camera_without_a_reference_is_reported(tmp_path, views):
    check = ViewCheck({'front': views['front']}, 3.0, tmp_path, CAMERAS)
    assert check.unknown == ['wrist'] and 'no reference view' in check.notes['wrist']
    check.look(ROOMS)
    assert not check.problem and 'no reference view' in check.notes['wrist']


def test_a_wrong_image_size_or_an_unwritable_overlay_is_reported(tmp_path, views):
    (tmp_path / 'file').write_text('')
    check = ViewCheck(views, 3.0, tmp_path / 'file', CAMERAS)
    check.look({'front': np.zeros((8, 8, 3), np.uint8)})
    assert 'cannot be compared' in check.notes['front'] and not check.problem
    check.look({'front': np.roll(ROOMS['front'], 6, axis=0)})
    assert 'its overlay cannot be written' in check.problem
