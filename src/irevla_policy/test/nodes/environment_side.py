# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An environment's topics, for tests of the vla node."""

from contextlib import contextmanager
import signal
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from random_policy import PRESET
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.conversions import image_to_message, ns_to_stamp
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, PolicyStep, RobotState

STATE = np.array([0.1, 0.6, 0.2, 1, 0, 0, 0, 1, 0, 0.5])
RUNNING = EpisodeState.PHASE_RUNNING


class Environment:
    """Publishes observations and episodes; stores the node's commands, steps and diagnostics."""

    def __init__(self, cameras):
        self.node = rclpy.create_node('environment')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.images = {
            name: self.node.create_publisher(Image, f'camera/{name}/image_raw', OBSERVATION)
            for name in cameras
        }
        self.state = self.node.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self.episode = self.node.create_publisher(EpisodeState, 'episode', EVENT)
        self.commands, self.steps, self.statuses = [], [], []
        self.node.create_subscription(
            EndEffectorCommand, 'policy_command', self.commands.append, COMMAND
        )
        self.node.create_subscription(PolicyStep, 'policy_step', self.steps.append, COMMAND)
        self.node.create_subscription(
            DiagnosticArray,
            '/diagnostics',
            lambda message: self.statuses.extend(
                status for status in message.status if status.name == 'vla: status'
            ),
            10,
        )
        self.stamp = time.time_ns()

    def clear(self):
        for messages in (self.commands, self.steps, self.statuses):
            messages.clear()

    def publish_episode(self, episode_id, instruction, stamp, phase=RUNNING):
        """Publish the state of an episode."""
        episode = EpisodeState(episode_id=episode_id, instruction=instruction, phase=phase)
        episode.header.stamp = ns_to_stamp(stamp)
        self.episode.publish(episode)

    def publish_parts(self, images, stamp, state=STATE, skew_ns=0):
        """Publish images that are not None, and the state with a stamp later by the skew."""
        for name, image in images.items():
            if image is not None:
                self.images[name].publish(image_to_message(image, ns_to_stamp(stamp), name))
        message = RobotState(gripper=float(state[9]))
        message.header.stamp = ns_to_stamp(stamp + skew_ns)
        message.header.frame_id = 'base'
        position = message.pose.position
        position.x, position.y, position.z = (float(value) for value in state[:3])
        message.pose.orientation.w = 1.0
        self.state.publish(message)

    def publish_observation(self, images, state=STATE, phase=RUNNING):
        """Publish an observation and its episode with the next stamp; return the stamp [ns]."""
        self.stamp += 50_000_000
        self.publish_parts(images, self.stamp, state)
        self.publish_episode('one', 'press the button', self.stamp, phase)
        return self.stamp

    def random_images(self, size=84):
        random = np.random.default_rng(0)
        return {
            name: random.integers(0, 256, (size, size, 3), dtype=np.uint8) for name in self.images
        }

    def spin_until(self, condition, timeout_s=5.0):
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)
        return condition()

    def reports(self, level, word):
        return self.spin_until(
            lambda: any(
                status.level >= level and word in status.message for status in self.statuses
            )
        )

    def connected(self):
        return self.spin_until(
            lambda: all(
                publisher.get_subscription_count()
                for publisher in (*self.images.values(), self.state, self.episode)
            ),
            60,
        )


@contextmanager
def beside_vla(checkpoint, **parameters):
    """Yield the environment of a vla node, whose process must end with status 0."""
    use_own_domain()
    given = {'checkpoint': checkpoint, 'device': 'cpu'} | parameters
    words = [word for name, value in given.items() for word in ('-p', f'{name}:={value}')]
    process = subprocess.Popen(
        [sys.executable, '-m', 'irevla_policy.nodes.vla_node', '--ros-args', *words]
    )
    rclpy.init()
    environment = Environment(PRESET.cameras)
    assert environment.connected()
    yield environment
    rclpy.shutdown()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
