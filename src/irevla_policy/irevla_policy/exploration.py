# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Noise that lasts: an arm whose errors cancel from step to step explores nothing."""

from collections.abc import Sequence

import numpy as np


class SmoothNoise:
    """First-order autoregressive Gaussian noise, its spread drawn again for each episode."""

    def __init__(
        self,
        size: int,
        correlation: float,
        lowest_std: float,
        highest_std: float,
        seed: int | Sequence[int],
    ) -> None:
        """Give (size,) noise whose neighbours in time have this correlation."""
        self._size = size
        self._correlation = correlation
        self._stds = lowest_std, highest_std
        self._random = np.random.default_rng(seed)
        self.start_episode()

    def start_episode(self) -> None:
        """Forget the past and draw a spread."""
        self._std = self._random.uniform(*self._stds)
        self._unit = self._random.standard_normal(self._size)

    def __call__(self) -> np.ndarray:
        """Return the next noise, float64 (size,)."""
        rho = self._correlation
        noise = self._std * self._unit
        fresh = self._random.standard_normal(self._size)
        self._unit = rho * self._unit + np.sqrt(1 - rho**2) * fresh
        return noise
