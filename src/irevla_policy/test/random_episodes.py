# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small episodes of random content, for tests that need no simulator."""

import numpy as np

from irevla_control.episode import Episode


def random_episode(
    number: int, task: str = 'push', frames: int = 6, size: int = 24, cameras=('corner', 'gripper')
) -> Episode:
    """Return an episode whose state contains a part of its label."""
    generator = np.random.default_rng(number)
    labels = np.zeros((frames, 7))
    labels[:, :3] = generator.uniform(-0.01, 0.01, (frames, 3))
    states = np.zeros((frames, 10))
    states[:, :3] = generator.normal(size=(frames, 3))
    states[:, 4] = labels[:, 0]
    images = {
        camera: generator.integers(0, 255, (frames, size, size, 3), dtype=np.uint8)
        for camera in cameras
    }
    return Episode(
        episode_id=f'{task}_{number:03d}',
        task=task,
        instruction=f'{task} the thing',
        seed=number,
        success=True,
        stamps=np.arange(frames),
        images=images,
        states=states,
        actions=labels + 0.001,
        labels=labels,
        sources=np.full(frames, 3),
    )
