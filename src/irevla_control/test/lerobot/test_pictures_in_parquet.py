# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Datasets recorded without video: pictures in the rows, as Hugging Face's Image column."""

import shutil

import cv2
from lerobot_changes import DATA, INFO, change_info, change_table
from lerobot_episodes import random_episode, write
import numpy as np
import pyarrow as pa
import pytest

from irevla_control.errors import BagError
from irevla_control.lerobot.reader import read_lerobot

KEY = 'observation.images.corner'
STRUCT = pa.struct([('bytes', pa.binary()), ('path', pa.string())])


def compressed(image, kind='.png'):
    """Return an RGB image as the bytes of a file."""
    return cv2.imencode(kind, image[:, :, ::-1])[1].tobytes()


def store(dataset, cells):
    """Put these cells in place of the camera's video."""
    change_table(dataset / DATA, lambda table: table.append_column(KEY, pa.array(cells, STRUCT)))
    change_info(
        dataset,
        lambda info: (info.update(video_path=None), info['features'][KEY].update(dtype='image')),
    )
    shutil.rmtree(dataset / 'videos')


@pytest.fixture
def images():
    return random_episode(5, (8, 10)).images['corner']


@pytest.fixture
def dataset(tmp_path, images):
    """Two episodes of 3 and 2 frames, and one camera."""
    folder = tmp_path / 'set'
    write(
        folder,
        [
            random_episode(len(part), seed=seed, images={'corner': part})
            for seed, part in enumerate((images[:3], images[3:]))
        ],
    )
    return folder


def test_png_images_are_read_exactly(dataset, images):
    store(dataset, [{'bytes': compressed(image), 'path': None} for image in images])
    episodes = list(read_lerobot(dataset, ['corner']))
    for episode, expected in zip(episodes, (images[:3], images[3:])):
        np.testing.assert_array_equal(episode.images['corner'], expected)
        assert episode.images['corner'].dtype == np.uint8
    assert len(next(read_lerobot(dataset, [])).images) == 0


def test_jpeg_images_are_read(dataset, images):
    smooth = [cv2.resize(image[:2, :2], (10, 8)) for image in images]
    store(dataset, [{'bytes': compressed(image, '.jpg'), 'path': 'one.jpg'} for image in smooth])
    first, _ = read_lerobot(dataset, ['corner'])
    assert np.abs(first.images['corner'].astype(int) - np.stack(smooth)[:3]).mean() < 12


def test_image_files_are_read_by_their_path(dataset, images):
    (dataset / 'images').mkdir()
    for number, image in enumerate(images):
        (dataset / f'images/{number}.png').write_bytes(compressed(image))
    store(dataset, [{'bytes': None, 'path': f'images/{number}.png'} for number in range(5)])
    episodes = list(read_lerobot(dataset, ['corner']))
    np.testing.assert_array_equal(episodes[1].images['corner'], images[3:])
    (dataset / 'images/4.png').unlink()
    with pytest.raises(
        BagError,
        match=f'{DATA}: {KEY} of row 1 has no bytes, and its path '
        "'images/4.png' is no file under .* again",
    ):
        list(read_lerobot(dataset, ['corner']))


@pytest.mark.parametrize(
    'damage',
    [
        lambda content: b'',
        lambda content: content[:-5],
        lambda content: b'no picture',
        lambda content: content[:40] + b'\0' * 20 + content[60:],
    ],
)
def test_a_damaged_picture_is_named(dataset, images, damage):
    contents = [compressed(image) for image in images]
    contents[1] = damage(contents[1])
    store(dataset, [{'bytes': content, 'path': None} for content in contents])
    with pytest.raises(
        BagError,
        match=f'{DATA}: {KEY} of row 1 has {len(contents[1])} bytes that '
        'are no whole PNG or JPEG; .* again',
    ):
        next(read_lerobot(dataset, ['corner']))


@pytest.mark.parametrize('cell', [None, {'bytes': None, 'path': None}])
def test_a_missing_picture_is_named(dataset, images, cell):
    store(dataset, [cell, *({'bytes': compressed(image), 'path': None} for image in images[1:])])
    with pytest.raises(BagError, match=f'{DATA}: {KEY} of row 0 has no bytes'):
        next(read_lerobot(dataset, ['corner']))


def test_images_of_several_sizes_are_refused(dataset, images):
    cells = [{'bytes': compressed(image[:4]), 'path': None} for image in images]
    store(dataset, [{'bytes': compressed(images[0]), 'path': None}, *cells[1:]])
    with pytest.raises(BagError, match=rf'{KEY} have the sizes \[\(4, 10\), \(8, 10\)\]; one'):
        next(read_lerobot(dataset, ['corner']))


def test_column_without_images_is_refused(dataset):
    change_table(dataset / DATA, lambda table: table.append_column(KEY, [['one.png'] * 5]))
    change_info(dataset, lambda info: info['features'][KEY].update(dtype='image'))
    with pytest.raises(BagError, match=f'{DATA}: .*{KEY} is string; pictures as struct'):
        next(read_lerobot(dataset, ['corner']))


def test_missing_column_of_a_declared_camera_is_refused(dataset):
    change_info(dataset, lambda info: info['features'][KEY].update(dtype='image'))
    with pytest.raises(BagError, match=f'{DATA}: column {KEY} is missing, which .*{INFO} names'):
        next(read_lerobot(dataset, ['corner']))


@pytest.mark.parametrize('name', ['observation.image', 'observation.images.depth'])
def test_dataset_without_a_colour_camera_is_refused_and_its_images_named(dataset, name):
    def rename(info):
        feature = info['features'].pop(KEY)
        feature['info']['is_depth_map'] = name.endswith('depth')
        info['features'][name] = feature

    change_info(dataset, rename)
    with pytest.raises(
        BagError, match=f'no camera in colour under observation.images., only {name}: name'
    ):
        next(read_lerobot(dataset, ['corner']))
