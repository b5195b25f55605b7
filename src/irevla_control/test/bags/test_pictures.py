# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A compressed picture is told by its data: cameras and drivers differ in what they call it."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from irevla_control.bags.pictures import rgb
from irevla_control.errors import BadMessageError

PICTURE = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)


def encoded(kind, picture=PICTURE, *options):
    return cv2.imencode(f'.{kind}', picture[:, :, ::-1], options)[1].tobytes()


def image(description, data):
    return SimpleNamespace(format=description, data=data)


PNG, JPEG = encoded('png'), encoded('jpg')
PROGRESSIVE = encoded('jpg', PICTURE, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
# A preview, which is a whole JPEG, in the header of another.
PREVIEW = encoded('jpg', PICTURE[:8, :8])
WITH_PREVIEW = JPEG[:2] + b'\xff\xe1' + (len(PREVIEW) + 2).to_bytes(2, 'big') + PREVIEW + JPEG[2:]


@pytest.mark.parametrize(
    'description',
    [
        '',
        'png',
        'PNG',
        '.png',
        'image/png',
        'jpeg',
        'rgb8; png compressed',
        'bgr8;png compressed bgr8',
    ],
)
@pytest.mark.parametrize(
    'behind', [b'', bytes(7), b'\xff' * 8, b'more'], ids=['', 'zeros', 'filled', 'more']
)
def test_a_png_is_read_whatever_it_is_called_and_whatever_follows(description, behind):
    np.testing.assert_array_equal(rgb(image(description, PNG + behind)), PICTURE)


@pytest.mark.parametrize('description', ['', 'JPEG', 'image/jpeg', 'rgb8; jpeg compressed'])
@pytest.mark.parametrize(
    'data',
    [JPEG, JPEG + b'\xff' * 8, JPEG + b'more', WITH_PREVIEW, PROGRESSIVE],
    ids=['plain', 'filled', 'more', 'preview', 'scans'],
)
def test_a_jpeg_is_read_whatever_it_is_called_and_whatever_follows(description, data):
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(rgb(image(description, data)), expected)


@pytest.mark.parametrize(
    'data', [JPEG, WITH_PREVIEW, PROGRESSIVE, PNG], ids=['jpeg', 'preview', 'scans', 'png']
)
def test_a_picture_that_was_cut_is_refused(data):
    for size in (len(data) - 1, len(data) - 30, len(data) // 2):
        with pytest.raises(BadMessageError, match='has no end'):
            rgb(image('', data[:size]))


def test_a_png_of_16_bits_is_refused():
    with pytest.raises(BadMessageError, match='png has 16 bits a channel; 8 are needed'):
        rgb(image('png', encoded('png', PICTURE.astype(np.uint16) * 256)))


@pytest.mark.parametrize(
    'data',
    [b'', b'GIF89a', PNG[1:], PNG[:8] + PNG[-12:]],
    ids=['nothing', 'gif', 'headless', 'empty'],
)
def test_what_is_neither_is_refused(data):
    with pytest.raises(BadMessageError, match='cannot be decoded'):
        rgb(image('', data))
