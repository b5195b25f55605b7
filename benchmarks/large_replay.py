# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A replay of 200 000 latents of BLIP-2 2.7B: filling, drawing batches, opening again.

It needs 46 GB in --folder. Writes docs/results/large_replay.json.
"""

import argparse
from collections.abc import Callable
import json
from pathlib import Path
import tempfile
import time
import timeit

from learning import BLIP2_TOKENS, BLIP2_WIDTH
import numpy as np
import run

from irevla_control.progress_bar import progress_bar
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.config import SACfDConfig

OUTPUT = run.RESULTS.parents[1] / 'docs/results/large_replay.json'
STEPS, FEW = 50, 20
DRAWS, READS, READ_ROWS = 200, 30, 32


def own_memory_mb() -> float:
    """Return the memory of this process without the page cache [MB]."""
    status = Path('/proc/self/status').read_text()
    return int(status.split('RssAnon:')[1].split()[0]) / 1e3


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of a call [ms]."""
    return 1e3 * float(np.median(timeit.repeat(work, number=1, repeat=repeats)))


def open_replay(folder: Path, capacity: int) -> LatentReplay:
    """Open or create the replay."""
    return LatentReplay(
        folder,
        backbone_hash='none',
        tokens=BLIP2_TOKENS,
        width=BLIP2_WIDTH,
        state_size=10,
        action_size=7,
        capacity=capacity,
    )


def measure_draws(replay: LatentReplay) -> dict[str, float]:
    """Return the times to draw a batch of transitions and to read latents."""
    config, random = SACfDConfig(), np.random.default_rng(0)
    usable = replay.usable(config.return_steps)
    return {
        'observations': sum(span.stop - span.start for span in replay.spans),
        'draw_ms': median_ms(
            lambda: replay.transitions(
                usable[random.integers(len(usable), size=config.batch_size)],
                config.return_steps,
                config.discount,
            ),
            DRAWS,
        ),
        'read_latents_ms': median_ms(
            lambda: np.asarray(
                replay.latents[usable[random.integers(len(usable), size=READ_ROWS)]]
            ),
            READS,
        ),
        'own_memory_mb': own_memory_mb(),
    }


def measure(folder: Path, capacity: int) -> dict:
    """Fill a replay in the folder; return figures with few rows, with all, and opened again."""
    random = np.random.default_rng(0)
    latents = random.standard_normal((STEPS + 1, BLIP2_TOKENS, BLIP2_WIDTH)).astype(np.float16)
    replay = open_replay(folder, capacity)
    found, seconds = [], []
    for number in progress_bar(range(capacity // (STEPS + 1)), 'episodes written', unit='episode'):
        episode = LatentEpisode(
            # Different rows, so that no file system deduplicates them.
            np.roll(latents, number, axis=2),
            np.zeros((STEPS + 1, 10), np.float32),
            np.zeros((STEPS, 7), np.float32),
            np.zeros(STEPS, np.float32),
            False,
            False,
            np.zeros(STEPS, bool),
            np.zeros(STEPS, np.uint64),
            np.arange(STEPS),
        )
        start = time.perf_counter()
        replay.add(episode, demonstration=number % 2 == 0)
        seconds.append(time.perf_counter() - start)
        if number == FEW:
            found.append(measure_draws(replay))
    found.append(measure_draws(replay))
    size = sum(path.stat().st_size for path in folder.iterdir())
    del replay
    start = time.perf_counter()
    open_replay(folder, capacity)
    return {
        'gb_on_disk': size / 1e9,
        'bytes_an_observation': size // capacity,
        'add_episode_ms': {
            'first_20': 1e3 * float(np.median(seconds[:FEW])),
            'last_20': 1e3 * float(np.median(seconds[-FEW:])),
        },
        'few': found[0],
        'full': found[-1],
        'open_again_s': time.perf_counter() - start,
    }


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--folder',
        type=Path,
        default=None,
        help='where the replay lies while it is measured; the temporary folder without',
    )
    parser.add_argument('--capacity', type=int, default=200_000, help='observations')
    parser.add_argument('--output', type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    if arguments.capacity < 2 * FEW * (STEPS + 1):
        parser.error(f'capacity {arguments.capacity} is below {2 * FEW * (STEPS + 1)}')
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        found = {
            'machine': run.machine(),
            'capacity': arguments.capacity,
            **measure(Path(folder), arguments.capacity),
        }
    arguments.output.write_text(json.dumps(found, indent=2) + '\n')
    print(json.dumps(found, indent=2))


if __name__ == '__main__':
    main()
