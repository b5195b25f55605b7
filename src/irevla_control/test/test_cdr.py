# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fields read directly from serialized messages have the values that were set."""

from hypothesis import given
from hypothesis import strategies as st
from played_episode import play, wire
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image

from irevla_control.bags.message_types import begins_with_header, decode, definition, typestore
from irevla_control.cdr import ImageLayout, command_source, image_layout, stamp_of
from irevla_control.episode import SOURCES
from irevla_control.errors import BadMessageError, ConfigError
from irevla_control.ros.conversions import ns_to_stamp
from irevla_msgs.msg import EndEffectorCommand

IMAGE = 'sensor_msgs/msg/Image'
COMMAND = 'irevla_msgs/msg/EndEffectorCommand'
STORE = typestore(((COMMAND, definition(COMMAND)), (IMAGE, definition(IMAGE))))


def command(stamp, frame_id, source):
    message = EndEffectorCommand(source=source)
    message.header.stamp = ns_to_stamp(stamp)
    message.header.frame_id = frame_id
    return message


@given(
    st.integers(0, 2**31 * 10**9 - 1),
    st.text(st.characters(codec='ascii', exclude_characters='\0')),
    st.integers(0, 4),
)
def test_stamp_and_source_are_read_in_either_byte_order(stamp, frame_id, source):
    data = serialize_message(command(stamp, frame_id, source))
    assert (stamp_of(data), command_source(data)) == (stamp, SOURCES[source])
    big = STORE.serialize_cdr(decode(STORE, COMMAND, data), COMMAND, little_endian=False)
    assert (stamp_of(big), command_source(big)) == (stamp, SOURCES[source])
    assert decode(STORE, COMMAND, big).header.frame_id == frame_id


@given(st.integers(0, 90))
def test_truncated_message_is_refused_with_its_size(size):
    data = wire(command(1, 'base', 1))[:size]
    for read, needed in (
        (stamp_of, 12),
        (command_source, 85),
        (lambda data: decode(STORE, COMMAND, data), 85),
    ):
        if size < needed:
            with pytest.raises(BadMessageError, match=f'{size} bytes'):
                read(data)


@pytest.mark.parametrize(
    'name, first',
    [
        ('sensor_msgs/msg/Image', True),
        ('irevla_msgs/msg/EpisodeState', True),
        ('std_msgs/msg/String', False),
        ('std_msgs/msg/Header', False),
        ('geometry_msgs/msg/TransformStamped', True),
        ('diagnostic_msgs/msg/DiagnosticStatus', False),
    ],
)
def test_types_that_begin_with_a_header_are_known(name, first):
    assert begins_with_header(name) is first


@pytest.mark.parametrize('name', ['nowhere_msgs/msg/X', 'std_msgs/msg/Nothing', 'String', ''])
def test_types_that_are_not_installed_are_named(name):
    with pytest.raises(ConfigError, match=repr(name.replace('/msg/', '/'))):
        definition(name)


def test_stamps_of_all_messages_of_an_episode_are_read():
    for topic, stamp, data in play().wire:
        assert stamp_of(data) == stamp, topic


@given(st.integers(1, 5), st.integers(1, 5), st.text('abc8', max_size=9), st.text('xy'))
def test_the_layout_of_an_image_is_read_in_either_byte_order(height, width, encoding, frame_id):
    message = Image(
        height=height,
        width=width,
        encoding=encoding,
        step=7 * width,
        data=bytes(7 * width * height),
    )
    message.header.frame_id = frame_id
    data = serialize_message(message)
    expected = ImageLayout(height, width, encoding, 7 * width, 7 * width * height)
    assert image_layout(data) == expected
    big = STORE.serialize_cdr(decode(STORE, IMAGE, data), IMAGE, little_endian=False)
    assert image_layout(big) == expected
    for size in (0, 3, 30, len(data) - 8):
        with pytest.raises(BadMessageError, match='not an image|too short'):
            image_layout(data[:size])
