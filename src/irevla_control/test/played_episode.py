# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An episode as environment, expert and mux publish it: messages and arrays."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rclpy.serialization import serialize_message

from irevla_control.bags.message_types import definition, typestore
from irevla_control.bags.writer import Topic
from irevla_control.observation import rotation_to_columns
from irevla_control.ros.conversions import action_to_message, image_to_message, ns_to_stamp
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState

CAMERAS = ('corner', 'gripper')
TOPICS = [
    *(Topic(f'/camera/{camera}/image_raw', 'sensor_msgs/msg/Image') for camera in CAMERAS),
    Topic('/robot_state', 'irevla_msgs/msg/RobotState'),
    Topic('/episode', 'irevla_msgs/msg/EpisodeState', transient_local=True),
    *(
        Topic(f'/{name}', 'irevla_msgs/msg/EndEffectorCommand')
        for name in ('teleop_command', 'expert_label', 'command')
    ),
]
SECOND = 1_000_000_000
PERIOD = SECOND // 10


def type_name(message):
    return f'{type(message).__module__.split(".")[0]}/msg/{type(message).__name__}'


def wire(message):
    """Return the bytes that DDS carries; rclpy's own function appends more."""
    data = serialize_message(message)
    name = type_name(message)
    store = typestore(((name, definition(name)),))
    kind = store.get_msgdef(name)
    return data[: 4 + kind.deserialize_cdr_le(memoryview(data)[4:], 0, kind.cls, store)[1]]


@dataclass
class Played:
    """An episode: messages as (topic, stamp, message) in publishing order, and their arrays."""

    episode_id: str
    messages: list
    stamps: np.ndarray
    images: dict
    states: np.ndarray
    actions: np.ndarray
    labels: np.ndarray
    sources: np.ndarray
    rewards: np.ndarray

    @cached_property
    def wire(self):
        """The serialized messages; cached, because the padding bytes of CDR are random."""
        return [(topic, stamp, wire(message)) for topic, stamp, message in self.messages]

    @property
    def end(self):
        return int(self.stamps[-1]) + PERIOD


def play(
    episode_id='reach_0', steps=4, start=1_700_000_000 * SECOND, size=(4, 5), seed=0, ends=True
):
    """Play random actions; the last observation comes with phase ENDED and gets no command."""
    random = np.random.default_rng(seed)
    stamps = start + PERIOD * np.arange(steps)
    quaternions = random.normal(size=(steps + 1, 4))
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    positions, grippers = random.normal(size=(steps + 1, 3)), random.random(steps + 1).astype('f4')
    images = {
        camera: random.integers(0, 256, (steps + 1, *size, 3), dtype=np.uint8)
        for camera in CAMERAS
    }
    actions, labels = random.normal(size=(2, steps, 7))
    actions[:, 6], labels[:, 6] = random.random((2, steps))
    sources = random.integers(1, 4, steps).astype(np.uint8)
    rewards = random.random(steps).astype('f4')
    messages = []
    for step in range(steps + 1):
        at = start + PERIOD * step
        stamp = ns_to_stamp(at)
        for camera in CAMERAS:
            messages.append(
                (
                    f'/camera/{camera}/image_raw',
                    at,
                    image_to_message(images[camera][step], stamp, camera),
                )
            )
        robot = RobotState(gripper=float(grippers[step]), joint_position=random.normal(size=7))
        robot.header.stamp = stamp
        (robot.pose.position.x, robot.pose.position.y, robot.pose.position.z) = map(
            float, positions[step]
        )
        (
            robot.pose.orientation.x,
            robot.pose.orientation.y,
            robot.pose.orientation.z,
            robot.pose.orientation.w,
        ) = map(float, quaternions[step])
        messages.append(('/robot_state', at, robot))
        last = step == steps
        if last and not ends:
            messages = messages[:-3]
            break
        event = EpisodeState(
            episode_id=episode_id,
            task='reach',
            instruction='reach the »red« ball',
            seed=seed,
            step=step,
            success=last,
            terminated=last,
            phase=EpisodeState.PHASE_ENDED if last else EpisodeState.PHASE_RUNNING,
            reward=float(rewards[step - 1]) if step else 0.0,
        )
        event.header.stamp = stamp
        messages.append(('/episode', at, event))
        if not last:
            for topic, values, source in (
                ('/teleop_command', actions, EndEffectorCommand.SOURCE_EXPERT),
                ('/expert_label', labels, EndEffectorCommand.SOURCE_EXPERT),
                ('/command', actions, sources[step]),
            ):
                messages.append(
                    (topic, at, action_to_message(values[step], stamp, 'base', int(source)))
                )
    states = np.array(
        [
            [*positions[step], *rotation_to_columns(quaternions[step]), grippers[step]]
            for step in range(steps)
        ]
    )
    return Played(
        episode_id,
        messages,
        stamps,
        {camera: images[camera][:steps] for camera in CAMERAS},
        states,
        actions,
        labels,
        sources,
        rewards,
    )


def assert_same(episode, played):
    """Assert that every array from the reader equals the published array."""
    assert episode.episode_id == played.episode_id
    for name in ('stamps', 'states', 'actions', 'labels', 'sources', 'rewards'):
        np.testing.assert_array_equal(getattr(episode, name), getattr(played, name), name)
    for camera in CAMERAS:
        np.testing.assert_array_equal(episode.images[camera], played.images[camera], camera)
