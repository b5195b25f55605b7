# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of stage 1 with PPO; `config/learning/ppo.yaml` has and explains each."""

from dataclasses import dataclass
import math
from typing import ClassVar

from irevla_policy.settings import Settings, check_counts, check_ranges


@dataclass(frozen=True)
class PPOConfig(Settings):
    """What stage 1 with PPO does, and how long."""

    what: ClassVar[str] = 'PPO settings'

    decisions: int = 30000
    window: int = 60
    window_success: float = 0.95
    episodes: int = 20
    epochs: int = 6
    batch_size: int = 128
    critic_iterations: int = 1
    learning_rate: float = 3e-5
    critic_learning_rate: float = 5e-4
    discount: float = 0.99
    gae: float = 0.95
    clip: float = 0.2
    kl: float = 0.05
    std: float = 0.15
    gradient_clip: float = 1.0
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant.

        Raises:
            ConfigError: names the setting, its value and what is allowed.
        """
        check_counts(self, 'PPO setting', {
            'decisions': 1, 'window': 1, 'episodes': 1, 'epochs': 1, 'batch_size': 2,
            'critic_iterations': 0})
        check_ranges(self, 'PPO setting', {
            'window_success': (0, 1), 'learning_rate': (0, 1), 'critic_learning_rate': (0, 1),
            'discount': (0, 1), 'gae': (0, 1), 'clip': (0, 1), 'kl': (0, math.inf),
            'std': (1e-3, 1), 'gradient_clip': (0, math.inf)})
