# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Does reading data slow training down? The real trainer beside bare forward-backward steps."""

from dataclasses import replace
import json
import os
from pathlib import Path
import tempfile
import time
from types import SimpleNamespace

from accelerate import Accelerator
import numpy as np
import torch

from irevla_policy.config import load_preset
from irevla_policy.dataset import Dataset
from irevla_policy.frame_store import FrameStore, write_store
from irevla_policy.statistics import Statistics
from irevla_policy.training import Example, learn, train
from irevla_policy.training_config import TrainConfig
from irevla_policy.training_log import read_metrics
from irevla_policy.vla import VLA

CONFIG = Path(__file__).resolve().parents[1] / 'config'
EPISODES, FRAMES = 40, 50
STEPS, ROUNDS = 12, 3


def random_store(folder: Path, cameras: tuple[str, ...], size: int) -> FrameStore:
    """Write episodes of random content: more frames than a step's caches can hold."""
    generator = np.random.default_rng(0)
    episodes = (SimpleNamespace(
        episode_id=str(number), task='random', instruction=f'move the thing to place {number % 8}',
        images={camera: generator.integers(0, 256, (FRAMES, size, size, 3), np.uint8)
                for camera in cameras},
        states=generator.normal(size=(FRAMES, 10)),
        labels=generator.uniform(0, 1, (FRAMES, 7))) for number in range(EPISODES))
    return write_store(folder, episodes, cameras, size)


def bare_steps(vla: VLA, dataset: Dataset, config: TrainConfig) -> float:
    """Return samples/s of learning steps on one batch that never changes."""
    accelerator = Accelerator()
    model, optimizer = accelerator.prepare(
        vla.train(), torch.optim.AdamW(vla.parameters(), config.learning_rate, fused=True))
    example = Example(dataset.batch((0,), config.batch_size), vla).to(accelerator.device)
    learn(model, optimizer, example, config, accelerator)
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        learn(model, optimizer, example, config, accelerator)[0].item()
        times.append(time.perf_counter() - start)
    return config.batch_size / float(np.median(times))


def measure() -> dict:
    """Take turns with both, so that a busy machine slows both alike; return medians."""
    preset = load_preset(CONFIG / 'presets' / 'tiny.yaml')
    config = replace(TrainConfig.load(CONFIG / 'training' / 'stage0.yaml'), steps=STEPS,
                     log_every=1, threads=len(os.sched_getaffinity(0)))
    torch.set_num_threads(config.threads)
    real, bare, waits = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        store = random_store(Path(folder) / 'frames', preset.cameras, preset.image_size)
        dataset = Dataset(store)
        statistics = Statistics.from_data(store.states, store.actions)
        for number in range(ROUNDS):
            vla = VLA(preset, statistics, dataset.instructions)
            bare.append(bare_steps(vla, dataset, config))
            result = train(vla, dataset, None, config, Path(folder) / str(number))
            real.append(np.median([row['samples_per_s'] for row in
                                   read_metrics(Path(folder) / str(number))]))
            waits.append(result.data_wait_share)
    return {'training_data_wait_share': float(np.median(waits)),
            'training_samples_per_s': float(np.median(real)),
            'bare_samples_per_s': float(np.median(bare))}


if __name__ == '__main__':
    print(json.dumps(measure(), indent=2))
