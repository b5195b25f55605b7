# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Observations and actions as arrays; joins an observation from its parts."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

ACTION_SIZE = 7
STATE_SIZE = 10
# Fields of EndEffectorCommand that make an action, and of RobotState that make a state, in order.
ACTION_FIELDS = (
    'translation.x',
    'translation.y',
    'translation.z',
    'rotation.x',
    'rotation.y',
    'rotation.z',
    'gripper',
)
POSITION_FIELDS = ('pose.position.x', 'pose.position.y', 'pose.position.z')
QUATERNION_FIELDS = (
    'pose.orientation.x',
    'pose.orientation.y',
    'pose.orientation.z',
    'pose.orientation.w',
)
STATE_FIELDS = (*POSITION_FIELDS, *QUATERNION_FIELDS, 'gripper')
_action, _position, _quaternion = (
    attrgetter(*names) for names in (ACTION_FIELDS, POSITION_FIELDS, QUATERNION_FIELDS)
)
# Frame of poses and commands.
BASE_FRAME = 'base'
# Number of recent samples kept of each part, for late images: 0.3 s of a state at 200 Hz.
KEPT = 64


@dataclass(frozen=True)
class Observation:
    """The input of the policy at one stamp.

    Attributes:
        stamp: [ns]; identifies the observation in all messages.
        images: camera name to uint8 (height, width, 3) RGB.
        state: float64 (10,), see `state_from`.

    """

    stamp: int
    images: dict[str, np.ndarray]
    state: np.ndarray


def action_problem(action: np.ndarray) -> str:
    """Return why an action is invalid, or ''."""
    if np.shape(action) != (ACTION_SIZE,):
        return f'action of shape {np.shape(action)}; ({ACTION_SIZE},) is needed'
    if not np.isfinite(action).all():
        return f'action {action} is not finite'
    if not 0 <= action[6] <= 1:
        return f'gripper opening {action[6]}; 0 (closed) to 1 (open) is needed'
    return ''


def action_of(command: Any) -> np.ndarray:
    """Return the action (7,) of an EndEffectorCommand, unchecked.

    Here and below a message may be decoded by ROS or by rosbags: both have the same attributes.
    """
    return np.array(_action(command), np.float64)


def pose_values(robot: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return position (3,) [m] and quaternion (4,) (x, y, z, w) of a RobotState, unchecked."""
    return np.array(_position(robot), np.float64), np.array(_quaternion(robot), np.float64)


def state_of(robot: Any) -> np.ndarray:
    """Return the state (10,) of a RobotState, unchecked."""
    return state_from(*pose_values(robot), robot.gripper)


def state_from(position: np.ndarray, quaternion: np.ndarray, gripper: float) -> np.ndarray:
    """Return the state (10,): position [m], `rotation_to_columns` and the gripper's opening.

    Args:
        position: of the end effector (3,) [m].
        quaternion: its orientation (x, y, z, w).
        gripper: 0 closed to 1 open.

    """
    return np.concatenate([position, rotation_to_columns(quaternion), [gripper]])


def rotation_to_columns(quaternion: np.ndarray) -> np.ndarray:
    """Return the first two columns (6,) of the rotation matrix of an (x, y, z, w) quaternion.

    Unlike Euler angles and rotation vectors they are continuous, and equal for q and -q.
    """
    x, y, z, w = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            1 - 2 * (y * y + z * z),
            2 * (x * y + z * w),
            2 * (x * z - y * w),
            2 * (x * y - z * w),
            1 - 2 * (x * x + z * z),
            2 * (y * z + x * w),
        ]
    )


class ObservationBuffer:
    """Joins the newest complete observation from images and states that arrive separately.

    The first camera gives the stamp. Every other part contributes its latest sample not after that
    stamp, at most ``max_skew_s`` older; with 0 all stamps must be equal (simulators). The rule is
    that of `bags.reader`, so a bag gives the same observations.
    """

    def __init__(self, cameras: Sequence[str], max_skew_s: float = 0.0) -> None:
        """Expect these cameras, the first of which gives the stamp, and a state."""
        if not cameras:
            raise ValueError('an observation needs at least one camera')
        self._first = cameras[0]
        self._parts = (*cameras, 'state')
        self._max_skew_ns = round(max_skew_s * 1e9)
        self._kept: dict[str, deque[tuple[int, np.ndarray]]] = {
            part: deque(maxlen=KEPT) for part in self._parts
        }
        self._last_stamp = -1

    def clear(self) -> None:
        """Discard all samples, as at the start of an episode."""
        for kept in self._kept.values():
            kept.clear()
        self._last_stamp = -1

    def add(self, part: str, stamp: int, value: np.ndarray) -> Observation | None:
        """Add an image (part is the camera's name) or the state (part is 'state').

        Returns the observation if this sample completes a new one, else None.
        """
        if part not in self._parts:
            raise ValueError(f'unknown part {part!r}; expected one of {self._parts}')
        kept = self._kept[part]
        if kept and stamp < kept[-1][0]:
            # A restarted environment may set its clock back.
            kept.clear()
        kept.append((stamp, value))
        newest = self._kept[self._first][-1][0] if self._kept[self._first] else self._last_stamp
        if newest == self._last_stamp:
            return None
        values = {}
        for name, kept in self._kept.items():
            found = next((one for one in reversed(kept) if one[0] <= newest), None)
            if found is None or newest - found[0] > self._max_skew_ns:
                return None
            values[name] = found[1]
        self._last_stamp = newest
        state = values.pop('state')
        return Observation(newest, values, state)

    def missing(self) -> list[str]:
        """Return the parts of which no sample has arrived."""
        return [part for part, kept in self._kept.items() if not kept]
