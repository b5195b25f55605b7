# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings of stage 1 with SACfD; `config/learning/sacfd.yaml` has and explains each."""

from dataclasses import dataclass
import math
from typing import ClassVar

from irevla_control.errors import ConfigError
from irevla_policy.settings import Settings, check_counts, check_ranges, check_sizes


@dataclass(frozen=True)
class SACfDConfig(Settings):
    """What stage 1 with SACfD does, and how long."""

    what: ClassVar[str] = 'SACfD settings'

    demonstrations: int = 20
    most_zero_shot_episodes: int = 60
    warm_up_updates: int = 1500
    decisions: int = 8000
    window: int = 20
    window_success: float = 0.95
    updates_per_decision: float = 2.0
    batch_size: int = 128
    demonstration_share: float = 0.5
    keep_successes: bool = True
    capacity: int = 20000
    discount: float = 0.97
    return_steps: int = 3
    critics: int = 2
    hidden: tuple[int, ...] = (256, 256)
    components: int = 128
    polyak: float = 0.01
    critic_learning_rate: float = 5e-4
    actor_learning_rate: float = 1.5e-4
    token_learner_learning_rate: float = 0.0
    actor_every: int = 2
    averaging: float = 0.01
    cloning: float = 1.0
    range_penalty: float = 1.0
    temperature: str = 'none'
    std: float = 0.1
    noise_correlation: float = 0.7
    noise_std_low: float = 0.1
    noise_std_high: float = 0.3
    tensorboard: bool = False

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant.

        Raises:
            ConfigError: names the setting, its value and what is allowed.
        """
        share = (0, 1)
        whole = {
            'demonstrations': 1, 'most_zero_shot_episodes': 1, 'warm_up_updates': 0,
            'decisions': 1, 'window': 1, 'batch_size': 2, 'capacity': 1, 'return_steps': 1,
            'critics': 1, 'components': 1, 'actor_every': 1}
        ranges = {
            'window_success': share, 'updates_per_decision': (0, math.inf),
            'demonstration_share': share, 'discount': share, 'polyak': share,
            'critic_learning_rate': share, 'actor_learning_rate': share,
            'token_learner_learning_rate': share, 'averaging': (1e-5, 1),
            'cloning': (0, math.inf), 'range_penalty': (0, math.inf), 'std': (1e-3, 1),
            'noise_correlation': share,
            'noise_std_low': (0, 2), 'noise_std_high': (0, 2)}
        check_counts(self, 'SACfD setting', whole)
        check_ranges(self, 'SACfD setting', ranges)
        if self.noise_std_low > self.noise_std_high:
            raise ConfigError(f'SACfD setting noise_std_low is {self.noise_std_low}, above '
                              f'noise_std_high {self.noise_std_high}')
        object.__setattr__(self, 'hidden', check_sizes(self.hidden, 'SACfD setting hidden'))
        if not self.hidden:
            raise ConfigError('SACfD setting hidden is empty; the critics need one layer at least')
        if self.capacity < self.decisions:
            raise ConfigError(f'SACfD setting capacity is {self.capacity}, below decisions '
                              f'{self.decisions}: the replay would drop the demonstrations; '
                              'raise it')
        if self.temperature not in ('none', 'auto'):
            raise ConfigError(f'SACfD setting temperature is {self.temperature!r}; use none or '
                              'auto')
