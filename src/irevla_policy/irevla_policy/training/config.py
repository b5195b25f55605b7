# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of supervised training, and the learning rate they give each step."""

from dataclasses import dataclass, field
import math
from typing import ClassVar

from irevla_control.errors import ConfigError
from irevla_policy.settings import Settings, check_ranges


@dataclass(frozen=True)
class TrainConfig(Settings):
    """Settings of stage 0 and stage 2; `config/training/stage0.yaml` has and explains each."""

    what: ClassVar[str] = 'training settings'

    steps: int = 3000
    batch_size: int = 32
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    final_learning_rate_share: float = 0.01
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    gradient_clip: float = 1.0
    precision: str = 'no'
    shift_pixels: int = 4
    brightness: float = 0.0
    contrast: float = 0.0
    validation_share: float = 0.05
    validation_frames: int = 512
    validate_every: int = 500
    checkpoint_every: int = 250
    log_every: int = 20
    tensorboard: bool = False
    threads: int = 2
    seed: int = 0
    task_weights: dict[str, float] | None = field(default=None)

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant.

        Raises:
            ConfigError: names the setting, its value and what is allowed.
        """
        check_ranges(self, 'training setting', {
            'steps': (1, math.inf), 'batch_size': (1, math.inf), 'learning_rate': (0, math.inf),
            'warmup_steps': (0, math.inf), 'final_learning_rate_share': (0, 1),
            'weight_decay': (0, math.inf), 'ema_decay': (0, 1), 'gradient_clip': (0, math.inf),
            'shift_pixels': (0, math.inf), 'brightness': (0, 1), 'contrast': (0, 1),
            'validation_share': (0, 0.9), 'validation_frames': (1, math.inf),
            'validate_every': (1, math.inf), 'checkpoint_every': (1, math.inf),
            'log_every': (1, math.inf), 'threads': (1, math.inf), 'seed': (0, math.inf)})
        if self.precision not in ('no', 'bf16'):
            raise ConfigError(f'training setting precision is {self.precision!r}; use no or '
                              'bf16')

    def learning_rate_at(self, step: int) -> float:
        """Return the rate of a step: a linear warm-up, then half a cosine."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        share = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        low = self.final_learning_rate_share
        return self.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * share)) / 2)
