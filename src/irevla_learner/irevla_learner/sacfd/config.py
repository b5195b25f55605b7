# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of stage 1 with SACfD; `config/learning/sacfd.yaml` explains them."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from irevla_policy.settings import SettingError, Settings, setting

# Files in the learner's folder: demonstrations of the new task, and of the expert tasks.
DEMONSTRATIONS, ANCHOR = 'demonstrations.safetensors', 'anchor.safetensors'


@dataclass(frozen=True)
class SACfDConfig(Settings):
    """Settings of stage 1 with SACfD."""

    what: ClassVar[str] = 'SACfD settings'

    min_demonstrations: int = setting(20, least=1)
    most_zero_shot_episodes: int = setting(60, least=1)
    warm_up_updates: int = setting(1500, least=0)
    env_steps: int = setting(8000, least=1)
    success_window: int = setting(20, least=1)
    window_success: float = setting(0.95, least=0, most=1)
    updates_per_decision: float = setting(2.0, least=0)
    batch_size: int = setting(128, least=2)
    demonstration_share: float = setting(0.5, least=0, most=1)
    online_rows: Literal['all', 'rest'] = 'all'
    keep_successes: bool = True
    capacity: int = setting(20000, least=1)
    discount: float = setting(0.97, least=0, most=1)
    return_steps: int = setting(3, least=1)
    num_critics: int = setting(2, least=1)
    hidden: tuple[int, ...] = setting((256, 256), least=1)
    pca_components: int = setting(128, least=1)
    pca_floor: float = setting(0.1, least=1e-6, most=1)
    target_tau: float = setting(0.01, least=0, most=1)
    critic_learning_rate: float = setting(5e-4, least=0, most=1)
    actor_learning_rate: float = setting(1.5e-4, least=0, most=1)
    token_learner_learning_rate: float = setting(0.0, least=0, most=1)
    actor_every: int = setting(2, least=1)
    actor_ema: float = setting(0.01, least=1e-5, most=1)
    bc_weight: float = setting(1.0, least=0)
    anchor_weight: float = setting(1.0, least=0)
    anchor_size: int = setting(64, least=1)
    anchor_frames: int = setting(3000, least=1)
    range_penalty: float = setting(1.0, least=0)
    temperature: Literal['none', 'auto'] = 'none'
    std: float = setting(0.1, least=1e-3, most=1)
    noise_correlation: float = setting(0.7, least=0, most=1)
    noise_std_low: float = setting(0.1, least=0, most=2)
    noise_std_high: float = setting(0.3, least=0, most=2)
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Check ranges and combinations of values.

        Raises:
            SettingError: names the setting, its value and what is needed.

        """
        super().__post_init__()
        if self.noise_std_low > self.noise_std_high:
            raise SettingError(
                'noise_std_low',
                f'noise_std_low is {self.noise_std_low}, above '
                f'noise_std_high {self.noise_std_high}; lower it',
            )
        if not self.hidden:
            raise SettingError('hidden', 'hidden is []; the critics need at least one layer')
        if self.capacity < self.env_steps:
            raise SettingError(
                'capacity',
                f'capacity is {self.capacity}, below env_steps '
                f'{self.env_steps}: the replay would drop the demonstrations; '
                'raise it',
            )
