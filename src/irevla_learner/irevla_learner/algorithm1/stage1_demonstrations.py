# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations for stage 1 of Algorithm 1, encoded by the policy that it starts from."""

from collections.abc import Sequence
from pathlib import Path
import sys

import torch

from irevla_control.errors import ConfigError
from irevla_learner.algorithm1.config import Algorithm1Config
from irevla_learner.encode.encode_demonstrations import encode_demonstrations
from irevla_learner.encode.saved_policy import SavedPolicy
from irevla_learner.encode.selection import Selection, tasks_of
from irevla_learner.sacfd.config import ANCHOR, DEMONSTRATIONS, SACfDConfig
from irevla_policy.checkpoints.checkpoint import load_frozen


def check_demonstrations(config: Algorithm1Config) -> None:
    """Check that `demonstration_bags` have a new task.

    Raises:
        ConfigError: none of the new tasks is in them.
        IrevlaError: a folder that cannot be read.

    """
    found = tasks_of(config.demonstration_bags)
    if config.demonstration_bags and not found & set(config.tasks.rl):
        raise ConfigError(
            f'demonstration_bags have {", ".join(sorted(found))}; none of the new tasks '
            f'{", ".join(config.tasks.rl)} is among them'
        )


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
    saved = SavedPolicy(policy, load_frozen)
    if settings.anchor_weight:
        selection = Selection(max_frames=settings.anchor_frames)
        try:
            encode_demonstrations(saved, expert, folder / ANCHOR, selection)
        except ConfigError as error:
            raise ConfigError(
                f'anchor of {settings.anchor_frames} frames (anchor_frames): {error}'
            ) from error
    if task in tasks_of(own):
        encode_demonstrations(saved, own, folder / DEMONSTRATIONS, Selection((task,)))
    elif own:
        print(f'demonstration_bags have no demonstration of {task}', file=sys.stderr)
    # The graph of the backend loads the model once more.
    del saved
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
