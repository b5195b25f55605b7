# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated Panda's table in the images of its cameras and in its nodes."""

import os
import time

import numpy as np
import pytest

from irevla_control.cameras.realsense_camera import RealSenseCamera
from irevla_control.cameras.settings import CameraError, CameraSettings
from irevla_sim.panda.devices.scene_cameras import SceneCameras
from irevla_sim.panda.scene import CAMERAS, PandaScene
from irevla_sim.panda.shared_scene import SharedScene
from irevla_sim.panda.table.objects import TableState
from irevla_sim.panda.table.tasks import TASKS

WAIT_S = 20
WIDTH, HEIGHT, FPS, SIZE = 320, 240, 15, 240


@pytest.fixture
def cameras(panda):
    cameras = SceneCameras(SharedScene(panda.name))
    yield cameras
    cameras.close()


class OpenedCamera:
    """A camera of the scene that stores its frames."""

    def __init__(self, cameras, name):
        self.frames = []
        self.realsense = RealSenseCamera(
            cameras.find(name),
            CameraSettings(name, WIDTH, HEIGHT, FPS, image_size=SIZE),
            self.frames.append,
        )

    def next_image(self):
        """Return the next image, uint8 (SIZE, SIZE, 3), and its stamp [ns]."""
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


def arrange(panda, seed, task='pick-red-block'):
    panda.scene.ask(list(TASKS).index(task), seed)
    until(lambda: panda.scene.arranged == seed, 'the arrangement')
    arranged_s = panda.scene.read()[0]
    until(lambda: panda.scene.read()[0] > arranged_s + 0.05, 'the arranged scene')
    return panda.scene.read()[1]


def test_images_show_the_arrangement_of_the_table(panda, cameras):
    camera = OpenedCamera(cameras, 'front')
    first = arrange(panda, 1)
    before, stamp = camera.next_image()
    assert abs(stamp - time.time_ns()) < 5e9
    second = arrange(panda, 2)
    camera.next_image()
    after, _ = camera.next_image()
    places = [TableState(found).thing('red block')[0] for found in (first, second)]
    assert np.abs(places[0] - places[1]).max() > 0.01
    changed = (np.abs(before.astype(int) - after) > 30).any(axis=2)
    assert 0.002 < changed.mean() < 0.5, 'not only the objects moved'
    again = arrange(panda, 1)
    place = TableState(again).thing('red block')[0]
    np.testing.assert_allclose(place[:2], places[0][:2], atol=0.01)
    camera.realsense.close()


def test_the_images_of_both_cameras_show_what_the_task_needs(panda, cameras):
    # A block on a plate's side of the table; the hand is above and does not hide them.
    arrange(panda, 3, 'place-red-block')
    opened = {name: OpenedCamera(cameras, name) for name in CAMERAS}
    for name, camera in opened.items():
        picture = camera.next_image()[0].astype(int)
        red, green, blue = picture[..., 0], picture[..., 1], picture[..., 2]
        for what, pixels in (
            ('red block', (red > 100) & (green < 60) & (blue < 60)),
            ('plate', (red > 220) & (green > 220) & (blue > 220)),
        ):
            assert pixels.sum() > 20, (name, what)
    for camera in opened.values():
        camera.realsense.close()


def test_images_follow_the_scene_s_time_and_show_one_instant():
    """At a quarter of real time the scene gives a quarter of the images without loss."""
    model, name = PandaScene().model_alone(), f'slow-{os.getpid()}'
    shared, frames, opened = SharedScene(name, model.nq), [], []
    shared.write(0.0, model.qpos0)
    cameras = SceneCameras(SharedScene(name))
    try:
        for number, which in enumerate(('front', 'wrist')):
            # Each camera is opened at another time of the scene.
            shared.write(1.0 + number / 40, model.qpos0)
            opened.append(
                RealSenseCamera(
                    cameras.find(which),
                    CameraSettings(which, WIDTH, HEIGHT, FPS, image_size=SIZE),
                    lambda frame, which=which: frames.append((which, frame.stamp)),
                )
            )
            until(lambda which=which: which in dict(frames), 'a picture')
        time.sleep(0.5)
        frames.clear()
        for tick in range(40):
            shared.write(2.0 + tick / 40, model.qpos0)
            time.sleep(0.1)
        time.sleep(0.5)
        assert [which for which, _ in frames] == ['wrist', 'front'] * FPS
        assert all(one[1] == other[1] for one, other in zip(frames[::2], frames[1::2]))
    finally:
        for camera in opened:
            camera.close()
        cameras.close()
        shared.close()


def test_an_unplugged_camera_sends_nothing_and_is_not_found(cameras):
    camera = OpenedCamera(cameras, 'front')
    camera.next_image()
    cameras.unplugged = {'front'}
    time.sleep(0.3)
    camera.frames.clear()
    time.sleep(0.3)
    assert not camera.frames
    with pytest.raises(CameraError, match='connected are wrist'):
        cameras.find('front')
    cameras.unplugged = set()
    camera.next_image()
    camera.realsense.close()


def test_readers_open_the_scene_of_a_restarted_robot(panda):
    reader = SharedScene(panda.name)
    before = reader.read()[0]
    panda.kill()
    until(lambda: reader.read()[0] == reader.read()[0], 'the end of the killed robot')
    panda.start()
    until(lambda: reader.read()[0] < before + 60, 'the restarted scene')
    first = reader.read()[0]
    until(lambda: reader.read()[0] > first, 'progress of its time')
