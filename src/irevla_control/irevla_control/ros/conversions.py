# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion between the suite's arrays and ROS messages; every conversion checks its input."""

import array
from collections.abc import Iterable
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
from sensor_msgs.msg import Image

from irevla_control.errors import BadMessageError
from irevla_control.observation import (
    BASE_FRAME,
    action_of,
    action_problem,
    pose_values,
    state_from,
)
from irevla_msgs.msg import EndEffectorCommand, RobotState

NANOSECONDS = 1_000_000_000


def stamp_to_ns(stamp: Time) -> int:
    """Return a ROS time as integer nanoseconds."""
    return stamp.sec * NANOSECONDS + stamp.nanosec


def ns_to_stamp(nanoseconds: int) -> Time:
    """Return integer nanoseconds as a ROS time."""
    return Time(sec=nanoseconds // NANOSECONDS, nanosec=nanoseconds % NANOSECONDS)


def to_array(typecode: str, values: np.ndarray) -> array.array:
    """Copy an ndarray into the array type of a message field, without a loop in Python."""
    field = array.array(typecode)
    field.frombytes(np.ascontiguousarray(values, dtype=np.dtype(typecode)).data.cast('B'))
    return field


def image_to_message(image: np.ndarray, stamp: Time, frame_id: str) -> Image:
    """Wrap a uint8 (height, width, 3) RGB image.

    For further images of this size, assign `header.stamp` and `data` of the same message.
    """
    height, width = image.shape[:2]
    return pixels_to_message(to_array('B', image), height, width, stamp, frame_id)


def pixels_to_message(
    pixels: array.array, height: int, width: int, stamp: Time, frame_id: str
) -> Image:
    """Wrap the bytes of a (height, width, 3) RGB image without a copy."""
    message = Image(height=height, width=width, encoding='rgb8', step=3 * width)
    # Assigned, because the constructor copies the array.
    message.data = pixels
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    return message


def message_to_image(message: Image) -> np.ndarray:
    """Return a read-only uint8 (height, width, 3) RGB view of an rgb8 message.

    Raises:
        BadMessageError: another encoding, or a size that does not fit the data.

    """
    if message.encoding != 'rgb8':
        raise BadMessageError(f'image encoding {message.encoding!r}; publish rgb8')
    data = np.frombuffer(message.data, np.uint8)
    if data.size != message.height * message.width * 3 or not data.size:
        raise BadMessageError(
            f'image of {message.height} x {message.width} x 3 with {data.size} bytes of data'
        )
    return data.reshape(message.height, message.width, 3)


def action_to_message(
    action: Iterable[float], stamp: Time, frame_id: str, source: int
) -> EndEffectorCommand:
    """Wrap a (7,) action; see docs/architecture.md for its layout."""
    x, y, z, rx, ry, rz, gripper = (float(value) for value in action)
    message = EndEffectorCommand(gripper=gripper, source=source)
    message.header.stamp = stamp
    message.header.frame_id = frame_id
    message.translation.x, message.translation.y, message.translation.z = x, y, z
    message.rotation.x, message.rotation.y, message.rotation.z = rx, ry, rz
    return message


def message_to_action(message: EndEffectorCommand) -> np.ndarray:
    """Return the (7,) float64 action of a command.

    Raises:
        BadMessageError: a value that is not finite, or a gripper outside 0 to 1.

    """
    action = action_of(message)
    problem = action_problem(action)
    if problem:
        raise BadMessageError(problem)
    return action


def message_to_state(message: RobotState) -> np.ndarray:
    """Return the (10,) float64 state of a robot.

    Raises:
        BadMessageError: values that are not finite, or a quaternion that is not of unit length.

    """
    position, quaternion = pose_values(message)
    if abs(np.linalg.norm(quaternion) - 1) > 1e-3:
        raise BadMessageError(f'robot_state orientation {quaternion} is not a unit quaternion')
    state = state_from(position, quaternion, message.gripper)
    if not np.isfinite(state).all():
        raise BadMessageError(f'robot_state has values that are not finite: {state}')
    return state


def state_to_message(
    stamp: Time,
    position: np.ndarray,
    quaternion: np.ndarray,
    gripper: float,
    *,
    twist: np.ndarray,
    wrench: np.ndarray | None = None,
    into: RobotState | None = None,
    **fields: Any,
) -> RobotState:
    """Return the message of a robot, in the base frame.

    Args:
        stamp: of the measurement.
        position: of the end effector (3,) [m].
        quaternion: its orientation (x, y, z, w).
        gripper: 0 closed to 1 open.
        twist: of the end effector (6,) [m/s, rad/s].
        wrench: external, at the end effector (6,) [N, Nm]; None: as it is, zero in a new message.
        into: message to write and return, as creation takes half of the time; None: a new one.
        fields: further fields of RobotState; arrays as `to_array` makes them.

    """
    message = RobotState() if into is None else into
    message.header.stamp = stamp
    message.header.frame_id = BASE_FRAME
    message.gripper = float(gripper)
    for name, value in fields.items():
        setattr(message, name, value)
    orientation = message.pose.orientation
    (orientation.x, orientation.y, orientation.z, orientation.w) = quaternion.tolist()
    vectors = [message.pose.position, message.twist.linear, message.twist.angular]
    values = [*position.tolist(), *twist.tolist()]
    if wrench is not None:
        vectors += message.wrench.force, message.wrench.torque
        values += wrench.tolist()
    for number, vector in enumerate(vectors):
        vector.x, vector.y, vector.z = values[3 * number : 3 * number + 3]
    return message
