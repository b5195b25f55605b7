# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Speed of the learner on cached latents, against the VLM in the loop and stable-baselines3."""

from collections.abc import Callable
import json
from pathlib import Path
import tempfile
import time

import gymnasium
import numpy as np
import torch

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.feature_replay import FeatureReplay
from irevla_learner.sacfd.online_learner import OnlineLearner
from irevla_learner.sacfd.sacfd import SACfD
from irevla_policy.model.config import load_preset
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA

CONFIG = Path(__file__).resolve().parents[1] / 'config'
# As in stable-baselines3's SAC: an actor update each time, one-step returns, learned temperature.
SETTINGS = SACfDConfig(batch_size=256, actor_every=1, return_steps=1, temperature='auto')
EPISODES, STEPS = 60, 40
# Number of updates in a burst, and number of bursts.
TURN, TURNS = 60, 9
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


def baseline(features: int, actions: int, layer_norm: bool) -> Callable[[int], None]:
    """Return a function that runs updates of stable-baselines3's SAC of equal sizes.

    ``layer_norm``: add the LayerNorm of our critics to its critics.
    """
    from stable_baselines3 import SAC
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.policies import ContinuousCritic
    from stable_baselines3.sac.policies import SACPolicy

    class Policy(SACPolicy):
        def make_critic(
            self, features_extractor: torch.nn.Module | None = None
        ) -> ContinuousCritic:
            if layer_norm:
                self.critic_kwargs['activation_fn'] = lambda: torch.nn.Sequential(
                    # All hidden layers have this size.
                    torch.nn.LayerNorm(SETTINGS.hidden[0], elementwise_affine=False),
                    torch.nn.ReLU(),
                )
            return super().make_critic(features_extractor)

    class Nothing(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (features,), np.float32)
        action_space = gymnasium.spaces.Box(-1, 1, (actions,), np.float32)

        def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple:
            return np.zeros(features, np.float32), {}

        def step(self, action: np.ndarray) -> tuple:
            return np.zeros(features, np.float32), 0.0, False, False, {}

    agent = SAC(
        Policy,
        Nothing(),
        batch_size=SETTINGS.batch_size,
        buffer_size=EPISODES * STEPS,
        policy_kwargs={'net_arch': list(SETTINGS.hidden), 'n_critics': SETTINGS.num_critics},
        device='cpu',
        seed=0,
    )
    agent.set_logger(configure(None, []))
    random = np.random.default_rng(0)
    for _ in range(EPISODES * STEPS):
        agent.replay_buffer.add(
            random.standard_normal((1, features), np.float32),
            random.standard_normal((1, features), np.float32),
            random.uniform(-1, 1, (1, actions)),
            np.zeros(1),
            np.zeros(1),
            [{}],
        )
    return lambda count: agent.train(gradient_steps=count, batch_size=SETTINGS.batch_size)


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


def measure_updates() -> dict:
    """Return updates/s on cached latents, and ratios to others, in alternating bursts."""
    random, vla = np.random.default_rng(0), untrained_vla()
    images, states = random_frames(vla)
    frames = len(images)
    with tempfile.TemporaryDirectory() as folder:
        replay = filled_replay(Path(folder), vla, images, states, 'open the door')
        update = updates_of(vla, replay, SETTINGS)

        def cached(turns: int) -> None:
            for _ in range(turns):
                update()

        def uncached(turns: int) -> None:
            for _ in range(turns):
                # Without a cache, both observations of every transition pass through the VLM.
                for rows in (random.integers(frames, size=SETTINGS.batch_size) for _ in range(2)):
                    vla.encode_observation(
                        images[rows], states[rows], ['open the door'] * len(rows)
                    )
                update()

        features = vla.backbone.width + vla.statistics.state_size + SETTINGS.pca_components
        sb3, plain_sb3 = (
            baseline(features, vla.statistics.action_size, layer_norm)
            for layer_norm in (True, False)
        )
        works = {
            'cached': (cached, TURN),
            'sb3': (sb3, TURN),
            'plain_sb3': (plain_sb3, TURN),
            'uncached': (uncached, 1),
        }
        found = {name: [] for name in works}
        for work, _ in works.values():
            work(1)
        for _ in range(TURNS):
            for name, (work, count) in works.items():
                found[name].append(rate(work, count))
        shipped = updates_of(vla, replay, SACfDConfig())
        shipped_rate = rate(lambda turns: [shipped() for _ in range(turns)], 200)
    ratios = {
        name: float(np.median(np.divide(found['cached'], found[name])))
        for name in ('sb3', 'plain_sb3', 'uncached')
    }
    return {
        'learner_updates_per_s': float(np.median(found['cached'])),
        'learner_shipped_updates_per_s': shipped_rate,
        'sb3_updates_per_s': float(np.median(found['sb3'])),
        'learner_vs_sb3': ratios['sb3'],
        'learner_vs_plain_sb3': ratios['plain_sb3'],
        'learner_vs_uncached': ratios['uncached'],
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
    policy = LatentPolicy(Head(BLIP2_WIDTH, 10, 7), statistics, 'none')
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
