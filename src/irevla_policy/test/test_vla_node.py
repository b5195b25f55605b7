# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real node over DDS: acts on good observations of a running episode, and on nothing else."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import numpy as np
import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from irevla_control.ros.messages import (
    image_to_message,
    message_to_action,
    ns_to_stamp,
    stamp_to_ns,
)
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, PolicyStep, RobotState
from irevla_policy.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.config import load_preset
from irevla_policy.statistics import Statistics
from irevla_policy.vla import VLA

PRESET = Path(__file__).resolve().parents[3] / 'config/presets/tiny.yaml'
STATE = np.array([0.1, 0.6, 0.2, 1, 0, 0, 0, 1, 0, 0.5])


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    random = np.random.default_rng(0)
    actions = random.uniform(-0.04, 0.04, (50, 7))
    actions[:, 6] = random.uniform(0, 1, 50)
    vla = VLA(load_preset(PRESET), Statistics.from_data(random.normal(size=(50, 10)), actions),
              instructions=['press the button'])
    folder = tmp_path_factory.mktemp('policy') / 'checkpoint'
    save_checkpoint(folder, vla, {})
    return folder


class Environment:
    """An environment's side of the topics."""

    def __init__(self, cameras):
        self.node = rclpy.create_node('environment')
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.images = {name: self.node.create_publisher(
            Image, f'camera/{name}/image_raw', OBSERVATION) for name in cameras}
        self.state = self.node.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self.episode = self.node.create_publisher(EpisodeState, 'episode', EVENT)
        self.commands, self.steps, self.statuses = [], [], []
        self.node.create_subscription(EndEffectorCommand, 'policy_command',
                                      self.commands.append, COMMAND)
        self.node.create_subscription(PolicyStep, 'policy_step', self.steps.append, COMMAND)
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics',
            lambda message: self.statuses.extend(message.status), 10)
        self.stamp = time.time_ns()

    def show(self, images, state=STATE, phase=EpisodeState.PHASE_RUNNING):
        """Publish one observation with a stamp of its own; parts may be left out with None."""
        self.stamp += 50_000_000
        stamp = ns_to_stamp(self.stamp)
        for name, image in images.items():
            if image is not None:
                self.images[name].publish(image_to_message(image, stamp, name))
        message = RobotState(gripper=float(state[9]))
        message.header.stamp = stamp
        message.header.frame_id = 'base'
        position = message.pose.position
        position.x, position.y, position.z = (float(value) for value in state[:3])
        message.pose.orientation.w = 1.0
        self.state.publish(message)
        episode = EpisodeState(episode_id='one', instruction='press the button', phase=phase)
        episode.header.stamp = stamp
        self.episode.publish(episode)
        return self.stamp

    def spin_until(self, condition, timeout_s=5.0):
        end = time.monotonic() + timeout_s
        while not condition() and time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.05)
        return condition()

    def says(self, level, word):
        return self.spin_until(lambda: any(
            status.level >= level and word in status.message for status in self.statuses))


@pytest.fixture(scope='module')
def environment(checkpoint):
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    process = subprocess.Popen(
        [sys.executable, '-m', 'irevla_policy.vla_node', '--ros-args',
         '-p', f'checkpoint:={checkpoint}', '-p', 'device:=cpu'])
    rclpy.init()
    environment = Environment(load_preset(PRESET).cameras)
    assert environment.spin_until(
        lambda: all(publisher.get_subscription_count() for publisher in
                    (*environment.images.values(), environment.state, environment.episode)), 60)
    time.sleep(0.5)
    yield environment
    rclpy.shutdown()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0


@pytest.fixture
def fresh(environment):
    environment.commands.clear()
    environment.steps.clear()
    environment.statuses.clear()
    return environment


def random_images(environment, seed=0):
    random = np.random.default_rng(seed)
    return {name: random.integers(0, 256, (84, 84, 3), dtype=np.uint8)
            for name in environment.images}


def test_an_observation_is_answered_with_what_the_model_computes(fresh, checkpoint):
    images = random_images(fresh)
    stamp = fresh.show(images)
    assert fresh.spin_until(lambda: fresh.commands and fresh.steps)
    expected = load_checkpoint(checkpoint).step(images, STATE, 'press the button')
    command, step = fresh.commands[0], fresh.steps[0]
    assert stamp_to_ns(command.header.stamp) == stamp_to_ns(step.header.stamp) == stamp
    assert command.source == EndEffectorCommand.SOURCE_POLICY
    assert command.header.frame_id == 'base'
    assert np.allclose(message_to_action(command), expected.action, atol=1e-4)
    latent = np.frombuffer(step.latent, np.float16).reshape(step.latent_tokens, step.latent_width)
    assert np.allclose(latent, expected.latent, atol=2e-2)
    assert step.backbone_hash == load_checkpoint(checkpoint).backbone_hash
    assert step.head_version == 0 and step.episode_id == 'one'
    assert 0 < step.inference_s < 1


def test_an_ended_episode_gets_no_command(fresh):
    fresh.show(random_images(fresh), phase=EpisodeState.PHASE_ENDED)
    assert not fresh.spin_until(lambda: fresh.commands, 0.5)
    stamp = fresh.show(random_images(fresh))
    assert fresh.spin_until(lambda: fresh.commands)
    assert stamp_to_ns(fresh.commands[0].header.stamp) == stamp, 'only the running one is answered'


def test_an_image_of_the_wrong_size_is_refused_and_said(fresh):
    images = random_images(fresh)
    images[next(iter(images))] = np.zeros((48, 64, 3), np.uint8)
    fresh.show(images)
    assert fresh.says(DiagnosticStatus.WARN, '48')
    assert not fresh.commands


def test_a_state_that_is_not_finite_is_refused_and_said(fresh):
    fresh.show(random_images(fresh), state=np.where(np.arange(10) == 1, np.nan, STATE))
    assert fresh.says(DiagnosticStatus.WARN, 'finite')
    assert not fresh.commands


def test_a_missing_camera_stops_the_policy_and_is_said(fresh):
    images = random_images(fresh)
    images[next(iter(images))] = None
    fresh.show(images)
    assert fresh.says(DiagnosticStatus.ERROR, 'no complete observation')
    assert not fresh.commands
    fresh.statuses.clear()
    fresh.show(random_images(fresh))
    assert fresh.spin_until(lambda: fresh.commands), 'it goes on when the camera is back'


def test_a_folder_that_is_no_checkpoint_ends_the_node_with_the_reason(tmp_path):
    done = subprocess.run(
        [sys.executable, '-m', 'irevla_policy.vla_node', '--ros-args',
         '-p', f'checkpoint:={tmp_path}'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr and 'Traceback' not in done.stderr
