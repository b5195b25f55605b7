# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Rendered frames per second of Franka Kitchen against stock drawing, alternating."""

import argparse
import json
from pathlib import Path
import time

from kitchen.states import MOVED, state
import numpy as np
from timing import ask, start_stock

from irevla_sim.kitchen.rendering import Renderer, prepare_spec
from irevla_sim.kitchen.stock_model import read_stock_model

CAMERAS = ('front', 'wrist')
# Frames of a burst: of each state, and stock's.
FRAMES, STOCK_FRAMES = 16, 2


def measure(rounds: int = 6, image_size: int = 84) -> dict:
    """Alternate bursts of both, stock in its own process; compare their medians."""
    spec = read_stock_model()
    prepare_spec(spec)
    model = spec.compile()
    states = [state(model, joints, seed) for seed, joints in enumerate(MOVED.values())]
    renderer = Renderer(model, image_size)
    program = Path(__file__).with_name('stock_rendering.py')
    times_s: dict[str, list[float]] = {name: [] for name in ('stock', 'plain', *CAMERAS)}
    with start_stock(program, image_size, STOCK_FRAMES) as stock:
        for _ in range(rounds + 1):
            for kind in ('stock', 'plain'):
                times_s[kind].append(ask(stock, kind))
            for camera in CAMERAS:
                start = time.perf_counter()
                for one in states:
                    for _ in range(FRAMES):
                        renderer.render(one, camera)
                times_s[camera].append((time.perf_counter() - start) / FRAMES / len(states))
    renderer.close()
    # The first round is a warm-up.
    median_s = {name: float(np.median(values[1:])) for name, values in times_s.items()}
    return {
        'kitchen_render_speedup': round(median_s['stock'] / median_s['front'], 1),
        'kitchen_render_speedup_without_effects': round(median_s['plain'] / median_s['front'], 1),
        'kitchen_frames_per_second': {
            name: round(1 / seconds, 1) for name, seconds in median_s.items()
        },
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=6)
    parser.add_argument('--image-size', type=int, default=84)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.image_size), indent=2))
