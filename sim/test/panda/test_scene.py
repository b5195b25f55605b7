# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated Panda's table in the images of its cameras and in its nodes."""

import os
import time

import numpy as np
import pytest

from irevla_control.cameras.realsense_camera import RealSenseCamera
from irevla_control.cameras.settings import CameraError, CameraSettings
from irevla_sim.panda.pick_expert import place_of
from irevla_sim.panda.scene import CAMERAS, THINGS, PandaScene
from irevla_sim.panda.scene_cameras import SceneCameras
from irevla_sim.panda.shared_scene import SharedScene

WAIT_S = 20
WIDTH, HEIGHT, FPS, SIZE = 320, 240, 15, 240


@pytest.fixture
def cameras(panda):
    cameras = SceneCameras(SharedScene(panda.name))
    yield cameras
    cameras.close()


class Eye:
    """An opened camera of the scene."""

    def __init__(self, cameras, name):
        self.frames = []
        self.camera = RealSenseCamera(
            cameras.find(name),
            CameraSettings(name, WIDTH, HEIGHT, FPS, image_size=SIZE),
            self.frames.append,
        )

    def see(self):
        """Return the next picture, as uint8 (SIZE, SIZE, 3), and its stamp."""
        self.frames.clear()
        until(lambda: self.frames, 'a picture')
        return (
            np.frombuffer(self.frames[0].data, np.uint8).reshape(SIZE, SIZE, 3),
            self.frames[0].stamp,
        )


def until(condition, what):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def arrange(panda, seed):
    panda.scene.ask(seed)
    until(lambda: panda.scene.arranged == seed, 'the arrangement')
    arranged_s = panda.scene.read()[0]
    until(lambda: panda.scene.read()[0] > arranged_s + 0.05, 'the arranged scene')
    return panda.scene.read()[1]


def test_images_show_the_arrangement_of_the_table(panda, cameras):
    eye = Eye(cameras, 'front')
    first = arrange(panda, 1)
    before, stamp = eye.see()
    assert abs(stamp - time.time_ns()) < 5e9
    second = arrange(panda, 2)
    eye.see()
    after, _ = eye.see()
    assert np.abs(place_of('carrot', first)[0] - place_of('carrot', second)[0]).max() > 0.01
    changed = (np.abs(before.astype(int) - after) > 30).any(axis=2)
    assert 0.002 < changed.mean() < 0.5, 'things moved, the arm and the floor did not'
    again = arrange(panda, 1)
    np.testing.assert_allclose(
        [place_of(name, again)[0][:2] for name in THINGS],
        [place_of(name, first)[0][:2] for name in THINGS],
        atol=0.01,
    )
    eye.camera.close()


def test_the_images_of_both_cameras_show_all_colours(panda, cameras):
    arrange(panda, 3)
    eyes = {name: Eye(cameras, name) for name in CAMERAS}
    for name, eye in eyes.items():
        picture = eye.see()[0].astype(int)
        red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
        for what, seen in (
            ('red block', (red > 100) & (green < 60) & (blue < 60)),
            ('green block', (green > 90) & (red < 80) & (blue < 90)),
        ):
            assert seen.sum() > 20, (name, what)
    for eye in eyes.values():
        eye.camera.close()


def test_images_follow_the_scene_s_time_and_show_one_instant():
    """At a quarter of real time the scene gives a quarter of the images, and none are lost."""
    model, name = PandaScene().model_alone(), f'slow-{os.getpid()}'
    shared, seen, opened = SharedScene(name, model.nq), [], []
    shared.write(0.0, model.qpos0)
    cameras = SceneCameras(SharedScene(name))
    try:
        for number, which in enumerate(('front', 'wrist')):
            # The cameras are opened at different times of the scene.
            shared.write(1.0 + number / 40, model.qpos0)
            opened.append(
                RealSenseCamera(
                    cameras.find(which),
                    CameraSettings(which, WIDTH, HEIGHT, FPS, image_size=SIZE),
                    lambda frame, which=which: seen.append((which, frame.stamp)),
                )
            )
            until(lambda which=which: which in dict(seen), 'a picture')
        time.sleep(0.5)
        seen.clear()
        for tick in range(40):
            shared.write(2.0 + tick / 40, model.qpos0)
            time.sleep(0.1)
        time.sleep(0.5)
        assert [which for which, _ in seen] == ['wrist', 'front'] * FPS
        assert all(one[1] == other[1] for one, other in zip(seen[::2], seen[1::2]))
    finally:
        for camera in opened:
            camera.close()
        cameras.close()
        shared.close()


def test_an_unplugged_camera_sends_nothing_and_is_not_found(cameras):
    eye = Eye(cameras, 'front')
    eye.see()
    cameras.unplugged = {'front'}
    time.sleep(0.3)
    eye.frames.clear()
    time.sleep(0.3)
    assert not eye.frames
    with pytest.raises(CameraError, match='connected are wrist'):
        cameras.find('front')
    cameras.unplugged = set()
    eye.see()
    eye.camera.close()


def test_readers_open_the_scene_of_a_restarted_robot(panda):
    reader = SharedScene(panda.name)
    before = reader.read()[0]
    panda.kill()
    until(lambda: reader.read()[0] == reader.read()[0], 'rest')
    panda.start()
    until(lambda: reader.read()[0] < before + 60, 'the new one')
    first = reader.read()[0]
    until(lambda: reader.read()[0] > first, 'its time')
