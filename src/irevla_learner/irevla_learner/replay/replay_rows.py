# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Rows of a replay: the values of an observation but its latent, and what was executed then."""

import numpy as np

from irevla_control.errors import ConfigError
from irevla_learner.replay.latent_episode import LatentEpisode
from irevla_policy.chunks import chunks_from

DEMONSTRATION, TERMINATED = 1, 2


def row_type(state_size: int, action_size: int, chunk_size: int) -> np.dtype:
    """Return the type of a row: of an observation and at most ``chunk_size`` actions after it."""
    return np.dtype(
        [
            ('stamp', 'i8'),
            ('version', 'u8'),
            ('reward', 'f4', (chunk_size,)),
            ('flags', 'u1'),
            ('proprioception', 'f4', (state_size,)),
            ('action', 'f4', (chunk_size * action_size,)),
            # Number of actions, and of rows to that of the observation after them; both are 1
            # without chunks, so that such rows are as before there were any.
            *([('length', 'u1'), ('following', 'u1')] if chunk_size > 1 else []),
        ]
    )


def rows_of(
    episode: LatentEpisode, kind: np.dtype, chunk_size: int, demonstration: bool
) -> np.ndarray:
    """Return the rows of an episode's latents, of the type of `row_type`.

    A row has as many executed actions as possible, at most k, up to another observation with a
    latent or to the end. It is a demonstration if one of them is a person's.

    Raises:
        ConfigError: the arrays have other sizes, or more than k actions follow a latent.

    """
    steps, starts = len(episode.actions), episode.passes
    actions = kind['action'].shape[0] // chunk_size
    for name, found, size in (
        ('proprioception', episode.proprioception, kind['proprioception'].shape[0]),
        ('action', episode.actions, actions),
    ):
        if found.shape[1:] != (size,):
            raise ConfigError(
                f'episode with {name} of {found.shape[1:]} for a replay of {(size,)}; one replay '
                'is for one model'
            )
    ends = np.append(starts, steps)
    following = np.searchsorted(ends, starts + chunk_size, side='right') - 1
    if (following <= np.arange(len(starts))).any():
        raise ConfigError(
            f'episode with {np.diff(ends).max()} actions from one latent to the next; the policy '
            f'gives {chunk_size} at most'
        )
    stops = ends[following]
    rows = np.zeros(len(episode.latents), kind)
    rows['proprioception'] = episode.proprioception
    acted = rows[: len(starts)]
    for name, values in (('action', episode.actions), ('reward', episode.rewards)):
        chunks, inside = chunks_from(values, starts, stops, chunk_size)
        chunks[~inside] = 0
        acted[name] = chunks.reshape(len(starts), -1)
    human, inside = chunks_from(episode.human, starts, stops, chunk_size)
    shown = (human & inside).any(1) | demonstration
    acted['flags'] = np.where(shown, DEMONSTRATION, 0)
    acted['flags'][-1] |= TERMINATED if episode.terminated else 0
    acted['version'], acted['stamp'] = episode.versions[starts], episode.stamps[starts]
    if chunk_size > 1:
        acted['length'] = stops - starts
        acted['following'] = following - np.arange(len(starts))
    return rows
