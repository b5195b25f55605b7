# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Lock-step environment steps per second over ROS, against the same environment in process."""

import argparse
from functools import partial
import json
import subprocess
import sys
import time

import numpy as np
import rclpy
from sensor_msgs.msg import Image

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.conversions import action_to_message, stamp_to_ns
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState
from irevla_msgs.srv import ResetEpisode
from irevla_sim.simulator.simulator_env import SimulatorEnv

TASK = 'drawer-open'
CAMERAS = ('front', 'wrist')
HOLD = np.array([0, 0, 0, 0, 0, 0, 1.0])
BURST = 10
ANSWER_TIMEOUT_S = 20.0


class Driver:
    """Answers each complete observation of the node with the same command."""

    def __init__(self) -> None:
        """Subscribe to the topics of a policy."""
        self._node = rclpy.create_node('driver')
        self._executor = DirectExecutor()
        self._executor.add_node(self._node)
        topics = [(Image, f'camera/{name}/image_raw') for name in CAMERAS]
        self._stamps = {}
        for kind, topic in (*topics, (RobotState, 'robot_state')):
            self._node.create_subscription(kind, topic, partial(self._on_part, topic), OBSERVATION)
        self._node.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self._command = self._node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._reset = self._node.create_client(ResetEpisode, 'reset_episode')
        self._episode = EpisodeState()

    def _on_part(self, topic: str, message: Image | RobotState) -> None:
        self._stamps[topic] = stamp_to_ns(message.header.stamp)

    def _on_episode(self, message: EpisodeState) -> None:
        self._episode = message

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until the node is connected."""
        end = time.monotonic() + timeout_s
        while not (self._reset.service_is_ready() and self._command.get_subscription_count()):
            if time.monotonic() > end:
                raise RuntimeError('the simulator node did not start')
            self._executor.spin_once(timeout_sec=0.1)
        time.sleep(1.0)

    def reset(self, seed: int) -> None:
        """Start an episode and wait for its first observation."""
        answer = self._reset.call_async(ResetEpisode.Request(task=TASK, seed=seed))
        while not answer.done():
            self._executor.spin_once(timeout_sec=1.0)
        self._observe(answer.result().episode_id, 0)

    def step(self) -> None:
        """Send a command and wait for the next complete observation."""
        self._command.publish(
            action_to_message(
                HOLD, self._episode.header.stamp, 'base', EndEffectorCommand.SOURCE_POLICY
            )
        )
        self._observe(self._episode.episode_id, self._episode.step + 1)

    def _observe(self, episode_id: str, step: int) -> None:
        end = time.monotonic() + ANSWER_TIMEOUT_S
        while (self._episode.episode_id, self._episode.step) != (episode_id, step) or set(
            self._stamps.values()
        ) != {stamp_to_ns(self._episode.header.stamp)}:
            if time.monotonic() > end:
                raise RuntimeError(f'step {step} was not seen within {ANSWER_TIMEOUT_S} s')
            self._executor.spin_once(timeout_sec=1.0)


def measure(rounds: int = 100) -> dict:
    """Alternate short bursts over ROS and in process; return the median of their ratios."""
    use_own_domain()
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'irevla_sim.simulator.simulator_node',
            '--ros-args',
            '-p',
            'horizon:=1000000',
        ]
    )
    try:
        rclpy.init()
        driver = Driver()
        driver.wait()
        env = SimulatorEnv('metaworld', cameras=CAMERAS, horizon=1_000_000)
        driver.reset(0)
        env.reset(seed=0, options={'task': TASK})
        turns = {'through_ros': driver.step, 'in_process': lambda: env.step(HOLD)}
        seconds = {name: [] for name in turns}
        for _ in range(rounds):
            for name, step in turns.items():
                # The first step of a burst has cold caches.
                step()
                start = time.perf_counter()
                for _ in range(BURST):
                    step()
                seconds[name].append((time.perf_counter() - start) / BURST)
        rclpy.shutdown()
    finally:
        process.terminate()
        process.wait(10)
    ratios = np.divide(seconds['in_process'], seconds['through_ros'])
    return {
        'lockstep_ratio': round(float(np.median(ratios)), 3),
        'lockstep_ratio_quartiles': np.percentile(ratios, [25, 75]).round(3).tolist(),
        'decisions_per_second': {
            name: round(1 / float(np.median(each)), 1) for name, each in seconds.items()
        },
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=100)
    print(json.dumps(measure(parser.parse_args().rounds), indent=2))
