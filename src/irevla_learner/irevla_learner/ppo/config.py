# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of stage 1 with PPO; `config/learning/ppo.yaml` explains them."""

from dataclasses import dataclass
from typing import ClassVar

from irevla_control.errors import ConfigError
from irevla_policy.settings import Settings, setting


@dataclass(frozen=True)
class PPOConfig(Settings):
    """Settings of stage 1 with PPO."""

    what: ClassVar[str] = 'PPO settings'

    env_steps: int = setting(30000, least=1)
    success_window: int = setting(60, least=1)
    window_success: float = setting(0.95, least=0, most=1)
    episodes: int = setting(20, least=1)
    epochs: int = setting(6, least=1)
    batch_size: int = setting(128, least=2)
    critic_iterations: int = setting(1, least=0)
    learning_rate: float = setting(3e-5, least=0, most=1)
    critic_learning_rate: float = setting(5e-4, least=0, most=1)
    discount: float = setting(0.99, least=0, most=1)
    gae: float = setting(0.95, least=0, most=1)
    clip: float = setting(0.2, least=0, most=1)
    kl: float = setting(0.05, least=0)
    anneal: bool = True
    std: float = setting(0.3, least=1e-3, most=1)
    gradient_clip: float = setting(1.0, least=0)
    tensorboard: bool = False


def check_chunk_size(chunk_size: int) -> None:
    """Check that a pass of the policy decides one action.

    Raises:
        ConfigError: it decides more.

    """
    if chunk_size > 1:
        raise ConfigError(
            f'head.chunk_size of the policy is {chunk_size}; PPO learns from one action a pass, '
            'use algorithm: sacfd or a policy with chunk_size 1'
        )
