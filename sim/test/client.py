# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A client of the environment's topics in the process of the test."""

from contextlib import contextmanager
import subprocess
import sys
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from irevla_control.ros.conversions import (
    action_to_message,
    message_to_action,
    message_to_image,
    message_to_state,
    ns_to_stamp,
    stamp_to_ns,
)
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState, SimulatorState
from irevla_msgs.srv import ResetEpisode

HOLD = np.array([0, 0, 0, 0, 0, 0, 1.0])


@contextmanager
def running(module, namespace='/', **parameters):
    """Run a node of this package in its own process."""
    flags = [part for name, value in parameters.items() for part in ('-p', f'{name}:={value}')]
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            f'irevla_sim.simulator.{module}',
            '--ros-args',
            '-r',
            f'__ns:={namespace}',
            *flags,
        ]
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            status = process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert status == 0, f'{module} ended with status {status}'


class Client:
    """Stores all messages of the environment and the expert."""

    def __init__(self, cameras=('front', 'wrist'), namespace='/'):
        self.node = rclpy.create_node('client', namespace=namespace)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.images = {name: {} for name in cameras}
        self.states, self.simulator, self.robots = {}, {}, {}
        self.commands, self.labels = {}, {}
        self.episodes, self.diagnostics = [], []
        for name in cameras:
            self._subscribe(Image, f'camera/{name}/image_raw', OBSERVATION, self._keep_image(name))
        self._subscribe(RobotState, 'robot_state', OBSERVATION, self._keep_robot)
        self._subscribe(SimulatorState, 'simulator_state', OBSERVATION, self._keep_simulator)
        self._subscribe(EpisodeState, 'episode', EVENT, self.episodes.append)
        self._subscribe(EndEffectorCommand, 'teleop_command', COMMAND, self._keep(self.commands))
        self._subscribe(EndEffectorCommand, 'expert_label', COMMAND, self._keep(self.labels))
        self._subscribe(DiagnosticArray, '/diagnostics', 10, self.diagnostics.append)
        self.command = self.node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._reset = self.node.create_client(ResetEpisode, 'reset_episode')

    def _subscribe(self, kind, topic, qos, callback):
        self.node.create_subscription(kind, topic, callback, qos)

    def _keep_image(self, name):
        return lambda message: self.images[name].update(
            {stamp_to_ns(message.header.stamp): message_to_image(message)}
        )

    def _keep_robot(self, message):
        stamp = stamp_to_ns(message.header.stamp)
        self.robots[stamp], self.states[stamp] = message, message_to_state(message)

    def _keep_simulator(self, message):
        self.simulator[stamp_to_ns(message.header.stamp)] = np.array(message.values)

    @staticmethod
    def _keep(store):
        return lambda message: store.update(
            {stamp_to_ns(message.header.stamp): message_to_action(message)}
        )

    def close(self):
        self._executor.remove_node(self.node)
        self.node.destroy_node()

    def spin_until(self, condition, timeout_s=20.0):
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f'no result within {timeout_s} s'
            self._executor.spin_once(timeout_sec=0.05)

    def spin_for(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.02)

    def wait_for_simulator(self):
        self.spin_until(
            lambda: (
                self._reset.service_is_ready()
                and self.command.get_subscription_count()
                and self.node.count_publishers('robot_state')
            ),
            60,
        )
        self.spin_for(0.5)

    def wait_for_expert(self, task='drawer-open', timeout_s=60.0):
        """Start episodes until the expert answers, because its connection cannot be checked."""
        end = time.monotonic() + timeout_s
        while not (self.commands and self.labels):
            assert time.monotonic() < end, 'the expert does not answer'
            self.start(task, 0)
            self.spin_for(0.5)

    def reset(self, task, seed, instruction=''):
        request = ResetEpisode.Request(task=task, seed=seed, instruction=instruction)
        answer = self._reset.call_async(request)
        self.spin_until(answer.done)
        return answer.result()

    def start(self, task, seed):
        """Reset, and return the first complete observation."""
        answer = self.reset(task, seed)
        assert answer.code == answer.OK, answer.text
        self.spin_until(lambda: self.episodes and self.episode.episode_id == answer.episode_id)
        return self.observation()

    @property
    def episode(self):
        return self.episodes[-1]

    def observation(self):
        """Return the newest observation of the last episode, once all its parts have arrived."""
        stamp = stamp_to_ns(self.episode.header.stamp)
        parts = (*self.images.values(), self.states, self.simulator)
        self.spin_until(lambda: all(stamp in part for part in parts))
        return {name: images[stamp] for name, images in self.images.items()} | {
            'state': self.states[stamp],
            'simulator_state': self.simulator[stamp],
        }

    def send(self, action, stamp_ns=None, frame_id='base'):
        stamp = self.episode.header.stamp if stamp_ns is None else ns_to_stamp(stamp_ns)
        self.command.publish(
            action_to_message(action, stamp, frame_id, EndEffectorCommand.SOURCE_POLICY)
        )

    def step(self, action):
        """Send the action; return the observation that follows it."""
        received = len(self.episodes)
        self.send(action)
        self.spin_until(lambda: len(self.episodes) > received)
        return self.observation()
