# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Wrong message types and definitions are refused by name; JPEG and PNG images are read."""

from dataclasses import replace

import cv2
from foreign_bags import messages_of, write_mcap
import numpy as np
from played_episode import CAMERAS, assert_same, play, wire
import pytest
from recordings import recording
from sensor_msgs.msg import CompressedImage

from irevla_control.bags.message_types import definition
from irevla_control.bags.reader import read_episode, read_observations
from irevla_control.errors import BagError

CORNER = '/camera/corner/image_raw'
COMMAND = 'irevla_msgs/msg/EndEffectorCommand'


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    root = tmp_path_factory.mktemp('bag')
    with recording(root) as run:
        run.play(play(size=(16, 24)))
    return root / 'reach_0'


def changed(bag, folder, topic, **changes):
    """Write the bag with another schema for a topic's type."""
    kind = next(schema.name for schema, channel, _ in messages_of(bag) if channel.topic == topic)
    return write_mcap(
        folder / 'x.mcap',
        (
            (replace(schema, **changes) if schema.name == kind else schema, channel, message)
            for schema, channel, message in messages_of(bag)
        ),
    )


@pytest.mark.parametrize(
    'topic, changes, words',
    [
        (
            '/command',
            {'name': 'geometry_msgs/msg/TwistStamped'},
            f'/command contains geometry_msgs/msg/TwistStamped; {COMMAND} is needed',
        ),
        (
            '/command',
            {'name': 'irevla_msgs/msg/RobotState'},
            f'/command contains irevla_msgs/msg/RobotState; {COMMAND} is needed',
        ),
        (
            CORNER,
            {'name': 'stereo_msgs/msg/DisparityImage'},
            f'{CORNER} contains stereo_msgs/msg/DisparityImage; sensor_msgs/msg/Image or '
            'sensor_msgs/msg/CompressedImage is needed',
        ),
        (
            '/robot_state',
            {'data': b''},
            'the bag contains no definition of irevla_msgs/msg/RobotState, which /robot_state has',
        ),
        (
            '/episode',
            {'data': b'float64 $'},
            'the definition of irevla_msgs/msg/EpisodeState in the '
            'bag, which /episode has, cannot be read',
        ),
        (
            '/episode',
            {'data': b'string episode_id'},
            '/episode: irevla_msgs/msg/EpisodeState in the bag does not begin with a header',
        ),
    ],
)
def test_wrong_type_or_definition_is_named(tmp_path, bag, topic, changes, words):
    folder = changed(bag, tmp_path, topic, **changes)
    with pytest.raises(BagError) as error:
        read_episode(folder, CAMERAS)
    assert f'{folder}: {words}' in str(error.value) and '\n' not in str(error.value)


@pytest.mark.parametrize(
    'topic, kind, old, new, words',
    [
        (
            '/robot_state',
            'RobotState',
            'float32 gripper',
            'float32 opening',
            'has no field gripper (it has header, pose, twist',
        ),
        (
            '/robot_state',
            'RobotState',
            'geometry_msgs/Pose pose',
            'geometry_msgs/Point pose',
            'has no field pose.position.x',
        ),
        (
            '/command',
            'EndEffectorCommand',
            'float64 gripper',
            'string gripper',
            'has field gripper as string, not as number',
        ),
        (
            '/command',
            'EndEffectorCommand',
            'float64 gripper',
            'float64[2] gripper',
            'has field gripper as float64[], not as number',
        ),
        ('/episode', 'EpisodeState', 'bool success', 'bool succeeded', 'has no field success'),
        (
            '/expert_label',
            'EndEffectorCommand',
            'uint8 source ',
            'uint8 origin ',
            'has no field source',
        ),
    ],
)
def test_a_renamed_or_changed_field_is_named(tmp_path, bag, topic, kind, old, new, words):
    text = definition(f'irevla_msgs/msg/{kind}')
    assert old in text
    folder = changed(bag, tmp_path, topic, data=text.replace(old, new).encode())
    with pytest.raises(BagError) as error:
        read_episode(folder, CAMERAS)
    assert f'irevla_msgs/msg/{kind} in the bag {words}' in str(error.value)


