# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The statistics of each feature in a LeRobotDataset, of one episode and of all."""

import numpy as np

QUANTILES = {'q01': 0.01, 'q10': 0.10, 'q50': 0.50, 'q90': 0.90, 'q99': 0.99}
# LeRobot's sampling of an episode: frames ** _POWER images, within limits; images of _LARGE pixels
# or more are reduced to about _THINNED.
_FEWEST, _MOST, _POWER = 100, 10_000, 0.75
_LARGE, _THINNED = 300, 150

Statistics = dict[str, np.ndarray]


def statistics(values: np.ndarray) -> Statistics:
    """Return min, max, mean, std and quantiles, each float64 (n,), and count int64 (1,).

    Args:
        values: (T, n), T at least 1. Rows that are not finite are ignored; if none is finite, all
            statistics are 0.

    """
    values = np.asarray(values, np.float64)
    known = values[np.isfinite(values).all(axis=1)]
    count = len(known)
    if not count:
        known = np.zeros((1, values.shape[1]))
    quantiles = np.quantile(known, list(QUANTILES.values()), axis=0)
    return {
        'min': known.min(axis=0),
        'max': known.max(axis=0),
        'mean': known.mean(axis=0),
        'std': known.std(axis=0),
        'count': np.array([count]),
    } | dict(zip(QUANTILES, quantiles))


def image_statistics(images: np.ndarray) -> Statistics:
    """Return the statistics of images, each (3, 1, 1) in 0 to 1; count: number of sampled images.

    Args:
        images: uint8 (T, height, width, 3), T at least 1.

    """
    frames, size = len(images), max(images.shape[1:3])
    samples = max(min(frames, _FEWEST), min(int(frames**_POWER), _MOST))
    chosen = np.linspace(0, frames - 1, samples).round().astype(int)
    step = size // _THINNED if size >= _LARGE else 1
    pixels = images[chosen, ::step, ::step].reshape(-1, 3)
    result = {
        name: value.reshape(3, 1, 1)
        for name, value in statistics(pixels / 255).items()
        if name != 'count'
    }
    return result | {'count': np.array([samples])}


def combined(first: Statistics, second: Statistics) -> Statistics:
    """Return the statistics of two sets of rows from those of each; quantiles are approximate."""
    if not first['count'] or not second['count']:
        return first if first['count'] else second
    count = first['count'] + second['count']
    share = second['count'] / count
    result = {
        name: first[name] + share * (second[name] - first[name]) for name in ('mean', *QUANTILES)
    }
    variance = (
        (1 - share) * first['std'] ** 2
        + share * second['std'] ** 2
        + share * (1 - share) * (second['mean'] - first['mean']) ** 2
    )
    return result | {
        'min': np.minimum(first['min'], second['min']),
        'max': np.maximum(first['max'], second['max']),
        'std': np.sqrt(variance),
        'count': count,
    }
