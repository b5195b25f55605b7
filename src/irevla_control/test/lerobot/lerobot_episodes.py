# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Random episodes and datasets of them."""

from dataclasses import replace

import numpy as np
from played_episode import CAMERAS

from irevla_control.episode import Episode
from irevla_control.lerobot.writer import LeRobotWriter, Limits


def random_episode(steps, size=(4, 6), seed=0, cameras=CAMERAS, **changes):
    """Return an episode of noise; odd seeds succeed."""
    random = np.random.default_rng(seed)
    episode = Episode(
        episode_id=f'reach_{seed}',
        task='reach',
        instruction='reach it',
        seed=seed,
        stamps=random.integers(2**62, size=steps),
        images={name: random.integers(0, 256, (steps, *size, 3), np.uint8) for name in cameras},
        states=random.normal(size=(steps, 10)),
        actions=random.normal(size=(steps, 7)),
        labels=random.normal(size=(steps, 7)),
        sources=random.integers(0, 5, steps, np.uint8),
        rewards=random.random(steps).astype(np.float32),
        success=bool(seed % 2),
    )
    return replace(episode, **changes)


def write(folder, episodes, fps=10, crf=None, **limits):
    """Write a dataset; return its info."""
    folder.mkdir()
    writer = LeRobotWriter(folder, fps, crf, Limits(**limits))
    for number, episode in enumerate(episodes):
        writer.add(episode, number)
    return writer.finish()
