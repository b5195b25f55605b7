# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Random episodes of latents for tests."""

from dataclasses import replace

import numpy as np

from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_learner.replay.latent_replay import LatentReplay

TOKENS, WIDTH, STATES, ACTIONS = 3, 4, 2, 2


def episode(steps=4, seed=0, *, closed=False, terminated=False, human=(), **changes):
    """Return an episode; if ``closed``, it has no latent of its last observation."""
    random = np.random.default_rng(seed)
    rows = steps if closed else steps + 1
    rewards = np.zeros(steps, np.float32)
    rewards[-1] = terminated
    by_human = np.zeros(steps, bool)
    by_human[list(human)] = True
    made = LatentEpisode(
        random.standard_normal((rows, TOKENS, WIDTH)).astype(np.float16),
        random.standard_normal((rows, STATES)).astype(np.float32),
        random.uniform(-1, 1, (steps, ACTIONS)).astype(np.float32),
        rewards,
        terminated,
        terminated,
        by_human,
        np.full(steps, 7, np.uint64),
        np.arange(steps) + 1000 * seed,
    )
    return replace(made, **changes)


def open_replay(folder, capacity=40, backbone_hash='abc', tokens=TOKENS):
    return LatentReplay(
        folder,
        backbone_hash=backbone_hash,
        tokens=tokens,
        width=WIDTH,
        state_size=STATES,
        action_size=ACTIONS,
        capacity=capacity,
    )
