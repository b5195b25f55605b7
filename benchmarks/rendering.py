# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered frames per second against stock Meta-World: same view and size, alternating."""

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys
import time

import numpy as np

from irevla_sim.metaworld.scene import Scene
from irevla_sim.metaworld.tasks import load_catalogue
from irevla_sim.simulator.tasks import find_task

TASK = 'drawer-open'
CAMERA, STOCK_CAMERA = 'front', 'corner4'
FRAMES, STOCK_FRAMES = 40, 3


def measure(rounds: int = 6, image_size: int = 84) -> dict:
    """Alternate bursts of both renderers, stock in its own process; compare their medians."""
    scene = Scene(find_task(TASK, load_catalogue()), image_size, 1)
    scene.reset(0)
    stock = subprocess.Popen(
        [
            sys.executable,
            Path(__file__).with_name('stock_rendering.py'),
            f'{TASK}-v3',
            STOCK_CAMERA,
            str(image_size),
            str(STOCK_FRAMES),
        ],
        # Without the suite's setting of Mesa's threads.
        env={name: value for name, value in os.environ.items() if name != 'LP_NUM_THREADS'},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stock_s, ours_s = [], []
    with stock:
        for _ in range(rounds + 1):
            stock.stdin.write('\n')
            stock.stdin.flush()
            stock_s.append(float(stock.stdout.readline()))
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
