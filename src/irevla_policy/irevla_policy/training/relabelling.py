# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Better labels for what a policy did while it learned (stage 2)."""

from dataclasses import replace

import numpy as np
import torch

from irevla_control.progress_bar import progress_bar
from irevla_policy.frames.frame_store import FrameStore
from irevla_policy.model.device import best_device
from irevla_policy.model.vla import VLA

BATCH = 64


def relabelled(store: FrameStore, improved: VLA) -> FrameStore:
    """Label each frame that a policy decided with what the improved one does there.

    What was executed carries the exploration's noise, which lasts from step to step and so does
    not average out, and comes in part from heads long surpassed. What a person or a script
    decided keeps its label. Of a chunk, its first action is the label of the frame.
    """
    improved.to(best_device()).eval()
    frames = np.flatnonzero(store.by_policy)
    instructions = np.repeat(
        [row.instruction for row in store.episodes],
        [row.stop - row.start for row in store.episodes],
    )
    actions = store.actions.copy()
    for start in progress_bar(range(0, len(frames), BATCH), 'labelling', unit='batch'):
        rows = frames[start : start + BATCH]
        with torch.no_grad():
            chosen = improved.act(
                *improved.encode_observation(
                    store.images[rows], store.states[rows], instructions[rows].tolist()
                )
            )
        first = chosen[:, : improved.statistics.action_size]
        actions[rows] = improved.statistics.denormalise_action(first.float().cpu().numpy())
    return replace(store, actions=actions, labelled_by=improved.latent_policy.digest())
