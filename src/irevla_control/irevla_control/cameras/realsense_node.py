# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `realsense`: publishes the images of RealSense cameras."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
import time
from typing import Any

import numpy as np
import pyrealsense2 as rs
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Float64

from irevla_control.cameras.camera_health import mixed_clocks
from irevla_control.cameras.colour_stream import find_device
from irevla_control.cameras.picture_files import save_picture, views_folder
from irevla_control.cameras.realsense_camera import CameraFrame, RealSenseCamera
from irevla_control.cameras.settings import ROTATIONS, CameraError, CameraSettings
from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter_fields import from_parameters, parameters_of
from irevla_control.ros.conversions import ns_to_stamp, pixels_to_message, to_array
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import CAMERA, SERIAL, Parameter, declare
from irevla_control.ros.qos import EVENT, OBSERVATION
from irevla_msgs.msg import EpisodeState

PARAMETERS = {
    'cameras': Parameter([''], 'names; each publishes `camera/<name>/image_raw`', form=CAMERA),
    'serials': Parameter([''], 'serial numbers of the cameras, in their order', form=SERIAL),
    **parameters_of(CameraSettings),
    'rotation': Parameter(
        [CameraSettings.rotation],
        "clockwise rotation of each camera's images [degrees]: 0, 90, "
        "180 or 270 in the cameras' order; one number: for all",
        choices=ROTATIONS,
    ),
    'views_folder': Parameter(
        '',
        "folder for <camera>.png, each camera's view at the start; "
        "empty: views/<namespace> in ROS's log folder",
    ),
    'lost_after_s': Parameter(
        0.5, 'time without an image after which a camera is opened again [s]', 0.05, 10.0
    ),
    'max_drift_s': Parameter(
        0.02,
        "drift of a camera's clock within an episode above which it is reported [s]",
        0.001,
        1.0,
    ),
    'max_age_s': Parameter(0.2, 'age above which an image is reported as late [s]', 0.01, 10.0),
}
WATCH_S = 0.1
# Interval between attempts to open a lost camera [s].
REOPEN_S = 1.0
# Time allowed for the first image after opening [s].
FIRST_FRAME_S = 5.0
OFFSET_PERIOD_S = 1.0
# Time in which an automatic exposure settles [s].
SETTLE_S = 1.0


