# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What training needs to go on after a kill: one safetensors file, replaced atomically."""

from collections.abc import Sequence
from pathlib import Path

import torch

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.state_file import (
    join,
    load_state,
    optimizer_state,
    part,
    restore_optimizer,
    save_state,
)
from irevla_policy.model.tensors import misfit

FILE = 'training_state.safetensors'


class TrainingState:
    """Weights, their moving average and Adam's moments.

    Nothing random is saved: all randomness of a step comes from the seed and the step.
    """

    def __init__(
        self, parameters: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
    ) -> None:
        """Follow these parameters; the average starts as a copy of them."""
        self.parameters, self._optimizer = parameters, optimizer
        self.average = {name: p.detach().clone() for name, p in parameters.items()}

    def update_average(self, step: int, share: float) -> None:
        """Move the average towards the weights by a share of their difference.

        The share is larger in the first steps, when the average is of few weights.
        """
        share = max(share, 9 / (10 + step))
        torch._foreach_lerp_(
            list(self.average.values()), [p.detach() for p in self.parameters.values()], share
        )

    def swap(self) -> None:
        """Exchange weights and average; twice is as before."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                kept = parameter.detach().clone()
                parameter.copy_(self.average[name])
                self.average[name].copy_(kept)

    def save(self, folder: Path, step: int, identity: dict) -> None:
        """Write the state after ``step`` steps; a kill leaves the old file or the new one."""
        tensors = join(
            {
                'weight': self.parameters,
                'average': self.average,
                'optimizer': optimizer_state(self._optimizer),
            }
        )
        save_state(folder / FILE, tensors, identity, {'step': step})

    def load(self, folder: Path, identity: dict) -> int:
        """Restore what `save` wrote and return its step; 0 when there is nothing.

        Raises:
            ConfigError: the file is damaged, or belongs to a training with other settings.
        """
        found = load_state(folder / FILE, identity)
        if found is None:
            return 0
        tensors, progress = found
        # Moments are stored by index: of other weights they would be another one's.
        problem = misfit(part(tensors, 'weight'), self.parameters)
        if problem:
            raise ConfigError(
                f'{folder / FILE} belongs to a training of other weights: {problem}; go on with '
                'the versions of irevla, torch and transformers that wrote it, or use another '
                'output folder'
            )
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f'weight/{name}'])
                self.average[name].copy_(tensors[f'average/{name}'])
        restore_optimizer(self._optimizer, part(tensors, 'optimizer'))
        return progress['step']


def seed_step(seed: Sequence[int]) -> torch.Generator:
    """Seed torch for one step (dropout) and return a CPU generator for augmentation."""
    # Mixed by a hash, since torch's generators start alike from neighbouring seeds.
    value = 0
    for number in seed:
        value = (value * 6364136223846793005 + number + 1442695040888963407) % 2**63
    torch.manual_seed(value)
    return torch.Generator().manual_seed(value ^ 0x5DEECE66D)
