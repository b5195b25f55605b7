# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The format of a compressed image is read from its data, since drivers name it differently."""

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
# A JPEG with a preview, which is a complete JPEG, in its header.
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
    'suffix', [b'', bytes(7), b'\xff' * 8, b'more'], ids=['', 'zeros', 'filled', 'more']
)
def test_png_is_read_with_any_format_name_and_any_bytes_after_it(description, suffix):
    np.testing.assert_array_equal(rgb(image(description, PNG + suffix)), PICTURE)


@pytest.mark.parametrize('description', ['', 'JPEG', 'image/jpeg', 'rgb8; jpeg compressed'])
@pytest.mark.parametrize(
    'data',
    [JPEG, JPEG + b'\xff' * 8, JPEG + b'more', WITH_PREVIEW, PROGRESSIVE],
    ids=['plain', 'filled', 'more', 'preview', 'scans'],
)
def test_jpeg_is_read_with_any_format_name_and_any_bytes_after_it(description, data):
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(rgb(image(description, data)), expected)


@pytest.mark.parametrize(
    'data', [JPEG, WITH_PREVIEW, PROGRESSIVE, PNG], ids=['jpeg', 'preview', 'scans', 'png']
)
def test_truncated_image_is_refused(data):
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
def test_data_of_another_format_is_refused(data):
    with pytest.raises(BadMessageError, match='cannot be decoded'):
        rgb(image('', data))
