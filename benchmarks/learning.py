# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Speed of the learner on cached latents, beside the VLM in the loop and other libraries."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
import json
import os
from pathlib import Path
import platform
import re
import subprocess
import sys
import tempfile
import time
from unittest import mock

import numpy as np
import torch

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd import sacfd
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.online_learner import OnlineLearner
from irevla_learner.sacfd.sacfd import SACfD
from irevla_policy.model.config import load_preset
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'config'
# Other libraries' SAC, in the environment of setup/side_environment.py.
LIBRARIES = ('sb3', 'plain_sb3', 'sbx', 'torchrl')
PEERS = ROOT / '.peers/bin/python'
SAC_UPDATES = ROOT / 'benchmarks/libraries/sac_updates.py'
# As in stable-baselines3's SAC: an actor update each time, one-step returns, learned temperature.
SETTINGS = SACfDConfig(batch_size=256, actor_every=1, return_steps=1, temperature='auto')
EPISODES, STEPS = 60, 40
# Number of updates in a burst, and number of bursts.
TURN, TURNS = 40, 9
# A latent of BLIP-2 2.7B: 32 query tokens and 12 of text, of width 2560.
BLIP2_TOKENS, BLIP2_WIDTH = 44, 2560
ROWS = 3000
# Number of observations and cameras of an episode that is added, and number of episodes.
ADD_ROWS, ADD_CAMERAS, ADDS = 50, 2, 9


def filled_replay(
    folder: Path, vla: VLA, images: np.ndarray, states: np.ndarray, instruction: str
) -> LatentReplay:
    """Return a replay of episodes whose latents the VLA computed from these images."""
    replay, random = None, np.random.default_rng(0)
    for number in range(EPISODES):
        rows = np.arange(STEPS + 1) + number * (STEPS + 1)
        latents, proprioception = vla.encode_observation(
            images[rows], states[rows], [instruction] * len(rows)
        )
        latents = latents.numpy()
        rewards = np.zeros(STEPS, np.float32)
        rewards[-1] = number % 2
        episode = LatentEpisode(
            latents,
            proprioception.numpy().astype(np.float32),
            random.uniform(-1, 1, (STEPS, vla.statistics.action_size)).astype(np.float32),
            rewards,
            bool(number % 2),
            bool(number % 2),
            np.zeros(STEPS, bool),
            np.zeros(STEPS, np.uint64),
            np.arange(STEPS),
        )
        replay = replay or LatentReplay(
            folder,
            backbone_hash=vla.backbone_hash,
            tokens=latents.shape[1],
            width=latents.shape[2],
            state_size=vla.statistics.state_size,
            action_size=vla.statistics.action_size,
            capacity=len(images),
        )
        replay.add(episode, demonstration=bool(number % 2))
    return replay


class Peer:
    """Another library's SAC in a process of its own; a call returns the updates/s of a burst."""

    def __init__(self, library: str, sizes: Mapping[str, object]) -> None:
        """Start `libraries/sac_updates.py`, which documents ``sizes``."""
        if not PEERS.exists():
            sys.exit(f'learning: {PEERS} is missing; run `python setup/side_environment.py peers`')
        self.process = subprocess.Popen(
            [PEERS, SAC_UPDATES, library, json.dumps(sizes)],
            # Packages of the suite's environment must not come before its own.
            env={
                k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'LD_LIBRARY_PATH')
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Else a line for a process that ended would be written again at the end.
            bufsize=0,
        )

    def __call__(self) -> float:
        """Run one burst."""
        with suppress(BrokenPipeError):
            self.process.stdin.write(b'\n')
        if not (line := self.process.stdout.readline()):
            sys.exit(f'learning: {" ".join(map(str, self.process.args))} ended; see its error')
        return float(line)


def rate(work: Callable[[int], None], count: int) -> float:
    """Return the rate of a number of updates [Hz]."""
    start = time.perf_counter()
    work(count)
    return count / (time.perf_counter() - start)


def untrained_vla() -> VLA:
    """Return the tiny preset with random weights, set up as in stage 1."""
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    actions = random.uniform(-1, 1, (50, 7))
    vla = VLA(
        load_preset(CONFIG / 'presets/tiny.yaml'),
        Statistics.from_data(random.normal(size=(50, 10)), actions),
        instructions=['open the door'],
    )
    vla.backbone.freeze()
    vla.eval()
    vla.compile_for_inference()
    return vla


