# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered frames per second against stock Meta-World: same view and size, alternating."""

import argparse
import json
from pathlib import Path
import time

import numpy as np
from timing import ask, start_stock

from irevla_sim.metaworld.scene import Scene
from irevla_sim.metaworld.tasks import load_catalogue
from irevla_sim.simulator.tasks import find_task

TASK = 'drawer-open'
CAMERA, STOCK_CAMERA = 'front', 'corner4'
FRAMES, STOCK_FRAMES = 40, 3


def measure(rounds: int = 6, image_size: int = 84) -> dict:
    """Alternate bursts of both renderers, stock in its own process; compare their medians."""
    scene = Scene(find_task(TASK, load_catalogue()), image_size)
    scene.reset(0)
    program = Path(__file__).with_name('stock_rendering.py')
    stock_s, ours_s = [], []
    with start_stock(program, f'{TASK}-v3', STOCK_CAMERA, image_size, STOCK_FRAMES) as stock:
        for _ in range(rounds + 1):
            stock_s.append(ask(stock))
            start = time.perf_counter()
            for _ in range(FRAMES):
                scene.render(CAMERA)
            ours_s.append((time.perf_counter() - start) / FRAMES)
    # The first round is a warm-up.
    slow, fast = float(np.median(stock_s[1:])), float(np.median(ours_s[1:]))
    return {
        'render_speedup': round(slow / fast, 2),
        'frames_per_second': {'stock': round(1 / slow, 1), 'irevla': round(1 / fast, 1)},
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=6)
    parser.add_argument('--image-size', type=int, default=84)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.image_size), indent=2))
