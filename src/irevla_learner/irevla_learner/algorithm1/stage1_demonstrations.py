# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations for stage 1 of Algorithm 1, encoded by the policy that it starts from."""

from collections.abc import Sequence
from pathlib import Path

from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.encode.encode_demonstrations import encode_demonstrations
from irevla_learner.encode.selection import Selection, tasks_of
from irevla_learner.sacfd.config import SACfDConfig
from irevla_learner.sacfd.online_learner import ANCHOR, DEMONSTRATIONS
from irevla_policy.checkpoints.checkpoint import load_frozen


def encode_for_stage1(
    config: Algorithm1Config, task: str, policy: Path, expert: Sequence[Path], folder: Path
) -> None:
    """Write the encoded demonstrations that SACfD's learner reads from ``folder``.

    Args:
        config: the configuration; PPO needs none.
        task: new task; its demonstrations are those of `demonstration_bags`.
        policy: checkpoint whose backbone encodes.
        expert: folders of the demonstrations of the expert tasks, the anchor.
        folder: of this stage 1.

    Raises:
        IrevlaError: recordings that do not fit the policy.

    """
    settings, own = config.settings, config.demonstration_bags
    if not isinstance(settings, SACfDConfig) or not (settings.anchor_weight or own):
        return
    vla = load_frozen(policy)
    if settings.anchor_weight:
        selection = Selection(max_frames=settings.anchor_frames)
        encode_demonstrations(vla, expert, folder / ANCHOR, selection)
    if task in tasks_of(own):
        encode_demonstrations(vla, own, folder / DEMONSTRATIONS, Selection((task,)))
