# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Latency that the ROS graph adds to the forward pass, from observation to `command`."""

import argparse
from collections.abc import Callable
import contextlib
from dataclasses import replace
import json
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import numpy as np
import rclpy
from sensor_msgs.msg import Image
from timing import percentiles
import torch

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.conversions import (
    action_to_message,
    image_to_message,
    ns_to_stamp,
    stamp_to_ns,
    to_array,
)
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import (
    EndEffectorCommand,
    EpisodeState,
    PolicyStep,
    PolicyUpdate,
    RobotState,
)
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.head_update import pack_head
from irevla_policy.model.config import load_preset
from irevla_policy.model.head import Head
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

ROOT = Path(__file__).resolve().parents[2]
INSTRUCTION = 'press the button'
IMAGE_SIZE = 224
HOLD = np.array([0, 0, 0, 0, 0, 0, 1.0])
ANSWER_TIMEOUT_S = 5.0
WARM_UP = 20
SWAPS = 100


def untrained_checkpoint(folder: Path) -> Path:
    """Save the tiny preset with random weights for one 224x224 camera."""
    random = np.random.default_rng(0)
    actions = random.uniform(-0.04, 0.04, (50, 7))
    actions[:, 6] = random.uniform(0, 1, 50)
    preset = load_preset(ROOT / 'config/presets/tiny.yaml')
    backbone = replace(preset.backbone, tiny=replace(preset.backbone.tiny, patch=16))
    preset = replace(preset, cameras=('front',), image_size=IMAGE_SIZE, backbone=backbone)
    vla = VLA(
        preset,
        Statistics.from_data(random.normal(size=(50, 10)), actions),
        instructions=[INSTRUCTION],
    )
    save_checkpoint(folder, vla, {})
    return folder


@contextlib.contextmanager
def running_nodes(checkpoint: Path) -> None:
    """Run the real `vla` and `command_mux` nodes, each in a process."""
    processes = [
        subprocess.Popen([sys.executable, '-m', module, '--ros-args', *arguments])
        for module, arguments in (
            (
                'irevla_policy.nodes.vla_node',
                ['-p', f'checkpoint:={checkpoint}', '-p', 'device:=cpu'],
            ),
            ('irevla_control.episodes.command_mux_node', []),
        )
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


class Client:
    """Publishes observations and measures the time to the command."""

    def __init__(self) -> None:
        """Create the topics of an environment with one camera."""
        self._node = rclpy.create_node('latency')
        self._executor = DirectExecutor()
        self._executor.add_node(self._node)
        self._image = self._node.create_publisher(Image, 'camera/front/image_raw', OBSERVATION)
        self._state = self._node.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self._episode = self._node.create_publisher(EpisodeState, 'episode', EVENT)
        self._policy = self._node.create_publisher(EndEffectorCommand, 'policy_command', COMMAND)
        self._node.create_subscription(EndEffectorCommand, 'command', self._on_command, COMMAND)
        self._node.create_subscription(PolicyStep, 'policy_step', self._on_step, COMMAND)
        self._update = self._node.create_publisher(PolicyUpdate, 'policy_update', EVENT)
        self._commanded = self._stepped = self._version = 0
        self._pass_s = 0.0
        self._state_message = RobotState()
        self._state_message.header.frame_id = 'base'
        self._state_message.pose.orientation.w = 1.0

    def wait_for_graph(self, timeout_s: float = 60.0) -> None:
        """Wait until both nodes are connected."""
        end = time.monotonic() + timeout_s
        while not (
            self._image.get_subscription_count()
            and self._episode.get_subscription_count() > 1
            and self._node.count_publishers('command')
        ):
            if time.monotonic() > end:
                raise RuntimeError('the vla and command_mux nodes did not start')
            self._executor.spin_once(timeout_sec=0.1)
        time.sleep(1.0)

    def _on_command(self, message: EndEffectorCommand) -> None:
        self._commanded = stamp_to_ns(message.header.stamp)

    def _on_step(self, message: PolicyStep) -> None:
        self._stepped, self._pass_s = stamp_to_ns(message.header.stamp), message.inference_s
        self._version = message.head_version

    def _spin_until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + ANSWER_TIMEOUT_S
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f'no answer came within {ANSWER_TIMEOUT_S} s')
            self._executor.spin_once(timeout_sec=1.0)

    def ask(self, image: np.ndarray) -> tuple[float, float]:
        """Publish one observation; return the time to its command and the time of its pass [s]."""
        start = time.perf_counter()
        stamp_ns = time.time_ns()
        stamp = ns_to_stamp(stamp_ns)
        self._image.publish(image_to_message(image, stamp, 'front'))
        self._state_message.header.stamp = stamp
        self._state.publish(self._state_message)
        episode = EpisodeState(
            episode_id='latency',
            task='button-press',
            instruction=INSTRUCTION,
            phase=EpisodeState.PHASE_RUNNING,
        )
        episode.header.stamp = stamp
        self._episode.publish(episode)
        self._spin_until(lambda: self._commanded == stamp_ns)
        elapsed = time.perf_counter() - start
        self._spin_until(lambda: self._stepped == stamp_ns)
        return elapsed, self._pass_s

    def ping(self) -> float:
        """Send a policy command; return the time until the mux has forwarded it [s]."""
        start = time.perf_counter()
        stamp_ns = time.time_ns()
        self._policy.publish(
            action_to_message(
                HOLD, ns_to_stamp(stamp_ns), 'base', EndEffectorCommand.SOURCE_POLICY
            )
        )
        self._spin_until(lambda: self._commanded == stamp_ns)
        return time.perf_counter() - start

    def swap(self, head: Head, backbone_hash: str, version: int, image: np.ndarray) -> float:
        """Publish a new head; return the time to its first action [s]."""
        message = PolicyUpdate(
            version=version,
            backbone_hash=backbone_hash,
            weights=to_array('B', np.frombuffer(pack_head(head), np.uint8)),
        )
        start = time.perf_counter()
        self._update.publish(message)
        while self._version < version:
            self.ask(image)
        return time.perf_counter() - start