class RealSenseNode(Node):
    """Opens the cameras, publishes their images, and opens lost cameras again."""

    def __init__(self, find: Callable[[str], rs.device] = find_device, **options: Any) -> None:
        """Open all cameras; ``find`` returns a device by its serial number.

        Options go to rclpy's Node.
        """
        super().__init__('realsense', **options)
        values = declare(self, PARAMETERS)
        self._find = find
        names, serials = ([one for one in values[key] if one] for key in ('cameras', 'serials'))
        if not names or len(names) != len(serials):
            raise ConfigError(
                f'parameters cameras {names} and serials {serials}: give one serial '
                'for each camera'
            )
        self._lost_after_s, self._max_age_s = values['lost_after_s'], values['max_age_s']
        self._max_drift_s = values['max_drift_s']
        angles = rotations(values['rotation'], names)
        self._settings = {
            name: from_parameters(CameraSettings, values, serial=serial, rotation=angles[name])
            for name, serial in zip(names, serials)
        }
        self._views_folder = views_folder(values['views_folder'], self.get_namespace())
        # Time at which a view is saved [steady s], after its exposure settled; and its image.
        self._view_due: dict[str, float] = {}
        self._views: dict[str, np.ndarray] = {}
        self._diagnostics = Diagnostics(self)
        self._images = {
            name: self.create_publisher(Image, f'camera/{name}/image_raw', OBSERVATION)
            for name in names
        }
        self._infos = {
            name: self.create_publisher(CameraInfo, f'camera/{name}/camera_info', OBSERVATION)
            for name in names
        }
        self._offsets = {
            name: self.create_publisher(Float64, f'camera/{name}/clock_offset', EVENT)
            for name in names
        }
        # Clock offsets at the start of the current episode, by camera [s].
        self._offset_before: dict[str, float] = {}
        self._episode_id = ''
        self._cameras: dict[str, RealSenseCamera] = {}
        self._matrices: dict[str, list[float]] = {}
        # From the SDK's threads to this node's: age [s] of each frame published.
        self._ages: dict[str, deque[float]] = {name: deque(maxlen=1000) for name in names}
        self._tried: dict[str, float] = {}
        try:
            for name in names:
                self._open(name)
        except CameraError:
            for camera in self._cameras.values():
                camera.close()
            raise
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_timer(WATCH_S, self._on_watch)
        self.create_timer(OFFSET_PERIOD_S, self._publish_offsets)
        self.get_logger().info(f'ready: {", ".join(names)}')

    def destroy_node(self) -> None:
        """Close the cameras."""
        for camera in self._cameras.values():
            camera.close()
        super().destroy_node()

    def _open(self, name: str) -> None:
        settings = self._settings[name]
        try:
            camera = RealSenseCamera(
                self._find(settings.serial), settings, partial(self._on_frame, name)
            )
        except RuntimeError as error:
            raise CameraError(
                f'camera {name} ({settings.serial}): {error}; check the cable and the udev rules'
            ) from error
        finally:
            self._tried[name] = time.monotonic()
        # A reopened camera gets a new measurement of its clock.
        self._offset_before.pop(name, None)
        self._matrices[name] = to_array('d', camera.matrix()).tolist()
        self._cameras[name] = camera
        self.get_logger().info(f'camera {name} ({settings.serial}): {camera.stream}')

    def _on_frame(self, name: str, frame: CameraFrame) -> None:
        """Publish a frame; called in a thread of the SDK."""
        if name not in self._matrices:
            # The first frame can arrive before `_open` has finished.
            return
        size = self._settings[name].image_size
        stamp = ns_to_stamp(frame.stamp)
        image = pixels_to_message(frame.data, size, size, stamp, name)
        info = CameraInfo(
            height=size,
            width=size,
            distortion_model='plumb_bob',
            d=[0.0] * 5,
            k=self._matrices[name],
        )
        info.header = image.header
        self._images[name].publish(image)
        self._infos[name].publish(info)
        if time.monotonic() >= self._view_due.setdefault(name, time.monotonic() + SETTLE_S):
            self._view_due[name] = float('inf')
            self._views[name] = np.frombuffer(frame.data, np.uint8).reshape(size, size, 3)
        self._ages[name].append(1e-9 * (time.time_ns() - frame.stamp))

    def _clock_offsets(self) -> dict[str, float]:
        """Return the least time from an image's stamp to its arrival [s], by camera."""
        return {
            name: camera.clock.offset_s
            for name, camera in self._cameras.items()
            if camera.clock.offset_ns is not None
        }

    def _publish_offsets(self) -> None:
        for name, offset_s in self._clock_offsets().items():
            shift_ms = 1e-6 * self._cameras[name].clock.shift_ns
            self._diagnostics.note(f'{name} clock offset [ms]', f'{1e3 * offset_s:.2f}')
            self._diagnostics.note(f'{name} stamps shifted [ms]', f'{shift_ms:.2f}')
            self._offsets[name].publish(Float64(data=offset_s))

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode_id:
            self._episode_id, self._offset_before = message.episode_id, self._clock_offsets()
        if message.phase != EpisodeState.PHASE_RUNNING:
            self._offset_before = {}

    def _drift(self) -> str:
        """Return which clocks drifted since the episode started, or ''."""
        now = self._clock_offsets()
        return '; '.join(
            f'the clock of camera {name} drifted by {1e3 * (now[name] - before):.0f} ms within '
            f"the episode, {1e3 * self._max_drift_s:g} ms are the limit; check the computer's "
            "clock and the camera's firmware"
            for name, before in self._offset_before.items()
            if name in now and abs(now[name] - before) > self._max_drift_s
        )

    def _on_watch(self) -> None:
        lost = [text for name in self._settings if (text := self._reopen_if_lost(name))]
        self._diagnostics.error('; '.join(lost))
        self._diagnostics.warn('; '.join(filter(None, self._warnings())))
        for name in list(self._views):
            self._save_view(name, self._views.pop(name))
        for name, ages in self._ages.items():
            while ages:
                age = ages.popleft()
                self._diagnostics.count(f'{name} frames')
                self._diagnostics.time(f'{name} age', age)
                if age > self._max_age_s:
                    self._diagnostics.refuse(
                        f'camera {name}: a frame is {age:.2f} s old, the '
                        f'limit is {self._max_age_s} s'
                    )

    def _warnings(self) -> list[str]:
        """Return the faults of cameras that still give images."""
        return [
            self._drift(),
            mixed_clocks(
                {
                    name: camera.clock_name
                    for name, camera in self._cameras.items()
                    if camera.clock_name
                }
            ),
            *(
                f'camera {name}: {problem}'
                for name, camera in self._cameras.items()
                for problem in camera.health.problems()
            ),
        ]

    def _save_view(self, name: str, picture: np.ndarray) -> None:
        path = self._views_folder / f'{name}.png'
        try:
            save_picture(path, picture)
            self.get_logger().info(f'view of camera {name}: {path}')
        except OSError as error:
            self._diagnostics.refuse(f'view of camera {name} is not saved: {error}')

    def _reopen_if_lost(self, name: str) -> str:
        """Open a camera again if it gives no frames; return its fault, or ''."""
        now, camera = time.monotonic(), self._cameras.get(name)
        if camera is not None and now - camera.arrived_s < self._lost_after_s:
            return ''
        text = f'camera {name} ({self._settings[name].serial}) gives no frames'
        # Some cameras need seconds until the first frame.
        if now - self._tried[name] < (
            FIRST_FRAME_S if camera is not None and not camera.seen else REOPEN_S
        ):
            return text
        if camera is not None:
            self._cameras.pop(name).close()
        try:
            self._open(name)
            self._diagnostics.count(f'{name} opened again')
        except CameraError as error:
            return f'{text}: {error}'
        return text


def rotations(given: Sequence[int], cameras: Sequence[str]) -> dict[str, int]:
    """Return each camera's rotation [degrees].

    Raises:
        ConfigError: neither one value for all nor one for each.

    """
    if len(given) not in (1, len(cameras)):
        raise ConfigError(
            f'parameter rotation {list(given)}: give one value for all cameras, or '
            f'one for each of {", ".join(cameras)}'
        )
    return dict(zip(cameras, list(given) * (len(cameras) if len(given) == 1 else 1)))


def main() -> None:
    """Run the node."""
    run_node(RealSenseNode)


if __name__ == '__main__':
    main()
