# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Lock-step decisions per second through ROS against the same environment in process."""

import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from irevla_control.ros.messages import action_to_message, stamp_to_ns
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState
from irevla_msgs.srv import ResetEpisode
from irevla_sim.metaworld_env import MetaWorldEnv

TASK = 'drawer-open'
CAMERAS = ('front', 'wrist')
HOLD = np.array([0, 0, 0, 0, 0, 0, 1.0])
BURST = 40


class Driver:
    """Answers each complete observation of the node with the same command."""

    def __init__(self) -> None:
        """Subscribe to what a policy needs."""
        self._node = rclpy.create_node('driver')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self._node)
        self._stamps: dict[str, int] = {}
        self._parts = (*CAMERAS, 'state', 'episode')
        topics = [(Image, f'camera/{name}/image_raw', OBSERVATION, name) for name in CAMERAS]
        topics += [(RobotState, 'robot_state', OBSERVATION, 'state'),
                   (EpisodeState, 'episode', EVENT, 'episode')]
        for kind, topic, qos, part in topics:
            self._node.create_subscription(kind, topic, self._keeper(part), qos)
        self._command = self._node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._reset = self._node.create_client(ResetEpisode, 'reset_episode')

    def _keeper(self, part: str) -> object:
        def keep(message: object) -> None:
            self._stamps[part] = stamp_to_ns(message.header.stamp)
            self._stamp = message.header.stamp
        return keep

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until the node is up and connected."""
        end = time.monotonic() + timeout_s
        while not (self._reset.service_is_ready() and self._command.get_subscription_count()):
            if time.monotonic() > end:
                raise RuntimeError('the metaworld node did not come up')
            self._executor.spin_once(timeout_sec=0.1)
        time.sleep(1.0)

    def reset(self, seed: int) -> None:
        """Begin an episode and wait for its first observation."""
        answer = self._reset.call_async(ResetEpisode.Request(task=TASK, seed=seed))
        while not answer.done():
            self._executor.spin_once(timeout_sec=1.0)
        self._observe(-1)

    def step(self) -> None:
        """Command, and wait for the whole observation that follows."""
        before = stamp_to_ns(self._stamp)
        self._command.publish(action_to_message(
            HOLD, self._stamp, 'base', EndEffectorCommand.SOURCE_POLICY, 0))
        self._observe(before)

    def _observe(self, before: int) -> None:
        while True:
            stamps = {self._stamps.get(part) for part in self._parts}
            if len(stamps) == 1 and None not in stamps and stamps.pop() > before:
                return
            self._executor.spin_once(timeout_sec=1.0)


def measure(rounds: int = 8) -> dict:
    """Alternate bursts through ROS and in process; compare their median durations."""
    os.environ['ROS_DOMAIN_ID'] = str(100 + os.getpid() % 100)
    process = subprocess.Popen([sys.executable, '-m', 'irevla_sim.metaworld_node', '--ros-args',
                                '-p', 'horizon:=1000000'])
    try:
        rclpy.init()
        driver = Driver()
        driver.wait()
        env = MetaWorldEnv(cameras=CAMERAS, horizon=1_000_000)
        driver.reset(0)
        env.reset(seed=0, options={'task': TASK})
        turns = {'through_ros': driver.step, 'in_process': lambda: env.step(HOLD)}
        seconds = {name: [] for name in turns}
        for round_number in range(rounds + 1):
            for name, step in turns.items():
                start = time.perf_counter()
                for _ in range(BURST):
                    step()
                # The first round warms up.
                if round_number:
                    seconds[name].append((time.perf_counter() - start) / BURST)
        rclpy.shutdown()
    finally:
        process.terminate()
        process.wait(10)
    rates = {name: 1 / float(np.median(times)) for name, times in seconds.items()}
    return {'lockstep_ratio': round(rates['through_ros'] / rates['in_process'], 3),
            'decisions_per_second': {name: round(rate, 1) for name, rate in rates.items()}}


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=8)
    print(json.dumps(measure(parser.parse_args().rounds), indent=2))