def random_frames(vla: VLA) -> tuple[np.ndarray, np.ndarray]:
    """Return random images and states for `filled_replay`."""
    random, config = np.random.default_rng(0), vla.config
    count = EPISODES * (STEPS + 1)
    return (
        random.integers(
            0,
            256,
            (count, len(config.cameras), config.image_size, config.image_size, 3),
            dtype=np.uint8,
        ),
        random.normal(size=(count, 10)),
    )


def updates_of(vla: VLA, replay: LatentReplay, config: SACfDConfig) -> Callable[[], object]:
    """Return a function that draws a batch and runs one update of actor and critics."""
    torch.manual_seed(0)
    random, batches = np.random.default_rng(0), FeatureReplay(replay, config)
    batches.fit(vla.head.pool, random)
    agent = SACfD(vla.head, batches.num_features, config)
    return lambda: agent.update(batches.draw(random))


def update_for_ever(on_ready: Callable[[], None]) -> None:
    """Run updates with the shipped settings until the process is killed."""
    vla = untrained_vla()
    with tempfile.TemporaryDirectory() as folder:
        replay = filled_replay(Path(folder), vla, *random_frames(vla), 'open the door')
        update = updates_of(vla, replay, SACfDConfig())
        on_ready()
        while True:
            update()


def processor() -> str:
    """Return the processor's name, and whether it multiplies bfloat16."""
    name = re.search(r'model name\s*: (.*)', Path('/proc/cpuinfo').read_text())
    with_bfloat16 = 'with' if sacfd.multiplies_bfloat16('cpu') else 'without'
    return f'{name[1] if name else platform.processor()}, {with_bfloat16} AVX-512 bf16'


def measure_updates() -> dict:
    """Return updates/s on cached latents, and ratios to others, in alternating bursts."""
    random, vla = np.random.default_rng(0), untrained_vla()
    images, states = random_frames(vla)
    frames = len(images)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as processes:
        replay = filled_replay(Path(folder), vla, images, states, 'open the door')
        update = updates_of(vla, replay, SETTINGS)
        shipped = updates_of(vla, replay, SACfDConfig())
        with mock.patch.object(sacfd, 'multiplies_bfloat16', return_value=False):
            float32 = updates_of(vla, replay, SETTINGS)

        def repeated(update: Callable[[], object]) -> Callable[[], float]:
            return lambda: rate(lambda turns: [update() for _ in range(turns)], TURN)

        def uncached(turns: int) -> None:
            for _ in range(turns):
                # Without a cache, both observations of every transition pass through the VLM.
                for rows in (random.integers(frames, size=SETTINGS.batch_size) for _ in range(2)):
                    vla.encode_observation(
                        images[rows], states[rows], ['open the door'] * len(rows)
                    )
                update()

        sizes = {
            'features': vla.backbone.width + vla.statistics.state_size + SETTINGS.pca_components,
            'actions': vla.statistics.action_size,
            'hidden': SETTINGS.hidden,
            'critics': SETTINGS.num_critics,
            'batch': SETTINGS.batch_size,
            'rows': EPISODES * STEPS,
            'burst': TURN,
        }
        works = {
            'cached': repeated(update),
            'float32': repeated(float32),
            'shipped': repeated(shipped),
            'uncached': lambda: rate(uncached, 1),
        } | {library: Peer(library, sizes) for library in LIBRARIES}
        for library in LIBRARIES:
            processes.enter_context(works[library].process)
        # The first round is a warm-up.
        rounds = [{name: work() for name, work in works.items()} for _ in range(TURNS + 1)][1:]

    def ratio(name: str, other: str) -> float:
        return float(np.median([one[name] / one[other] for one in rounds]))

    rates = {name: float(np.median([one[name] for one in rounds])) for name in works}
    return {
        'learner_updates_per_s': rates['cached'],
        'learner_shipped_updates_per_s': rates['shipped'],
        'learner_processor': processor(),
        'learner_vs_uncached': ratio('cached', 'uncached'),
        **{f'{library}_updates_per_s': rates[library] for library in LIBRARIES},
        **{f'learner_vs_{library}': ratio('cached', library) for library in LIBRARIES},
        **{f'learner_float32_vs_{library}': ratio('float32', library) for library in LIBRARIES},
    }


