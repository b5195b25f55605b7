# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""meta/info.json describes each video correctly, so that other tools can encode it again."""

from fractions import Fraction
import io
import time

import av
import cv2
from lerobot_episodes import random_episode, write
import numpy as np
import pytest

from irevla_control.lerobot.encoding import Encoding, choose_encoding
from irevla_control.lerobot.reader import read_lerobot

KEY = 'observation.images.corner'
VIDEO = f'videos/{KEY}/chunk-000/file-000.mp4'
# Values of `video.codec` that LeRobot 0.6.1 accepts without a GPU.
CODECS = {'h264', 'hevc', 'libsvtav1', 'libaom-av1', 'av1'}


def decoded(file):
    """Return the images of a video, its codec and its pixel format."""
    with av.open(str(file)) as container:
        images = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
        context = container.streams.video[0].codec_context
        return np.stack(images), context.name, context.pix_fmt


def encode_again(file, spec, target):
    """Encode a video again as LeRobot's delete_episodes does, with the settings of `spec`."""
    options = {'g': spec['video.g'], 'crf': spec['video.crf'], 'preset': spec['video.preset']}
    options |= spec['video.extra_options']
    with av.open(str(file)) as source, av.open(str(target), 'w') as container:
        stream = container.add_stream(
            spec['video.codec'],
            rate=spec['video.fps'],
            options={key: str(value) for key, value in options.items()},
        )
        stream.height, stream.width = spec['video.height'], spec['video.width']
        stream.pix_fmt = spec['video.pix_fmt']
        for number, frame in enumerate(source.decode(video=0)):
            new = frame.reformat(format=stream.pix_fmt)
            new.pts, new.time_base = number, Fraction(1, spec['video.fps'])
            container.mux(stream.encode(new))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ('size', 'crf', 'loss'),
    [
        ((16, 16), None, 0),
        ((17, 31), None, 0),
        ((48, 64), None, 0),
        ((4, 5), None, 40),
        ((48, 64), 1, 40),
    ],
)
def test_video_can_be_encoded_again_with_the_settings_in_its_info(tmp_path, size, crf, loss):
    info = write(tmp_path / 'set', [random_episode(6, size)], crf=crf)
    spec = info['features'][KEY]['info']
    assert spec['video.codec'] in CODECS
    encoder = av.Codec(spec['video.codec'], 'w')
    assert spec['video.pix_fmt'] in [pixels.name for pixels in encoder.video_formats]
    encode_again(tmp_path / 'set' / VIDEO, spec, tmp_path / 'again.mp4')
    original, *_ = decoded(tmp_path / 'set' / VIDEO)
    again, *_ = decoded(tmp_path / 'again.mp4')
    assert np.abs(again.astype(int) - original).max() <= loss


@pytest.mark.parametrize(('size', 'crf'), [((16, 16), None), ((48, 64), None), ((48, 64), 20)])
def test_video_has_the_codec_and_pixel_format_in_its_info(tmp_path, size, crf):
    info = write(tmp_path / 'set', [random_episode(3, size)], crf=crf)
    spec = info['features'][KEY]['info']
    assert decoded(tmp_path / 'set' / VIDEO)[1:] == (spec['video.codec'], spec['video.pix_fmt'])


@pytest.mark.parametrize('size', [(16, 16), (17, 16), (32, 33), (100, 84)])
def test_black_and_white_noise_keeps_every_pixel(tmp_path, size):
    random = np.random.default_rng(0)
    images = 255 * random.integers(0, 2, (40, *size, 3), np.uint8)
    write(tmp_path / 'set', [random_episode(40, images={'corner': images})])
    (episode,) = read_lerobot(tmp_path / 'set', ['corner'])
    np.testing.assert_array_equal(episode.images['corner'], images)


def drawn(count, height, width):
    """Return pictures like a simulator's: plain, shaded and textured areas with sharp edges."""
    rows, columns = np.mgrid[:height, :width]
    background = np.stack(
        (
            60 + 100 * rows / height,
            80 + 60 * columns / width,
            120 + 40 * np.sin(columns / 9 + rows / 13),
        ),
        -1,
    ).astype(np.uint8)
    images = np.stack([background] * count)
    for step, image in enumerate(images):
        cv2.rectangle(
            image,
            (width // 5 + step, height // 3),
            (width // 2 + step, height // 2),
            (200, 40, 30),
            -1,
        )
        cv2.circle(
            image,
            (width // 2, height // 2 - step),
            max(2, height // 8),
            (20, 160, 250),
            -1,
            cv2.LINE_AA,
        )
    return images


def encoded(encoding, images):
    """Return a video's bytes and the processor time of its encoding over all threads [s]."""
    content, start = io.BytesIO(), time.process_time()
    with av.open(content, 'w', format='mp4') as container:
        stream = container.add_stream(encoding.encoder, rate=10, options=encoding.options())
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = encoding.pixels
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, 'rgb24').reformat(format=encoding.pixels)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    content.seek(0)
    return content, time.process_time() - start


@pytest.mark.parametrize('width', [16, 17, 23, 24, 33, 48, 65, 84, 100])
def test_every_size_keeps_every_pixel(width):
    random = np.random.default_rng(width)
    for height in (16, 19, 40, 49, 97):
        shape = (2, height, width, 3)
        for images in (
            random.integers(0, 256, shape, np.uint8),
            drawn(2, height, width),
            255 * random.integers(0, 2, shape, np.uint8),
        ):
            content, _ = encoded(choose_encoding(None, height, width), images)
            with av.open(content) as container:
                found = [frame.to_ndarray(format='rgb24') for frame in container.decode(video=0)]
            np.testing.assert_array_equal(found, images)


def test_lossless_takes_half_of_the_time_of_superfast():
    images = drawn(6, 224, 224)
    slow = Encoding(
        'hevc',
        'libx265',
        'gbrp',
        'gbrp',
        1,
        0,
        'superfast',
        {'x265-params': 'lossless=1:info=0:log-level=error'},
    )
    ours = choose_encoding(None, 224, 224)
    # The encodings alternate, so that a busy machine slows both down.
    pairs = [[encoded(encoding, images)[1] for encoding in (slow, ours)] for _ in range(3)]
    assert np.median([ours_s / slow_s for slow_s, ours_s in pairs]) < 0.6
