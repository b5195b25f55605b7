# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Share of training time spent on data, and the speed of training on busy cores."""

from dataclasses import replace
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import numpy as np
from rclpy.serialization import serialize_message
import torch

from irevla_control.bags.writer import BagWriter, Topic
from irevla_control.recording.episode_recording import STAGING, commit, describe
from irevla_control.ros.conversions import action_to_message, image_to_message, ns_to_stamp
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState
from irevla_policy.frames.bag_frames import load_frames
from irevla_policy.frames.dataset import Batch, Dataset
from irevla_policy.metrics_log import read_metrics
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.trainer import Example, learn, new_accelerator, train

CONFIG = Path(__file__).resolve().parents[1] / 'config'
EPISODES, FRAMES = 40, 50
STEPS, ROUNDS = 12, 3
SHORT_TRAINING = 100  # steps
PERIOD_NS = 50_000_000
BURST_S, BURSTS = 3.0, 5
# Of a training process: threads, and the rounds for which OpenMP lets one of them spin; '': as
# shipped. 300 000 is what GNU's OpenMP does by itself.
WAYS = {'': (0, ''), '_spinning': (0, '300000'), '_one_thread': (1, '')}


def record_episode(root: Path, number: int, cameras: tuple[str, ...], size: int) -> None:
    """Write and commit one bag as the recorder does, with random images and a moving arm."""
    random = np.random.default_rng(number)
    event = EpisodeState(
        episode_id=f'random-{number}',
        task='random',
        seed=number,
        success=True,
        terminated=True,
        instruction=f'move the object to place {number % 8}',
        phase=EpisodeState.PHASE_RUNNING,
    )
    types = {f'/camera/{camera}/image_raw': 'sensor_msgs/msg/Image' for camera in cameras} | {
        '/robot_state': 'irevla_msgs/msg/RobotState',
        '/episode': 'irevla_msgs/msg/EpisodeState',
        '/command': 'irevla_msgs/msg/EndEffectorCommand',
        '/expert_label': 'irevla_msgs/msg/EndEffectorCommand',
    }
    writer = BagWriter(
        root / STAGING / event.episode_id,
        [Topic(name, kind) for name, kind in types.items()],
        describe(event),
    )
    for step in range(FRAMES):
        nanoseconds = (number * FRAMES + step + 1) * PERIOD_NS
        stamp = ns_to_stamp(nanoseconds)
        robot = RobotState(
            gripper=random.uniform(),
            joint_position=[0.0] * 7,
            joint_velocity=[0.0] * 7,
            joint_effort=[0.0] * 7,
        )
        position = robot.pose.position
        position.x, position.y, position.z = random.normal(size=3).tolist()
        robot.pose.orientation.w = 1.0
        event.step = step
        robot.header.stamp = event.header.stamp = stamp
        command = action_to_message(
            random.uniform(0, 1, 7), stamp, 'base', EndEffectorCommand.SOURCE_EXPERT
        )
        messages = {
            f'/camera/{camera}/image_raw': image_to_message(
                random.integers(0, 256, (size, size, 3), np.uint8), stamp, camera
            )
            for camera in cameras
        }
        messages |= {
            '/robot_state': robot,
            '/episode': event,
            '/command': command,
            '/expert_label': command,
        }
        for topic, message in messages.items():
            writer.write(topic, nanoseconds, nanoseconds, step, serialize_message(message))
    commit(root, writer, describe(event), ['expert'], {})


def bare_steps(vla: VLA, dataset: Dataset, config: TrainConfig) -> float:
    """Return samples/s of updates on one fixed batch."""
    accelerator = new_accelerator()
    model, optimizer = accelerator.prepare(
        vla.train(), torch.optim.AdamW(vla.parameters(), config.learning_rate, fused=True)
    )
    example = Example(dataset.batch((0,), config.batch_size), vla).to(accelerator.device)
    learn(model, optimizer, example, config, accelerator)
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        learn(model, optimizer, example, config, accelerator)[0].item()
        times.append(time.perf_counter() - start)
    return config.batch_size / float(np.median(times))


