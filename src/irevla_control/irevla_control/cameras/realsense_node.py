# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `realsense`: several RealSense cameras as `camera/<name>/image_raw` and `camera_info`."""

from collections import deque
from collections.abc import Callable
from functools import partial
import time
from typing import Any

import pyrealsense2 as rs
from sensor_msgs.msg import CameraInfo, Image

from irevla_control.cameras.realsense_camera import (
    CameraError,
    CameraFrame,
    CameraSettings,
    RealSenseCamera,
    find_sensor,
)
from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import ns_to_stamp, pixels_to_message, to_array
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import CAMERA, Parameter, declare
from irevla_control.ros.qos import OBSERVATION

PARAMETERS = {
    'cameras': Parameter([''], 'names; each gives `camera/<name>/image_raw`', form=CAMERA),
    'serials': Parameter([''], 'serial numbers of the cameras, in their order'),
    'image_size': Parameter(224, 'height and width of the images given [pixels]', 16, 2048),
    'width': Parameter(640, 'of the captured stream [pixels]', 16, 4096),
    'height': Parameter(480, 'of the captured stream [pixels]', 16, 4096),
    'fps': Parameter(30, 'frames captured and published a second [Hz]', 1, 120),
    'exposure_us': Parameter(0, 'fixed exposure time [microseconds]; 0: automatic', 0, 200_000),
    'gain': Parameter(64, 'of the sensor, with a fixed exposure', 0, 248),
    'crop': Parameter([0], 'left, top, width, height of the part used [pixels]; [0]: the largest '
                           'square in the middle'),
    'lost_after_s': Parameter(0.5, 'silence after which a camera is lost and opened anew [s]',
                              0.05, 10.0),
    'max_age_s': Parameter(0.2, 'age at which a frame is reported as late [s]', 0.01, 10.0),
}
WATCH_S = 0.1
# Between two attempts to open a camera that is lost [s].
REOPEN_S = 1.0
FIRST_FRAME_S = 5.0


class RealSenseNode(Node):
    """Opens the cameras, publishes what they see, opens anew what was unplugged."""

    def __init__(self, find: Callable[[str], rs.sensor] = find_sensor, **options: Any) -> None:
        """Open all cameras, whose colour sensors ``find`` gives by serial number.

        Options are rclpy's of a node.
        """
        super().__init__('realsense', **options)
        values = declare(self, PARAMETERS)
        self._find = find
        names, serials = ([one for one in values[key] if one] for key in ('cameras', 'serials'))
        if not names or len(names) != len(serials):
            raise ConfigError(f'parameters cameras {names} and serials {serials}: one serial for '
                              'each camera is needed')
        self._lost_after_s, self._max_age_s = values['lost_after_s'], values['max_age_s']
        crop = tuple(values['crop']) if values['crop'] != [0] else ()
        self._settings = {name: CameraSettings(
            serial, values['width'], values['height'], values['fps'], values['exposure_us'],
            values['gain'], crop, values['image_size'])
            for name, serial in zip(names, serials)}
        self._diagnostics = Diagnostics(self)
        self._images = {name: self.create_publisher(Image, f'camera/{name}/image_raw', OBSERVATION)
                        for name in names}
        self._infos = {name: self.create_publisher(
            CameraInfo, f'camera/{name}/camera_info', OBSERVATION) for name in names}
        self._cameras: dict[str, RealSenseCamera] = {}
        self._matrices: dict[str, list[float]] = {}
        # From the SDK's threads to this node's: age [s] of each frame published.
        self._ages = {name: deque(maxlen=1000) for name in names}
        self._tried: dict[str, float] = {}
        try:
            for name in names:
                self._open(name)
        except CameraError:
            for camera in self._cameras.values():
                camera.close()
            raise
        self.create_timer(WATCH_S, self._on_watch)
        self.get_logger().info(f'ready: {", ".join(names)}')

    def destroy_node(self) -> None:
        """Close the cameras."""
        for camera in self._cameras.values():
            camera.close()
        super().destroy_node()

    def _open(self, name: str) -> None:
        settings = self._settings[name]
        try:
            camera = RealSenseCamera(self._find(settings.serial), settings,
                                     partial(self._on_frame, name))
        finally:
            self._tried[name] = time.monotonic()
        self._matrices[name] = to_array('d', camera.matrix()).tolist()
        self._cameras[name] = camera

    def _on_frame(self, name: str, frame: CameraFrame) -> None:
        """Publish a frame; called in a thread of the SDK."""
        if name not in self._matrices:
            # The first frame can be quicker than the opening.
            return
        size = self._settings[name].size
        stamp = ns_to_stamp(frame.stamp)
        image = pixels_to_message(frame.data, size, size, stamp, name)
        info = CameraInfo(height=size, width=size, distortion_model='plumb_bob',
                          d=[0.0] * 5, k=self._matrices[name])
        info.header = image.header
        self._images[name].publish(image)
        self._infos[name].publish(info)
        self._ages[name].append(1e-9 * (time.time_ns() - frame.stamp))

    def _on_watch(self) -> None:
        lost = [text for name in self._settings if (text := self._look_after(name))]
        self._diagnostics.error('; '.join(lost))
        for name, ages in self._ages.items():
            while ages:
                age = ages.popleft()
                self._diagnostics.count(f'{name} frames')
                self._diagnostics.time(f'{name} age', age)
                if age > self._max_age_s:
                    self._diagnostics.refuse(f'camera {name}: a frame is {age:.2f} s old, the '
                                             f'limit is {self._max_age_s} s')

    def _look_after(self, name: str) -> str:
        """Open a camera anew that gives no frames; return what is wrong with it, or ''."""
        now, camera = time.monotonic(), self._cameras.get(name)
        if camera is not None and now - camera.arrived_s < self._lost_after_s:
            return ''
        text = f'camera {name} ({self._settings[name].serial}) gives no frames'
        # Some take their time for the first frame.
        if now - self._tried[name] < (
                FIRST_FRAME_S if camera is not None and not camera.seen else REOPEN_S):
            return text
        if camera is not None:
            self._cameras.pop(name).close()
        try:
            self._open(name)
            self._diagnostics.count(f'{name} opened anew')
        except (CameraError, RuntimeError) as error:
            return f'{text}: {error}'
        return text


def main() -> None:
    """Run the node."""
    run_node(RealSenseNode)


if __name__ == '__main__':
    main()
