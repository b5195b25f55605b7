# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations as real bags, with the observation after the last step, and a tiny policy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rclpy.serialization import serialize_message
import torch

from irevla_control.bags.writer import BagWriter, Topic
from irevla_control.observation import rotation_to_columns
from irevla_control.ros.conversions import action_to_message, image_to_message, ns_to_stamp
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState
from irevla_policy.model.config import BackboneConfig, HeadConfig, PolicyConfig, TinyConfig
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

CAMERAS = ('front', 'wrist')
SIZE = 24
STEP_NS = 50_000_000
UPRIGHT = np.array([0.0, 0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Demonstration:
    """What was recorded: T + 1 images and states, T actions and labels."""

    folder: Path
    episode_id: str
    instruction: str
    images: dict
    states: np.ndarray
    actions: np.ndarray
    labels: np.ndarray


def tiny_vla(seed=0, statistics_seed=0):
    random = np.random.default_rng(statistics_seed)
    actions = random.uniform(-0.01, 0.01, (50, 7))
    actions[:, 3:6] = 0
    states = random.normal(size=(50, 10))
    states[:, 3:9] = rotation_to_columns(UPRIGHT)
    torch.manual_seed(seed)
    return VLA(
        PolicyConfig(
            cameras=CAMERAS,
            image_size=SIZE,
            backbone=BackboneConfig(
                tiny=TinyConfig(width=16, attention_heads=2, queries=2, text_layers=1)
            ),
            head=HeadConfig((8,)),
        ),
        Statistics.from_data(states, actions),
        ['open the door', 'close the very big red window'],
    ).eval()


def record(
    root,
    number,
    task='open',
    instruction='open the door',
    steps=4,
    *,
    success=True,
    aborted=False,
    terminated=True,
    ends=True,
    joins=True,
):
    """Write a demonstration under ``root``; without ``ends`` its last observation is missing.

    ``instruction`` may be one for each of its T + 1 observations. Without ``joins`` the images of
    the wrist are 5 ms too old.
    """
    instructions = (instruction,) * (steps + 1) if isinstance(instruction, str) else instruction
    random = np.random.default_rng(number)
    name = f'{task}_{number:03d}'
    images = {
        camera: random.integers(0, 256, (steps + 1, SIZE, SIZE, 3), dtype=np.uint8)
        for camera in CAMERAS
    }
    states = np.zeros((steps + 1, 10))
    states[:, :3] = random.normal(size=(steps + 1, 3))
    states[:, 3:9] = rotation_to_columns(UPRIGHT)
    states[:, 9] = random.random(steps + 1).astype('f4')
    labels = np.zeros((steps, 7))
    labels[:, :3] = random.uniform(-0.01, 0.01, (steps, 3))
    actions = labels + np.array([0.004, 0, 0, 0, 0, 0, 0])
    types = {
        **{f'/camera/{camera}/image_raw': 'sensor_msgs/msg/Image' for camera in CAMERAS},
        '/robot_state': 'irevla_msgs/msg/RobotState',
        '/episode': 'irevla_msgs/msg/EpisodeState',
        '/command': 'irevla_msgs/msg/EndEffectorCommand',
        '/expert_label': 'irevla_msgs/msg/EndEffectorCommand',
    }
    writer = BagWriter(root / name, [Topic(*each) for each in types.items()], {})
    for step in range(steps + ends):
        last = step == steps
        nanoseconds = (step + 1) * STEP_NS
        stamp = ns_to_stamp(nanoseconds)
        # With joints: rclpy pads a message whose sequences are empty with stray bytes.
        robot = RobotState(
            gripper=float(states[step, 9]),
            joint_position=[0.0] * 7,
            joint_velocity=[0.0] * 7,
            joint_effort=[0.0] * 7,
        )
        position = robot.pose.position
        position.x, position.y, position.z = map(float, states[step, :3])
        robot.pose.orientation.w = 1.0
        event = EpisodeState(
            episode_id=name,
            task=task,
            instruction=instructions[step],
            seed=number,
            step=step,
            success=success and (last or not ends),
            terminated=terminated and (last or not ends),
            aborted=aborted,
            phase=EpisodeState.PHASE_ENDED if last else EpisodeState.PHASE_RUNNING,
        )
        robot.header.stamp = event.header.stamp = stamp
        messages = {
            f'/camera/{camera}/image_raw': image_to_message(images[camera][step], stamp, camera)
            for camera in CAMERAS
        }
        if not joins:
            messages['/camera/wrist/image_raw'].header.stamp = ns_to_stamp(nanoseconds - 5_000_000)
        messages |= {'/robot_state': robot, '/episode': event}
        if not last:
            source = EndEffectorCommand.SOURCE_EXPERT
            messages |= {
                '/command': action_to_message(actions[step], stamp, 'base', source),
                '/expert_label': action_to_message(labels[step], stamp, 'base', source),
            }
        for topic, message in messages.items():
            writer.write(topic, nanoseconds, nanoseconds, step, serialize_message(message))
    flags = {'success': success, 'aborted': aborted, 'terminated': terminated, 'truncated': False}
    writer.close(
        {
            'episode_id': name,
            'task': task,
            'instruction': instructions[-1],
            'seed': str(number),
            **{flag: str(value).lower() for flag, value in flags.items()},
            'recovered': 'false',
            'steps': str(steps),
            'sources': 'expert',
            'failed': '',
            'lost': '{}',
            'max_gap_s': '{}',
            'recorded_ns': str(number),
        }
    )
    return Demonstration(writer.folder, name, instructions[0], images, states, actions, labels)