def serve_bursts(threads: int) -> None:
    """Take updates for a while at each line of the input; print how many a second."""
    preset, random = load_preset(CONFIG / 'presets' / 'tiny.yaml'), np.random.default_rng(0)
    config = replace(TrainConfig.load(CONFIG / 'training' / 'stage0.yaml'), threads=threads)
    torch.set_num_threads(threads)
    count, size = config.batch_size, preset.image_size
    batch = Batch(
        random.integers(0, 256, (count, len(preset.cameras), size, size, 3), np.uint8),
        random.normal(size=(count, 10)).astype(np.float32),
        random.uniform(-1, 1, (count, 7)).astype(np.float32),
        ['move the thing'] * count,
    )
    vla = VLA(preset, Statistics.from_data(batch.states, batch.actions), ['move the thing'])
    accelerator = new_accelerator()
    model, optimizer = accelerator.prepare(
        vla.train(), torch.optim.AdamW(vla.parameters(), config.learning_rate, fused=True)
    )
    example = Example(batch, vla)
    learn(model, optimizer, example, config, accelerator)
    print('ready', flush=True)
    for _ in sys.stdin:
        steps, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < BURST_S:
            learn(model, optimizer, example, config, accelerator)[0].item()
            steps += 1
        print(steps / elapsed, flush=True)


def _process(threads: int, spin: str) -> subprocess.Popen:
    waiting = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT', 'OMP_NUM_THREADS')
    environment = {name: value for name, value in os.environ.items() if name not in waiting}
    threads = threads or len(os.sched_getaffinity(0))
    # As a program of the suite starts: its package comes before torch.
    code = f'import irevla_policy, training; training.serve_bursts({threads})'
    return subprocess.Popen(
        [sys.executable, '-c', code],
        cwd=Path(__file__).parent,
        env=environment | ({'GOMP_SPINCOUNT': spin} if spin else {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _answer(process: subprocess.Popen) -> str:
    assert process.stdin and process.stdout
    process.stdin.write('\n')
    process.stdin.flush()
    return process.stdout.readline()


def beside_busy_cores() -> dict:
    """Return updates/s alone and beside a busy process on every core, of all WAYS in turn."""
    trainings = {name: _process(*way) for name, way in WAYS.items()}
    for process in trainings.values():
        assert process.stdout and process.stdout.readline() == 'ready\n'
    rates: dict[str, list[float]] = {}
    cores = len(os.sched_getaffinity(0))
    for _ in range(BURSTS):
        for situation, count in {'alone': 0, 'beside_one': 1, 'beside_all': cores}.items():
            busy = [
                subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(count)
            ]
            for name, process in trainings.items():
                key = f'training_{situation}_steps_per_s{name}'
                rates.setdefault(key, []).append(float(_answer(process)))
            for process in busy:
                process.kill()
                process.wait()
    for process in trainings.values():
        process.communicate()
    medians = {key: float(np.median(values)) for key, values in rates.items()}
    ours, spinning = (
        medians[f'training_beside_all_steps_per_s{name}'] for name in ('', '_spinning')
    )
    return medians | {'training_busy_vs_spinning': ours / spinning}


def measure() -> dict:
    """Measure waiting for data, then updates beside busy cores."""
    return waiting_for_data() | beside_busy_cores()


def waiting_for_data() -> dict:
    """Decode bags once, then alternate both kinds of updates; return medians.

    They alternate so that a busy machine slows both equally. The bags were just written, so
    decoding reads them from memory, as in most cases after a collection.
    """
    preset = load_preset(CONFIG / 'presets' / 'tiny.yaml')
    config = replace(
        TrainConfig.load(CONFIG / 'training' / 'stage0.yaml'),
        steps=STEPS,
        log_every=1,
        threads=len(os.sched_getaffinity(0)),
    )
    torch.set_num_threads(config.threads)
    real, bare, waits = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        bags = Path(folder) / 'bags'
        for number in range(EPISODES):
            record_episode(bags, number, preset.cameras, preset.image_size)
        began = time.perf_counter()
        store = load_frames([bags], preset.cameras, preset.image_size)
        decode_s = time.perf_counter() - began
        dataset = Dataset(store, chunk_size=preset.head.chunk_size)
        statistics = Statistics.from_data(store.states, store.actions)
        for number in range(ROUNDS):
            vla = VLA(preset, statistics, dataset.instructions)
            bare.append(bare_steps(vla, dataset, config))
            result = train(vla, dataset, None, config, Path(folder) / str(number))
            real.append(
                np.median(
                    [row['samples_per_s'] for row in read_metrics(Path(folder) / str(number))]
                )
            )
            waits.append(result.data_wait_share)
        began = time.perf_counter()
        train(
            VLA(preset, statistics, dataset.instructions),
            dataset,
            None,
            replace(config, steps=SHORT_TRAINING, log_every=20),
            Path(folder) / 'short',
        )
        short_s = time.perf_counter() - began
    return {
        'training_data_wait_share': float(np.median(waits)),
        'training_samples_per_s': float(np.median(real)),
        'bare_samples_per_s': float(np.median(bare)),
        'decoded_frames_per_s': len(store.states) / decode_s,
        'training_decode_share': decode_s / (decode_s + short_s),
    }


if __name__ == '__main__':
    print(json.dumps(measure(), indent=2))
