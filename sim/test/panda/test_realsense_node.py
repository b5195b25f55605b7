# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The realsense node with the real SDK, on software devices."""

from dataclasses import replace
import time

import cv2
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pyrealsense2 as rs
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64

from irevla_control.cameras.colour_stream import find_device
from irevla_control.cameras.picture_files import load_picture
from irevla_control.cameras.realsense_camera import RealSenseCamera
from irevla_control.cameras.realsense_node import PARAMETERS, RealSenseNode, rotations
from irevla_control.cameras.settings import CameraError, CameraSettings
from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import message_to_image, stamp_to_ns
from irevla_control.ros.qos import EVENT, OBSERVATION
from irevla_msgs.msg import EpisodeState
from irevla_sim.panda.devices.software_camera import SoftwareCamera

WIDTH, HEIGHT, FPS, FOV = 64, 48, 30, 1.0
SETTINGS = CameraSettings('a1', WIDTH, HEIGHT, FPS, image_size=24)


def picture(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def camera(serial='a1'):
    return SoftwareCamera(serial, [(WIDTH, HEIGHT, FPS)], FOV)


def frame_of(device, settings, injected, taken_s=None):
    """Return the frame of an opened camera for one injected image."""
    frames = []
    opened = RealSenseCamera(device.device, settings, frames.append)
    device.show(injected, taken_s)
    end = time.monotonic() + 5
    while not frames and time.monotonic() < end:
        time.sleep(0.005)
    opened.close()
    size = settings.image_size
    return frames[0], np.frombuffer(frames[0].data, np.uint8).reshape(size, size, 3)


def test_the_middle_square_is_resized_and_the_stamp_is_that_of_the_exposure():
    injected = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    injected[:, 8:56] = 200
    frame, image = frame_of(camera(), SETTINGS, injected, taken_s=1_700_000_000.125)
    assert (image == 200).all(), 'pixels from outside the square'
    assert abs(frame.stamp - 1_700_000_000_125_000_000) < 1_000_000


def test_a_crop_without_resizing_keeps_every_pixel():
    injected = picture()
    _, image = frame_of(camera(), replace(SETTINGS, crop=(10, 5, 24, 24)), injected)
    np.testing.assert_array_equal(image, injected[5:29, 10:34])


def test_the_camera_matrix_follows_crop_and_size():
    opened = RealSenseCamera(camera().device, replace(SETTINGS, crop=(8, 0, 48, 48)), print)
    focal = 0.5 * HEIGHT / np.tan(0.5 * FOV)
    np.testing.assert_allclose(
        opened.matrix(),
        [[focal / 2, 0, (WIDTH / 2 - 8) / 2], [0, focal / 2, HEIGHT / 4], [0, 0, 1]],
        rtol=1e-6,
    )
    opened.close()


@pytest.mark.parametrize('rotation', [90, 180, 270])
def test_images_of_a_rotated_camera_are_upright_and_its_matrix_follows(rotation):
    injected, settings = picture(), replace(SETTINGS, crop=(10, 5, 24, 24), rotation=rotation)
    _, image = frame_of(camera(), settings, injected)
    np.testing.assert_array_equal(image, np.rot90(injected[5:29, 10:34], -rotation // 90))
    upright = RealSenseCamera(camera().device, replace(settings, rotation=0), print)
    turned = RealSenseCamera(camera().device, settings, print)
    # Pixel of one point in the image of the camera and of the rotated camera.
    angle = np.deg2rad(rotation)
    point = np.array([0.1, 0.2, 1.0])
    about = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    x, y = (upright.matrix() @ point)[:2]
    expected = {90: (24 - y, x), 180: (24 - x, 24 - y), 270: (y, 24 - x)}[rotation]
    np.testing.assert_allclose((turned.matrix() @ about @ point)[:2], expected)
    upright.close()
    turned.close()


def test_a_rotation_is_given_for_all_cameras_or_for_each():
    assert rotations([180], ['a', 'b']) == {'a': 180, 'b': 180}
    assert rotations([0, 270], ['a', 'b']) == {'a': 0, 'b': 270}
    with pytest.raises(ConfigError, match='one for each of a, b'):
        rotations([0, 90, 180], ['a', 'b'])
    with pytest.raises(ConfigError, match='a list, each one of 0, 90, 180, 270'):
        PARAMETERS['rotation'].fitted([0, 45])


def test_an_invalid_crop_and_invalid_serials_are_refused():
    with pytest.raises(ConfigError, match='whole numbers from 0 to 4096'):
        PARAMETERS['crop'].fitted([-1, 0, 48, 48])
    with pytest.raises(ConfigError, match='"a1" given twice'):
        PARAMETERS['serials'].fitted(['a1', 'a1'])


def test_a_missing_camera_or_mode_is_refused_with_the_available_ones():
    with pytest.raises(CameraError, match='no RGB stream of 640x480 at 30 Hz; it has 64x48x30'):
        RealSenseCamera(
            camera().device, replace(SETTINGS, width=640, height=480, crop=(0,)), print
        )
    with pytest.raises(CameraError, match='no camera has serial 999'):
        find_device('999')
    with pytest.raises(ConfigError, match='crop'):
        replace(SETTINGS, crop=(60, 0, 24, 24))


def node(find, **parameters):
    return RealSenseNode(
        find,
        parameter_overrides=[
            rclpy.Parameter(name, value=value)
            for name, value in {
                'cameras': ['wrist', 'side'],
                'serials': ['a1', 'b2'],
                'width': WIDTH,
                'height': HEIGHT,
                'image_size': 24,
                **parameters,
            }.items()
        ],
    )


def test_an_error_of_the_sdk_at_the_start_is_one_line(ros):
    def find(serial):
        raise RuntimeError('failed to set power state')

    with pytest.raises(
        CameraError,
        match='camera wrist .a1.: failed to set power state; check the cable and the udev rules',
    ):
        node(find)


class Viewer:
    """Two cameras, their node, and the messages that it publishes."""

    def __init__(self, views):
        self.views = views
        self.devices = {serial: camera(serial) for serial in ('a1', 'b2')}
        self.plugged = set(self.devices)
        self.node = node(
            self._find,
            lost_after_s=1.0,
            max_age_s=1.0,
            rotation=[0, 180],
            frozen_after_s=0.5,
            views_folder=str(views),
        )
        self.viewer = rclpy.create_node('viewer')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.viewer)
        self.images, self.infos, self.statuses, self.notes = [], [], [], {}
        self.offsets = []
        # Lead of the cameras' clocks, and the number of injected images.
        self.ahead_s, self.count = 0.0, 0
        # Serials of cameras with identical images; clock of the side camera's stamps.
        self.frozen, self.clock = set(), rs.timestamp_domain.global_time
        self.episode = self.viewer.create_publisher(EpisodeState, 'episode', EVENT)
        self.viewer.create_subscription(
            Float64,
            'camera/side/clock_offset',
            lambda message: self.offsets.append(message.data),
            EVENT,
        )
        for name in ('wrist', 'side'):
            self.viewer.create_subscription(
                Image, f'camera/{name}/image_raw', self.images.append, OBSERVATION
            )
            self.viewer.create_subscription(
                CameraInfo, f'camera/{name}/camera_info', self.infos.append, OBSERVATION
            )
        self.viewer.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 10)

    def _on_diagnostics(self, message):
        # Other nodes of this run publish on the same topic.
        for status in message.status:
            if status.name == 'realsense: status':
                self.statuses.append(status.message)
                self.notes = {value.key: value.value for value in status.values}

    def _find(self, serial):
        if serial not in self.plugged:
            raise CameraError(f'no camera has serial {serial}')
        return self.devices[serial].device

    def inject(self, taken_s=None):
        self.count += 1
        for serial in self.plugged:
            self.devices[serial].show(
                picture(0 if serial in self.frozen else self.count),
                (taken_s or time.time()) + self.ahead_s,
                self.clock if serial == 'b2' else rs.timestamp_domain.global_time,
            )

    def until(self, condition, what, within_s=15):
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, what
            self.inject()
            self.executor.spin_once(timeout_sec=0.02)

    def frames(self, name):
        return [image for image in self.images if image.header.frame_id == name]


@pytest.fixture(scope='module')
def viewer(ros, tmp_path_factory):
    viewer = Viewer(tmp_path_factory.mktemp('views'))
    viewer.until(lambda: viewer.frames('wrist') and viewer.frames('side'), 'both cameras')
    yield viewer
    viewer.node.destroy_node()
    viewer.viewer.destroy_node()


def test_images_are_published_with_stamps_and_camera_infos(viewer):
    viewer.until(lambda: len(viewer.infos) > 10, 'camera infos')
    image, info = viewer.frames('wrist')[-1], viewer.infos[-1]
    assert message_to_image(image).shape == (24, 24, 3)
    assert abs(stamp_to_ns(image.header.stamp) - time.time_ns()) < 2e9
    assert (info.height, info.width, info.k[8]) == (24, 24, 1.0)


def test_an_unplugged_camera_is_reported_and_opened_again_when_plugged_in(viewer):
    viewer.episode.publish(EpisodeState(episode_id='zero', phase=EpisodeState.PHASE_RUNNING))
    viewer.until(lambda: 'side' in viewer.node._offset_before, 'the beginning of an episode')
    viewer.plugged.remove('b2')
    viewer.statuses.clear()
    viewer.until(
        lambda: any('camera side (b2) gives no frames' in text for text in viewer.statuses),
        'the report of the loss',
    )
    viewer.images.clear()
    viewer.until(lambda: len(viewer.frames('wrist')) > 5, 'the other camera')
    assert not viewer.frames('side'), 'an old image was published'
    viewer.plugged.add('b2')
    viewer.until(lambda: viewer.frames('side'), 'images of the side camera')
    viewer.statuses.clear()
    viewer.until(lambda: 'ok' in viewer.statuses, 'all well again')
    assert set(viewer.node._offset_before) == {'wrist'}, 'a new connection counts as drift'
    viewer.episode.publish(EpisodeState(episode_id='zero', phase=EpisodeState.PHASE_ENDED))


def test_a_late_frame_is_reported(viewer):
    viewer.statuses.clear()
    viewer.inject(taken_s=time.time() - 5)
    viewer.until(
        lambda: any('s old, the limit is 1.0 s' in text for text in viewer.statuses),
        'the report of a late frame',
    )


def test_a_clock_that_is_ahead_is_corrected_and_its_drift_reported(viewer):
    viewer.episode.publish(EpisodeState(episode_id='one', phase=EpisodeState.PHASE_RUNNING))
    viewer.until(lambda: viewer.node._offset_before, 'the beginning of an episode')
    viewer.ahead_s = 0.1
    viewer.statuses.clear()
    viewer.images.clear()
    viewer.until(
        lambda: any('the clock of camera side drifted by -' in text for text in viewer.statuses),
        'the report of the drift',
        40,
    )
    now = time.time_ns()
    stamps = [stamp_to_ns(image.header.stamp) for image in viewer.frames('side')]
    assert stamps == sorted(set(stamps)) and max(stamps) < now
    viewer.until(lambda: viewer.offsets[-1] < -0.05, 'the offset for the bags')
    # Diagnostics are published once a second.
    viewer.until(
        lambda: float(viewer.notes['side clock offset [ms]']) < -50, 'the reported offset'
    )
    assert float(viewer.notes['side clock offset [ms]']) > -110
    shift = float(viewer.notes['side stamps shifted [ms]'])
    assert shift == pytest.approx(float(viewer.notes['side clock offset [ms]']) - 20, abs=5)
    viewer.episode.publish(EpisodeState(episode_id='one', phase=EpisodeState.PHASE_ENDED))
    viewer.statuses.clear()
    viewer.until(lambda: 'ok' in viewer.statuses, 'no drift between episodes')
    viewer.ahead_s = 0.0


def test_each_view_is_saved_as_published_with_its_camera_s_name(viewer):
    viewer.until(lambda: len(list(viewer.views.glob('*.png'))) == 2, 'two views')
    assert {path.stem for path in viewer.views.iterdir()} == {'wrist', 'side'}
    saved = load_picture(viewer.views / 'side.png')
    given = (
        cv2.resize(picture(number)[:, 8:56], (24, 24), interpolation=cv2.INTER_AREA)
        for number in range(viewer.count + 1)
    )
    assert any((saved == image[::-1, ::-1]).all() for image in given), 'the view is not rotated'


def test_identical_images_are_reported_until_they_change(viewer):
    viewer.frozen = {'a1'}
    viewer.statuses.clear()
    viewer.until(
        lambda: any(
            'camera wrist: its images have been identical' in text for text in viewer.statuses
        ),
        'the report of a frozen camera',
    )
    assert not any('camera side: its images' in text for text in viewer.statuses)
    viewer.frozen = set()
    viewer.statuses.clear()
    viewer.until(lambda: 'ok' in viewer.statuses, 'all well again')


def test_stamps_of_different_clocks_are_reported(viewer):
    viewer.clock = rs.timestamp_domain.hardware_clock
    viewer.statuses.clear()
    viewer.until(
        lambda: any('side hardware_clock, wrist global_time' in text for text in viewer.statuses),
        'the report of two clocks',
    )
    viewer.clock = rs.timestamp_domain.global_time
