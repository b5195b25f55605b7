# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of supervised training, and the learning rate they give each step."""

from dataclasses import dataclass
import math
from typing import ClassVar, Literal

from irevla_policy.settings import Settings, setting


@dataclass(frozen=True)
class TrainConfig(Settings):
    """Settings of stage 0 and stage 2; `config/training/stage0.yaml` has and explains each."""

    what: ClassVar[str] = 'training settings'

    steps: int = setting(3000, least=1)
    batch_size: int = setting(32, least=1)
    learning_rate: float = setting(5e-4, least=0)
    warmup_steps: int = setting(100, least=0)
    final_learning_rate_share: float = setting(0.01, least=0, most=1)
    weight_decay: float = setting(0.01, least=0)
    ema: float = setting(0.001, least=0, most=1)
    gradient_clip: float = setting(1.0, least=0)
    precision: Literal['no', 'bf16'] = 'no'
    shift_pixels: int = setting(2, least=0)
    brightness: float = setting(0.0, least=0, most=1)
    contrast: float = setting(0.0, least=0, most=1)
    validation_share: float = setting(0.05, least=0, most=0.9)
    validation_frames: int = setting(512, least=1)
    validate_every: int = setting(500, least=1)
    checkpoint_every: int = setting(250, least=1)
    log_every: int = setting(20, least=1)
    tensorboard: bool = False
    threads: int = setting(2, least=1)
    seed: int = setting(0, least=0)
    task_weights: dict[str, float] | None = setting(None, least=0)

    def learning_rate_at(self, step: int) -> float:
        """Return the rate of a step: a linear warm-up, then half a cosine."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        share = (step - self.warmup_steps) / max(self.steps - self.warmup_steps, 1)
        low = self.final_learning_rate_share
        return self.learning_rate * (low + (1 - low) * (1 + math.cos(math.pi * share)) / 2)
