# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Chunks of k actions a pass beside k = 1: success after stage 0 and stage 1, observations/s.

Demonstrations and layouts are those of stage1.py, which makes them if they are missing; k = 1 is
its variant `shipped`. Results are in docs/results/chunks.json; what it has is not run again: the
same command continues after a kill. --speed measures observations/s alone, with a BLIP-2 of middle
size.
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
import sys
import time
from typing import Any

import numpy as np
import results
from results_file import ResultsFile
import stage1

from irevla_bringup.demo import DemoConfig, load_demo_config
from irevla_control.errors import IrevlaError
from irevla_learner.runs.environment import environment_facts
from irevla_policy.model.config import TinyConfig, load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_policy.training.train import train_from_bags

FILE = ResultsFile(results.ROOT / 'docs/results/chunks.json', ('chunk_sizes', 'speed'))
TASKS = ('door-open-new', 'button-press-new')
SIZES = (1, 4, 2)
# A BLIP-2 of middle size, of random weights, on which times do not depend.
MIDDLE = TinyConfig(
    width=768,
    attention_heads=12,
    mlp_ratio=4,
    patch=16,
    vision_layers=12,
    queries=32,
    qformer_layers=6,
    text_layers=12,
)
IMAGE_SIZE = 224
INSTRUCTION = 'move the red cup from the left shelf to the front tray'
PASSES = 5


def train_stage0(
    folder: Path, config: DemoConfig, seed: int, size: int, roots: list[Path]
) -> Path:
    """Return the policy of stage 0 with this chunk size, from the demonstrations of k = 1."""
    checkpoint = folder / 'checkpoint'
    if not checkpoint.exists():
        preset = config.preset
        train_from_bags(
            roots,
            folder / 'training',
            replace(config.training, seed=seed),
            preset=replace(preset, head=replace(preset.head, chunk_size=size)),
            checkpoint=checkpoint,
        )
    return checkpoint


def run_cell(output: Path, config: DemoConfig, seed: int, size: int, task: str) -> dict[str, Any]:
    """Run stage 0 and stage 1 with a chunk size; return the entry of the results."""
    roots, checkpoint, new = stage1.prepare(output / f'seed{seed}/stage0', config, seed)
    if size > 1:
        folder = output / f'seed{seed}/k{size}/stage0'
        checkpoint = train_stage0(folder, config, seed, size, roots)
    settings = stage1.for_task(stage1.configured(config.algorithm1, 'shipped', final=False), task)
    folder = output / f'seed{seed}/k{size}/{task}' / stage1.run_name('shipped', settings.settings)
    settings = stage1.demonstrated(settings, task, new)
    return stage1.run_variant(folder, settings, seed, checkpoint, roots)


def observations_per_s() -> dict[str, Any]:
    """Return how many observations a policy of middle size answers in a second, by chunk size."""
    random = np.random.default_rng(0)
    preset = load_preset(results.ROOT / 'config/presets/tiny.yaml')
    backbone = replace(preset.backbone, tiny=MIDDLE)
    statistics = Statistics.from_data(
        random.normal(size=(50, 10)), random.uniform(-0.04, 0.04, (50, 7))
    )
    images = {
        camera: random.integers(0, 256, (IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
        for camera in preset.cameras
    }
    rates, state, weights = {}, random.normal(size=10), 0
    for size in sorted(SIZES):
        head = replace(preset.head, chunk_size=size)
        config = replace(preset, image_size=IMAGE_SIZE, backbone=backbone, head=head)
        vla = VLA(config, statistics, [INSTRUCTION]).eval()
        vla.compile_for_inference()
        weights = sum(weight.numel() for weight in vla.parameters())
        for _ in range(3):
            vla.step(images, state, INSTRUCTION)
        start = time.perf_counter()
        for _ in range(PASSES):
            for action in vla.step(images, state, INSTRUCTION).chunk[1:]:
                vla.executed(action)
        rates[str(size)] = PASSES * size / (time.perf_counter() - start)
    return {'observations_per_s': rates, 'weights': weights}


def known(size: int, seed: int, task: str) -> Mapping[str, Any] | None:
    """Return an entry that is there, of k = 1 also from the results of stage1.py."""
    entry = FILE.read()['chunk_sizes'].get(str(size), {}).get(str(seed), {}).get(task)
    if entry is None and size == 1:
        shipped = stage1.FILE.read()['variants'].get('shipped', {})
        entry = shipped.get(str(seed), {}).get(task)
    return entry


def add(size: int, seed: int, task: str, entry: Mapping[str, Any]) -> None:
    """Add an entry to the file."""
    with FILE.changed() as content:
        by_seed = content['chunk_sizes'].setdefault(str(size), {})
        by_seed.setdefault(str(seed), {})[task] = entry


def main() -> None:
    """Run what is missing; print a line for each entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=results.ROOT / 'runs/chunks')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1])
    parser.add_argument('--sizes', type=int, nargs='+', default=SIZES)
    parser.add_argument('--tasks', nargs='+', default=TASKS)
    parser.add_argument('--speed', action='store_true', help='measure observations/s only')
    options = parser.parse_args()
    if options.speed:
        speed = observations_per_s() | {'environment': environment_facts()}
        with FILE.changed() as content:
            content['speed'] = speed
        print(speed['observations_per_s'])
        return
    config = load_demo_config(results.ROOT / 'config/demo.yaml')
    for seed, task, size in product(options.seeds, options.tasks, options.sizes):
        entry = known(size, seed, task)
        if entry is None:
            try:
                entry = run_cell(options.output, config, seed, size, task)
            except IrevlaError as error:
                print(f'k = {size}, seed {seed}, {task}: {error}', file=sys.stderr)
                continue
        add(size, seed, task, entry)
        print(f'k = {size}, seed {seed}, {task}: {stage1.shown(entry)}', flush=True)


if __name__ == '__main__':
    main()
