# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Videos have a common format and show every clip to its end."""

import av
import numpy as np
import pytest

from irevla_control.checks.durability import durable_replaces
from irevla_learner.report.video import FAILURE, SUCCESS, Clip, VideoError, film_strip, write_video


def clip(steps=4, success=True, colour=90, cameras=('front', 'wrist'), size=20, label='do it'):
    return Clip(
        label,
        {name: np.full((steps, size, size, 3), colour, np.uint8) for name in cameras},
        success,
    )


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(stream)]
        return stream.codec_context, frames


def has_colour(image, colour):
    return (np.abs(image.astype(int) - colour).max(axis=2) < 40).any()


def test_video_is_h264_with_even_size_and_index_first(tmp_path):
    file = tmp_path / 'videos' / 'a.mp4'
    with durable_replaces(file):
        seconds = write_video(file, [clip(size=21)], fps=10, camera_height=33)
    codec, frames = decoded(file)
    assert (codec.name, codec.pix_fmt) == ('h264', 'yuv420p')
    assert codec.width % 2 == 0 and codec.height % 2 == 0
    assert len(frames) == round(seconds * 10) == 4 + 12
    data = file.read_bytes()
    assert data.index(b'moov') < data.index(b'mdat')
    assert list(file.parent.iterdir()) == [file]


def test_clips_fill_a_grid_and_further_pages(tmp_path):
    file = tmp_path / 'a.mp4'
    clips = [clip(steps) for steps in (3, 6, 2, 5, 4)]
    write_video(file, clips, fps=10, columns=2, rows=1, camera_height=40)
    codec, frames = decoded(file)
    assert len(frames) == (6 + 12) + (5 + 12) + (4 + 12)
    assert codec.width == 12 + 2 * (80 + 12)


def test_outcome_is_marked_only_at_the_end(tmp_path):
    for success, colour in ((True, SUCCESS), (False, FAILURE)):
        file = tmp_path / 'a.mp4'
        write_video(file, [clip(5, success)], camera_height=120)
        _, frames = decoded(file)
        assert [has_colour(frame, colour) for frame in frames] == [False] * 4 + [True] * 13


def test_pictures_are_shown_upright_in_order_of_cameras(tmp_path):
    images = {
        'left': np.zeros((2, 16, 16, 3), np.uint8),
        'right': np.zeros((2, 16, 16, 3), np.uint8),
    }
    images['left'][:, :8, :, 0] = 255
    images['right'][:, 8:, :, 2] = 255
    file = tmp_path / 'a.mp4'
    write_video(file, [Clip('look', images, True)], camera_height=64)
    picture = decoded(file)[1][0][12 + 36 :, 12:]
    assert picture[10, 32, 0] > 180 and picture[50, 32].max() < 60
    assert picture[50, 96, 2] > 180 and picture[10, 96].max() < 60


def test_long_label_is_shortened(tmp_path):
    write_video(tmp_path / 'a.mp4', [clip(label='very long instruction ' * 9)])
    assert len(decoded(tmp_path / 'a.mp4')[1]) == 16


def test_video_without_clips_is_refused(tmp_path):
    with pytest.raises(VideoError, match='no clips'):
        write_video(tmp_path / 'a.mp4', [])
    with pytest.raises(VideoError, match='grid of 0 x 2'):
        write_video(tmp_path / 'a.mp4', [clip()], columns=0)
    assert not (tmp_path / 'a.mp4').exists()


def test_clips_of_different_cameras_are_refused_and_leave_the_old_video(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'old')
    with pytest.raises(VideoError, match='different cameras'):
        write_video(tmp_path / 'a.mp4', [clip(), clip(cameras=('front',))])
    with pytest.raises(VideoError, match='different cameras'):
        write_video(tmp_path / 'a.mp4', [clip(), clip(cameras=('front',))], columns=1, rows=1)
    assert (tmp_path / 'a.mp4').read_bytes() == b'old'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    'frames',
    [
        {},
        {'a': np.zeros((2, 8, 8, 3))},
        {'a': np.zeros((8, 8, 3), np.uint8)},
        {'a': np.zeros((0, 8, 8, 3), np.uint8)},
        {'a': np.zeros((2, 8, 8, 3), np.uint8), 'b': np.zeros((3, 8, 8, 3), np.uint8)},
    ],
)
def test_unusable_frames_are_refused(frames):
    with pytest.raises(VideoError, match="clip 'x' has frames"):
        Clip('x', frames, True)


def test_film_strip_shows_the_first_to_the_last_step():
    images = np.zeros((30, 10, 10, 3), np.uint8)
    images[:] = np.arange(30, dtype=np.uint8)[:, None, None, None] * 8
    strip = film_strip(Clip('x', {'a': images, 'b': images}, True), moments=4, camera_height=20)
    assert strip.shape == (40, 80, 3)
    assert [strip[5, x, 0] for x in (10, 30, 50, 70)] == [0, 80, 152, 232]