def test_observations_are_refused_for_the_same_reasons(tmp_path, bag):
    folder = changed(bag, tmp_path, '/episode', name='std_msgs/msg/String')
    with pytest.raises(BagError, match='/episode contains std_msgs/msg/String'):
        read_observations(folder, CAMERAS)


def compressed(bag, path, encode, name=''):
    """Write the bag with the images of camera corner compressed by `encode`; return its folder."""
    images = {
        stamp: message for topic, stamp, message in play(size=(16, 24)).messages if topic == CORNER
    }

    def messages():
        for schema, channel, message in messages_of(bag):
            if channel.topic == CORNER:
                image = images[message.publish_time]
                data, description = encode(
                    np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
                )
                sent = CompressedImage(header=image.header, format=description, data=data)
                yield (
                    replace(
                        schema,
                        name='sensor_msgs/msg/CompressedImage',
                        data=definition('sensor_msgs/msg/CompressedImage').encode(),
                    ),
                    replace(channel, topic=CORNER + name),
                    replace(message, data=wire(sent)),
                )
            else:
                yield schema, channel, message

    return write_mcap(path, messages())


def png(picture):
    return cv2.imencode('.png', picture[:, :, ::-1])[1].tobytes()


def jpeg(picture):
    return cv2.imencode('.jpg', picture[:, :, ::-1])[1].tobytes()


@pytest.mark.parametrize('name', ['', '/compressed'])
@pytest.mark.parametrize(
    'description', ['png', 'rgb8; png compressed bgr8', 'bgr8; png compressed bgr8']
)
def test_png_is_read_exactly(tmp_path, bag, description, name):
    folder = compressed(
        bag, tmp_path / 'x.mcap', lambda image: (png(image), description), name=name
    )
    assert_same(read_episode(folder, CAMERAS), play(size=(16, 24)))


def test_images_compressed_as_rgb_have_the_right_colours(tmp_path, bag):
    folder = compressed(
        bag,
        tmp_path / 'x.mcap',
        lambda image: (png(image[:, :, ::-1]), 'rgb8; png compressed rgb8'),
    )
    assert_same(read_episode(folder, CAMERAS), play(size=(16, 24)))


@pytest.mark.parametrize('description', ['jpeg', 'jpg', 'rgb8; jpeg compressed bgr8'])
def test_jpeg_is_decoded_exactly(tmp_path, bag, description):
    folder = compressed(
        bag, tmp_path / 'x.mcap', lambda image: (jpeg(image) + bytes(5), description)
    )
    found = read_episode(folder, CAMERAS).images['corner']
    for picture, original in zip(found, play(size=(16, 24)).images['corner'], strict=True):
        lossy = cv2.imdecode(np.frombuffer(jpeg(original), np.uint8), cv2.IMREAD_COLOR)
        np.testing.assert_array_equal(picture, lossy[:, :, ::-1])


@pytest.mark.parametrize(
    'encode, words',
    [
        (lambda image: (jpeg(image)[:-20], 'jpeg'), 'has a frame whose jpeg of .* has no end'),
        (lambda image: (b'\xff\xd9', 'jpeg'), 'a frame whose jpeg of 2 bytes cannot be decoded'),
        (
            lambda image: (png(image), '16UC1; compressedDepth png'),
            "of format '16UC1; compressedDep",
        ),
        (lambda image: (png(image), 'h264'), "of format 'h264'; jpeg or png"),
        (
            lambda image: (png(image[:8] if image[0, 0, 0] % 2 else image), 'png'),
            'has a frame of 8 x 24 pixels|has a frame of 16 x 24',
        ),
    ],
)
def test_unusable_images_are_named(tmp_path, bag, encode, words):
    folder = compressed(bag, tmp_path / 'x.mcap', encode)
    with pytest.raises(BagError, match=f'camera/corner/image_raw.*({words})'):
        read_episode(folder, CAMERAS)


def test_a_bag_without_the_experts_labels_is_read(tmp_path, bag):
    folder = write_mcap(
        tmp_path / 'x.mcap',
        (each for each in messages_of(bag) if each[1].topic != '/expert_label'),
    )
    episode = read_episode(folder, CAMERAS)
    np.testing.assert_array_equal(episode.labels, play(size=(16, 24)).actions)
