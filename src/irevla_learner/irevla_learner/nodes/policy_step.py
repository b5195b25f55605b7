# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks a `policy_step` and returns its arrays."""

from typing import Any

import numpy as np

from irevla_control.errors import BadMessageError


def read_policy_step(
    message: Any, backbone_hash: str, width: int, state_size: int, chunk_size: int = 1
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the latent, float16 (m, d), and the normalised state, float32 (p,).

    None for a step that an earlier pass decided, with the next action of its chunk.

    Args:
        message: irevla_msgs/PolicyStep.
        backbone_hash: expected hash of the backbone.
        width: expected d.
        state_size: expected p.
        chunk_size: largest number of actions of a chunk.

    Raises:
        BadMessageError: another backbone, other sizes, or numbers that are not finite.

    """
    if message.backbone_hash != backbone_hash:
        raise BadMessageError(
            f'policy_step of backbone {message.backbone_hash[:12]!r} instead of '
            f'{backbone_hash[:12]!r}; start all nodes with one checkpoint'
        )
    if message.chunk_index >= chunk_size:
        raise BadMessageError(
            f'policy_step with action {message.chunk_index} of a chunk of {chunk_size}; start all '
            'nodes with one checkpoint'
        )
    if message.chunk_index:
        return None
    size = message.latent_tokens, message.latent_width
    if len(message.latent) != size[0] * size[1] or size[1] != width:
        raise BadMessageError(
            f'policy_step with a latent of {len(message.latent)} numbers as '
            f'{size[0]} x {size[1]}; a width of {width} is needed'
        )
    if len(message.proprioception) != state_size:
        raise BadMessageError(
            f'policy_step with {len(message.proprioception)} states; {state_size} are needed'
        )
    # A copy, since torch warns of arrays that are read-only.
    latent = np.array(message.latent, np.uint16).view(np.float16).reshape(size)
    state = np.array(message.proprioception, np.float32)
    if not (np.isfinite(latent).all() and np.isfinite(state).all()):
        raise BadMessageError('policy_step with numbers that are not finite')
    return latent, state
