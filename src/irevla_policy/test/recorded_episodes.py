# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes written as real bags, for tests that need no graph."""

from collections.abc import Mapping
from pathlib import Path

from rclpy.serialization import serialize_message

from irevla_control.bags.writer import BagWriter, Topic
from irevla_control.episode import Episode
from irevla_control.ros.conversions import action_to_message, image_to_message, ns_to_stamp
from irevla_msgs.msg import EpisodeState, RobotState

STEP_NS = 50_000_000


def record(root: Path, episode: Episode, older_ns: Mapping[str, int] | None = None) -> Path:
    """Write an episode under ``root`` as the recorder does, and return its folder.

    ``older_ns``: camera to the age of its stamps before those of the observations [ns].
    """
    types = {f'/camera/{name}/image_raw': 'sensor_msgs/msg/Image' for name in episode.images}
    types |= {
        '/robot_state': 'irevla_msgs/msg/RobotState',
        '/episode': 'irevla_msgs/msg/EpisodeState',
        '/command': 'irevla_msgs/msg/EndEffectorCommand',
        '/expert_label': 'irevla_msgs/msg/EndEffectorCommand',
    }
    writer = BagWriter(
        root / episode.episode_id, [Topic(name, kind) for name, kind in types.items()], {}
    )
    for step, (state, action, label) in enumerate(
        zip(episode.states, episode.actions, episode.labels)
    ):
        nanoseconds = (step + 1) * STEP_NS
        stamp = ns_to_stamp(nanoseconds)
        # Joints are given, because rclpy pads a message of empty sequences with arbitrary bytes.
        robot = RobotState(
            gripper=float(state[9]),
            joint_position=[0.0] * 7,
            joint_velocity=[0.0] * 7,
            joint_effort=[0.0] * 7,
        )
        robot.header.stamp = stamp
        position = robot.pose.position
        position.x, position.y, position.z = (float(value) for value in state[:3])
        status = EpisodeState(
            episode_id=episode.episode_id,
            task=episode.task,
            instruction=(episode.instructions or [episode.instruction] * (step + 1))[step],
            seed=episode.seed,
            step=step,
            success=episode.success,
            aborted=episode.aborted,
        )
        status.header.stamp = stamp
        messages = {
            f'/camera/{name}/image_raw': image_to_message(
                images[step], ns_to_stamp(nanoseconds - (older_ns or {}).get(name, 0)), name
            )
            for name, images in episode.images.items()
        }
        messages |= {
            '/robot_state': robot,
            '/episode': status,
            '/command': action_to_message(action, stamp, 'base', 3),
            '/expert_label': action_to_message(label, stamp, 'base', 3),
        }
        for topic, message in messages.items():
            writer.write(topic, nanoseconds, nanoseconds, step, serialize_message(message))
    flags = {
        name: str(getattr(episode, name)).lower()
        for name in ('success', 'aborted', 'terminated', 'truncated')
    }
    writer.close(
        {
            'episode_id': episode.episode_id,
            'task': episode.task,
            'instruction': episode.instruction,
            'seed': str(episode.seed),
            **flags,
            'recovered': 'false',
            'steps': str(len(episode.states)),
            'sources': 'expert',
            'failed': '',
            'lost': '{}',
            'max_gap_s': '{}',
            'recorded_ns': str(episode.seed),
        }
    )
    return writer.folder
