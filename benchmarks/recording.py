# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Lost messages and CPU time of the recorder, with two cameras and a state at 1 kHz."""

import argparse
from collections import Counter
import contextlib
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import numpy as np
import psutil
import rclpy
from rclpy.node import Node

from irevla_control.bags.index import list_episodes
from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.conversions import image_to_message, ns_to_stamp
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState

CAMERAS = ('corner', 'gripper')
HEIGHT, WIDTH = 480, 640
STATE_HZ, CAMERA_HZ = 1000, 30
EPISODE_ID = 'benchmark'


class Robot:
    """Publishes the topics of a robot with two cameras, and counts the messages.

    The messages are built once and only their stamps change, so that the publisher keeps its rate.
    """

    def __init__(self, node: Node) -> None:
        """Create the publishers of ``node``."""
        random = np.random.default_rng(0)
        stamp = ns_to_stamp(0)
        self.messages = {
            f'camera/{camera}/image_raw': image_to_message(
                random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), stamp, camera
            )
            for camera in CAMERAS
        }
        self.messages |= {
            'robot_state': RobotState(
                joint_position=np.zeros(7), joint_velocity=np.zeros(7), joint_effort=np.zeros(7)
            ),
            'command': EndEffectorCommand(source=EndEffectorCommand.SOURCE_POLICY),
            'episode': EpisodeState(
                episode_id=EPISODE_ID,
                task='benchmark',
                instruction='wait',
                phase=EpisodeState.PHASE_RUNNING,
            ),
        }
        self.publishers = {
            name: node.create_publisher(
                type(message), name, {'episode': EVENT, 'command': COMMAND}.get(name, OBSERVATION)
            )
            for name, message in self.messages.items()
        }
        self.published: Counter[str] = Counter()

    def publish(self, name: str, stamp_ns: int) -> None:
        """Send one message."""
        message = self.messages[name]
        message.header.stamp = ns_to_stamp(stamp_ns)
        self.publishers[name].publish(message)
        self.published[name] += 1

    def run(self, seconds: float) -> float:
        """Play one episode in real time; return the rate of the state that was reached [Hz]."""
        began = time.perf_counter()
        ticks = round(seconds * STATE_HZ)
        frame = 0
        for tick in range(ticks + 1):
            while (wait := began + tick / STATE_HZ - time.perf_counter()) > 0:
                time.sleep(wait)
            stamp = time.time_ns()
            self.publish('robot_state', stamp)
            if tick * CAMERA_HZ >= frame * STATE_HZ or tick == ticks:
                frame += 1
                for camera in CAMERAS:
                    self.publish(f'camera/{camera}/image_raw', stamp)
                if tick == ticks:
                    self.messages['episode'].phase = EpisodeState.PHASE_ENDED
                self.publish('episode', stamp)
                self.publish('command', stamp)
        return ticks / (time.perf_counter() - began)


@contextlib.contextmanager
def running_recorder(root: Path) -> psutil.Process:
    """Run the real `recorder` node in a process."""
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'irevla_control.recording.recorder_node',
            '--ros-args',
            '--params-file',
            str(Path(__file__).resolve().parents[1] / 'config/recorder.yaml'),
            '-p',
            f'root:={root}',
            '-p',
            f'cameras:=[{",".join(CAMERAS)}]',
        ]
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def measure(seconds: float = 60.0, folder: str | None = None) -> dict:
    """Record ``seconds`` of two cameras at 30 Hz and 1 kHz of state from another process.

    ``folder``: a folder on the disk to record to; default: that of temporary files.
    """
    use_own_domain()
    rclpy.init()
    with tempfile.TemporaryDirectory(dir=folder) as root, running_recorder(Path(root)) as recorder:
        node = rclpy.create_node('robot')
        robot = Robot(node)
        end = time.monotonic() + 30
        while not all(each.get_subscription_count() for each in robot.publishers.values()):
            if time.monotonic() > end:
                raise RuntimeError('the recorder did not start within 30 s')
            time.sleep(0.1)
        time.sleep(1.0)
        before = recorder.cpu_times()
        began = time.perf_counter()
        rate = robot.run(seconds)
        taken, after = time.perf_counter() - began, recorder.cpu_times()
        end = time.monotonic() + 120
        while not (entries := list_episodes(Path(root))):
            if time.monotonic() > end:
                raise RuntimeError('the episode was not committed within 120 s')
            time.sleep(0.2)
        node.destroy_node()
        rclpy.shutdown()
    topics = {name.strip('/'): counts for name, counts in entries[0].topics.items()}
    lost = {name: number - topics[name]['messages'] for name, number in robot.published.items()}
    return {
        'recorder': {
            'lost': sum(lost.values()),
            'lost_reported': sum(counts['lost'] for counts in topics.values()),
            'lost_by_topic': {name: number for name, number in lost.items() if number},
            'cpu_share': round(
                (after.user + after.system - before.user - before.system) / taken, 3
            ),
            'seconds': seconds,
            'state_hz': round(rate, 1),
            'messages': sum(robot.published.values()),
            'mb_per_s': round(entries[0].bytes / 1e6 / taken, 1),
            'max_gap_s': round(max(counts['max_gap_s'] for counts in topics.values()), 3),
        }
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=measure.__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=60.0)
    parser.add_argument('--folder', help='record to the disk of this folder')
    options = parser.parse_args()
    print(json.dumps(measure(options.seconds, options.folder), indent=1))


if __name__ == '__main__':
    main()