def random_episode(random: np.random.Generator) -> LatentEpisode:
    """Return a success with random latents of two cameras, of BLIP-2's size."""
    tokens, steps = ADD_CAMERAS * BLIP2_TOKENS, ADD_ROWS - 1
    return LatentEpisode(
        random.standard_normal((ADD_ROWS, tokens, BLIP2_WIDTH), np.float32).astype(np.float16),
        random.standard_normal((ADD_ROWS, 10), np.float32),
        random.uniform(-1, 1, (steps, 7)).astype(np.float32),
        np.zeros(steps, np.float32),
        True,
        True,
        np.zeros(steps, bool),
        np.zeros(steps, np.uint64),
        np.arange(steps),
    )


def measure_adds(threads: int) -> dict:
    """Return the time to add an episode of BLIP-2 latents to a learner that trains [s]."""
    torch.set_num_threads(threads)
    random = np.random.default_rng(0)
    statistics = Statistics.from_data(random.normal(size=(50, 10)), random.uniform(-1, 1, (50, 7)))
    policy = LatentPolicy(Head(BLIP2_WIDTH, 10, 7, queries=4), statistics, 'none')
    config = SACfDConfig(min_demonstrations=3, env_steps=600, capacity=1000)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        learner = OnlineLearner(policy, config, Path(folder), seed=0)
        while not learner.learning:
            learner.add(random_episode(random))
        for _ in range(ADDS):
            episode = random_episode(random)
            start = time.perf_counter()
            learner.add(episode)
            seconds.append(time.perf_counter() - start)
    return {'p50': float(np.median(seconds)), 'max': max(seconds)}


def measure_replay() -> dict:
    """Return the bandwidth against plain memory-mapped reads, on latents of BLIP-2's size."""
    random = np.random.default_rng(0)
    latent = random.standard_normal((51, BLIP2_TOKENS, BLIP2_WIDTH)).astype(np.float16)
    with tempfile.TemporaryDirectory() as folder:
        replay = LatentReplay(
            Path(folder),
            backbone_hash='none',
            tokens=BLIP2_TOKENS,
            width=BLIP2_WIDTH,
            state_size=10,
            action_size=7,
            capacity=ROWS,
        )
        began, count = time.perf_counter(), 0
        while count + 51 <= ROWS:
            replay.add(
                LatentEpisode(
                    latent,
                    np.zeros((51, 10), np.float32),
                    np.zeros((50, 7), np.float32),
                    np.zeros(50, np.float32),
                    False,
                    False,
                    np.zeros(50, bool),
                    np.zeros(50, np.uint64),
                    np.arange(50),
                )
            )
            count += 51
        written_s = time.perf_counter() - began
        plain = np.memmap(
            Path(folder) / 'latents.bin', np.float16, 'r', shape=(ROWS, BLIP2_TOKENS, BLIP2_WIDTH)
        )
        usable = replay.usable(3)
        times = {'replay': [], 'plain': []}
        for _ in range(30):
            rows = usable[random.integers(len(usable), size=32)]
            start = time.perf_counter()
            drawn = replay.transitions(rows, 3, 0.97)
            np.asarray(replay.latents[drawn.rows])
            np.asarray(replay.latents[drawn.next_rows])
            times['replay'].append(time.perf_counter() - start)
            start = time.perf_counter()
            np.asarray(plain[rows])
            np.asarray(plain[drawn.next_rows])
            times['plain'].append(time.perf_counter() - start)
        size = sum(path.stat().st_size for path in Path(folder).glob('*.bin')) / ROWS
    read = 2 * 32 * latent[0].nbytes
    return {
        'replay_vs_memmap': float(np.median(np.divide(times['plain'], times['replay']))),
        'replay_read_mb_per_s': read / float(np.median(times['replay'])) / 1e6,
        'replay_write_mb_per_s': count * latent[0].nbytes / written_s / 1e6,
        'transition_bytes': int(size),
    }


def measure() -> dict:
    """Return all figures of the learner."""
    adds = {'add_s': measure_adds(1), 'add_two_threads_s': measure_adds(2)}
    return measure_updates() | measure_replay() | adds


if __name__ == '__main__':
    print(json.dumps(measure(), indent=2))
