# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Which stamps have a complete observation: what an operator may answer, as a policy may."""

from collections.abc import Callable, Sequence
from functools import partial
import time

from rclpy.node import Node
from sensor_msgs.msg import Image

from irevla_control.cdr import stamp_of
from irevla_control.errors import ConfigError
from irevla_control.observation import ObservationBuffer
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.parameters import CAMERA, MAX_SKEW, Parameter
from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import RobotState

# Of every node that commands in an operator's place.
OBSERVED = {
    'cameras': Parameter([''], 'cameras of a complete observation, the first leading: each is '
                               'answered once', form=CAMERA),
    'max_skew_s': MAX_SKEW,
}
# Without a complete observation, after which an operator is told, again and again [s].
INCOMPLETE_S = 0.5


class CompleteObservations:
    """Joins the stamps of images and `robot_state`; calls back with that of each complete one.

    Nothing is decoded: an operator sees with their own eyes, only a reader needs the content.
    Where none is complete for a while, diagnostics tell why the arm does not move.
    """

    def __init__(self, node: Node, diagnostics: Diagnostics, cameras: Sequence[str],
                 max_skew_s: float, on_complete: Callable[[int], None],
                 wanted: Callable[[], bool]) -> None:
        """Subscribe.

        Args:
            node: that subscribes.
            diagnostics: of the node.
            cameras: by name, the first leading.
            max_skew_s: see `OBSERVED`.
            on_complete: gets stamps [ns].
            wanted: whether the node would command now, so that the lack of one matters.

        Raises:
            ConfigError: no cameras.

        """
        cameras = [camera for camera in cameras if camera]
        if not cameras:
            raise ConfigError('parameter cameras is empty; name the cameras whose images are '
                              'answered, the first leading')
        self._buffer = ObservationBuffer(cameras, max_skew_s)
        self._heard = {part: float('-inf') for part in (*cameras, 'state')}
        self._complete = time.monotonic()
        self._max_skew_s, self._on_complete = max_skew_s, on_complete
        self._diagnostics, self._wanted = diagnostics, wanted
        for camera in cameras:
            node.create_subscription(Image, f'camera/{camera}/image_raw', partial(
                self._add, camera), OBSERVATION, raw=True)
        node.create_subscription(RobotState, 'robot_state', partial(self._add, 'state'),
                                 OBSERVATION, raw=True)
        node.create_timer(INCOMPLETE_S, self._on_watch)

    def _add(self, part: str, data: bytes) -> None:
        self._heard[part] = time.monotonic()
        observation = self._buffer.add(part, stamp_of(data), None)
        if observation is not None:
            self._complete = time.monotonic()
            self._on_complete(observation.stamp)

    def _on_watch(self) -> None:
        problem = self._problem()
        if problem and self._wanted():
            self._diagnostics.refuse(problem)

    def _problem(self) -> str:
        """Return why nothing may be answered now, '' when something may."""
        now = time.monotonic()
        if now - self._complete < INCOMPLETE_S:
            return ''
        silent = [('robot_state' if part == 'state' else f'camera {part}')
                  for part, heard in self._heard.items() if now - heard > INCOMPLETE_S]
        why = f'no message from {", ".join(silent)}' if silent else (
            f'its parts differ by more than max_skew_s ({self._max_skew_s:g} s)')
        return (f'no complete observation for {now - self._complete:.1f} s ({why}); no command '
                'is sent')
