# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the stamps of complete observations, which an operator's node may answer."""

from collections.abc import Callable, Sequence
from functools import partial
import time

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image

from irevla_control.cdr import stamp_of
from irevla_control.errors import ConfigError
from irevla_control.observation import ObservationBuffer
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.parameters import CAMERA, MAX_SKEW, Parameter
from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import RobotState

# Parameters of every node that sends commands as an operator.
OBSERVED = {
    'cameras': Parameter(
        [''],
        'cameras of a complete observation, the first gives the stamp; '
        'each observation is answered once',
        form=CAMERA,
    ),
    'max_skew_s': MAX_SKEW,
}
# Time without a complete observation after which the reason is reported [s].
INCOMPLETE_S = 0.5
# In place of each part, because only the stamps are needed.
_NO_VALUE = np.empty(0)


class CompleteObservations:
    """Joins images and `robot_state` by stamp; calls back with each complete observation's stamp.

    Messages are not decoded, because an operator does not use their content. If no observation is
    complete for a while, the diagnostics explain why the arm does not move.
    """

    def __init__(
        self,
        node: Node,
        diagnostics: Diagnostics,
        cameras: Sequence[str],
        max_skew_s: float,
        on_complete: Callable[[int], None],
        needed: Callable[[], bool],
    ) -> None:
        """Subscribe to the topics.

        Args:
            node: the node that subscribes.
            diagnostics: diagnostics of the node.
            cameras: names of the cameras; the first gives the stamp.
            max_skew_s: see `OBSERVED`.
            on_complete: called with each stamp [ns].
            needed: returns whether the node has a command to send now.

        Raises:
            ConfigError: no cameras are given.

        """
        cameras = [camera for camera in cameras if camera]
        if not cameras:
            raise ConfigError(
                'parameter cameras is empty; name the cameras of an observation, '
                'first the one that gives the stamp'
            )
        self._buffer = ObservationBuffer(cameras, max_skew_s)
        self._arrived_s = {part: float('-inf') for part in (*cameras, 'state')}
        self._complete = time.monotonic()
        self._max_skew_s, self._on_complete = max_skew_s, on_complete
        self._diagnostics, self._needed = diagnostics, needed
        for camera in cameras:
            node.create_subscription(
                Image,
                f'camera/{camera}/image_raw',
                partial(self._add, camera),
                OBSERVATION,
                raw=True,
            )
        node.create_subscription(
            RobotState, 'robot_state', partial(self._add, 'state'), OBSERVATION, raw=True
        )
        node.create_timer(INCOMPLETE_S, self._on_watch)

    def _add(self, part: str, data: bytes) -> None:
        self._arrived_s[part] = time.monotonic()
        observation = self._buffer.add(part, stamp_of(data), _NO_VALUE)
        if observation is not None:
            self._complete = time.monotonic()
            self._on_complete(observation.stamp)

    def _on_watch(self) -> None:
        problem = self._problem()
        if problem and self._needed():
            self._diagnostics.refuse(problem)

    def _problem(self) -> str:
        """Return why no observation can be answered now, or ''."""
        now = time.monotonic()
        if now - self._complete < INCOMPLETE_S:
            return ''
        silent = [
            ('robot_state' if part == 'state' else f'camera {part}')
            for part, arrived_s in self._arrived_s.items()
            if now - arrived_s > INCOMPLETE_S
        ]
        why = (
            f'no message from {", ".join(silent)}'
            if silent
            else (f'its parts differ by more than max_skew_s ({self._max_skew_s:g} s)')
        )
        return (
            f'no complete observation for {now - self._complete:.1f} s ({why}); no command is sent'
        )