def measure(samples: int = 500) -> dict:
    """Return the latency that the graph adds to the pass from an observation to its command.

    Alternating: an observation through the graph; the pass of the same model alone in this process
    (shows whether the graph slows the pass down); a command through the mux alone and back (two of
    the three hops without any work: the cost of this machine's wake-ups).
    """
    # A separate domain, in case other graphs run on this machine.
    use_own_domain()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = untrained_checkpoint(Path(folder) / 'checkpoint')
        bare = load_checkpoint(checkpoint)
        bare.compile_for_inference()
        state = np.concatenate([np.zeros(3), [1, 0, 0, 0, 1, 0], [0]])
        images = np.random.default_rng(0).integers(
            0, 256, (16, IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8
        )
        with running_nodes(checkpoint):
            rclpy.init()
            client = Client()
            client.wait_for_graph()
            way_s, pass_s, bare_s, ping_s = [], [], [], []
            for sample in range(WARM_UP + samples):
                image = images[sample % len(images)]
                way, own_pass = client.ask(image)
                start = time.perf_counter()
                bare.step({'front': image}, state, INSTRUCTION)
                bare_s.append(time.perf_counter() - start)
                way_s.append(way)
                pass_s.append(own_pass)
                ping_s.append(client.ping())
            swap_s = [
                client.swap(bare.head, bare.backbone_hash, version, images[0])
                for version in range(1, SWAPS + 1)
            ]
            rclpy.shutdown()
    added_s = np.subtract(way_s, pass_s)
    return {
        name: percentiles(seconds[WARM_UP:])
        for name, seconds in (
            ('graph_latency_ms', added_s),
            ('observation_to_command_ms', way_s),
            ('pass_in_graph_ms', pass_s),
            ('bare_forward_ms', bare_s),
            ('mux_round_trip_ms', ping_s),
            ('policy_swap_ms', swap_s),
        )
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--samples', type=int, default=500)
    print(json.dumps(measure(parser.parse_args().samples), indent=2))
