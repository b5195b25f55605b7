# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of arrays to messages and back is exact; invalid data is refused."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from irevla_control.bags.message_types import decode, definition, typestore
from irevla_control.errors import BadMessageError
from irevla_control.observation import action_of, state_from, state_of
from irevla_control.ros.conversions import (
    action_to_message,
    image_to_message,
    message_to_action,
    message_to_image,
    message_to_state,
    ns_to_stamp,
    stamp_to_ns,
    state_to_message,
    to_array,
)
from irevla_msgs.msg import EndEffectorCommand, PolicyStep, RobotState

STAMP = ns_to_stamp(1_234_567_890_123_456_789)


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_are_converted_to_the_nanosecond(nanoseconds):
    assert stamp_to_ns(ns_to_stamp(nanoseconds)) == nanoseconds


@given(hnp.arrays(np.float64, 6, elements=st.floats(-1, 1)), st.floats(0, 1))
def test_actions_are_transmitted_exactly(delta, gripper):
    action = np.array([*delta, gripper])
    message = action_to_message(action, STAMP, 'base', EndEffectorCommand.SOURCE_EXPERT)
    received = deserialize_message(serialize_message(message), EndEffectorCommand)
    assert np.array_equal(message_to_action(received), action)
    assert received.source == EndEffectorCommand.SOURCE_EXPERT


def test_images_are_transmitted_exactly_also_when_not_contiguous():
    image = np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    flipped = image[::-1, ::-1]
    message = deserialize_message(
        serialize_message(image_to_message(flipped, STAMP, 'front')),
        type(image_to_message(flipped, STAMP, 'front')),
    )
    assert np.array_equal(message_to_image(message), flipped)
    assert stamp_to_ns(message.header.stamp) == stamp_to_ns(STAMP)


def test_latents_keep_their_half_precision_bits():
    latent = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float16)
    message = PolicyStep(latent=to_array('H', latent.view(np.uint16)))
    received = deserialize_message(serialize_message(message), PolicyStep)
    assert np.array_equal(np.frombuffer(received.latent, np.float16).reshape(5, 8), latent)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_command_that_is_not_finite_is_refused(value):
    message = action_to_message(np.zeros(7), STAMP, 'base', 1)
    message.translation.y = float(value)
    with pytest.raises(BadMessageError, match='finite'):
        message_to_action(message)


def test_a_gripper_out_of_range_is_refused_with_its_value():
    message = action_to_message(np.zeros(7), STAMP, 'base', 1)
    message.gripper = 1.5
    with pytest.raises(BadMessageError, match='1.5'):
        message_to_action(message)


def test_images_of_another_encoding_or_a_wrong_length_are_refused():
    message = image_to_message(np.zeros((4, 5, 3), np.uint8), STAMP, 'front')
    message.encoding = 'bgr8'
    with pytest.raises(BadMessageError, match='bgr8'):
        message_to_image(message)
    message.encoding, message.height = 'rgb8', 7
    with pytest.raises(BadMessageError, match='60 bytes'):
        message_to_image(message)


def test_a_state_with_a_broken_quaternion_is_refused():
    with pytest.raises(BadMessageError, match='unit quaternion'):
        message_to_state(RobotState(pose=_pose(w=0.5)))


def test_a_state_is_position_rotation_columns_and_gripper():
    state = message_to_state(RobotState(pose=_pose(x=0.25, w=1.0), gripper=0.5))
    assert np.allclose(state, [0.25, 0, 0, 1, 0, 0, 0, 1, 0, 0.5])


def test_state_is_transmitted_with_all_its_parts():
    position, quaternion = np.array([0.1, 0.2, 0.3]), np.array([0.6, 0.0, 0.8, 0.0])
    message = _transmitted(
        state_to_message(
            STAMP,
            position,
            quaternion,
            0.25,
            twist=np.arange(6.0),
            wrench=np.arange(6.0, 12),
            mode=RobotState.MODE_HOLDING,
        )
    )
    assert np.array_equal(message_to_state(message), state_from(position, quaternion, 0.25))
    parts = (
        message.twist.linear,
        message.twist.angular,
        message.wrench.force,
        message.wrench.torque,
    )
    assert [value for part in parts for value in (part.x, part.y, part.z)] == list(range(12))
    assert (message.header.frame_id, message.header.stamp) == ('base', STAMP)
    assert message.mode == RobotState.MODE_HOLDING


def test_a_message_of_a_state_is_written_again():
    def write(number, into=None, **fields):
        return state_to_message(
            ns_to_stamp(number),
            np.full(3, float(number)),
            np.array([0.0, 0.0, 0.0, 1.0]),
            number / 10,
            twist=np.arange(6.0) * number,
            into=into,
            joint_position=to_array('d', np.full(7, float(number))),
            **fields,
        )

    first = write(3, mode=RobotState.MODE_READY)
    assert write(4, into=first) is first
    assert first == write(4, mode=RobotState.MODE_READY)


@pytest.mark.parametrize(
    ('convert', 'message'),
    [
        (action_of, action_to_message(np.linspace(0.1, 0.7, 7), STAMP, 'base', 1)),
        (
            state_of,
            state_to_message(
                STAMP,
                np.array([0.1, 0.2, 0.3]),
                np.array([0.6, 0.0, 0.8, 0.0]),
                0.25,
                twist=np.zeros(6),
            ),
        ),
    ],
)
def test_a_message_gives_the_same_array_from_a_bag_as_from_a_topic(convert, message):
    name = f'irevla_msgs/msg/{type(message).__name__}'
    recorded = decode(typestore(((name, definition(name)),)), name, serialize_message(message))
    assert np.array_equal(convert(recorded), convert(message))


def _transmitted(message):
    return deserialize_message(serialize_message(message), type(message))


def _pose(x=0.0, w=0.0):
    from geometry_msgs.msg import Pose

    pose = Pose()
    pose.position.x, pose.orientation.w = x, w
    return pose
