# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Between physical units and what the network sees."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from irevla_control.errors import ConfigError
from irevla_control.observation import ACTION_SIZE, STATE_SIZE

SMALLEST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class Statistics:
    """Scales of a data set; dimensions that never vary in it are left out of the network.

    Attributes:
        state_mean, state_std: (10,) of the states.
        action_low, action_high: (7,) smallest and largest demonstrated action.

    """

    state_mean: np.ndarray
    state_std: np.ndarray
    action_low: np.ndarray
    action_high: np.ndarray

    def __post_init__(self) -> None:
        for name, size in (
            ('state_mean', STATE_SIZE),
            ('state_std', STATE_SIZE),
            ('action_low', ACTION_SIZE),
            ('action_high', ACTION_SIZE),
        ):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape != (size,) or not np.isfinite(value).all():
                raise ConfigError(
                    f'statistics: {name} is {value}; {size} finite numbers are '
                    'needed, compute them again from the data'
                )
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if (self.state_std < 0).any() or (self.action_high < self.action_low).any():
            raise ConfigError('statistics: a negative spread; compute them again from the data')

    @classmethod
    def from_data(cls, states: np.ndarray, actions: np.ndarray) -> 'Statistics':
        """Compute from states (N, 10) and actions (N, 7) in physical units."""
        for name, value, size in (
            ('states', states, STATE_SIZE),
            ('actions', actions, ACTION_SIZE),
        ):
            if np.ndim(value) != 2 or np.shape(value)[1] != size or len(value) == 0:
                raise ConfigError(
                    f'statistics: {name} of shape {np.shape(value)}; '
                    f'(N, {size}) with N of 1 or more is needed'
                )
            if not np.isfinite(value).all():
                raise ConfigError(
                    f'statistics: {name} hold a value that is not finite; leave that episode out'
                )
        states, actions = np.asarray(states, np.float64), np.asarray(actions, np.float64)
        return cls(states.mean(0), states.std(0), actions.min(0), actions.max(0))

    @property
    def state_varies(self) -> np.ndarray:
        """Which state dimensions the network sees, bool (10,)."""
        return self.state_std > SMALLEST_SPREAD

    @property
    def action_varies(self) -> np.ndarray:
        """Which action dimensions the network gives, bool (7,)."""
        return self.action_high - self.action_low > SMALLEST_SPREAD

    @property
    def state_size(self) -> int:
        """The number p of state dimensions that the network sees."""
        return int(self.state_varies.sum())

    @property
    def action_size(self) -> int:
        """The number a of action dimensions that the network gives."""
        return int(self.action_varies.sum())

    def normalise_state(self, state: np.ndarray) -> np.ndarray:
        """Standardise states (..., 10) to float32 (..., p)."""
        keep = self.state_varies
        scaled = np.asarray(state, np.float64)[..., keep] - self.state_mean[keep]
        return (scaled / self.state_std[keep]).astype(np.float32)

    def normalise_action(self, action: np.ndarray) -> np.ndarray:
        """Scale actions (..., 7) to float32 (..., a); the demonstrated range becomes [-1, 1]."""
        keep = self.action_varies
        low, high = self.action_low[keep], self.action_high[keep]
        scaled = (np.asarray(action, np.float64)[..., keep] - low) / (high - low)
        return (2 * scaled - 1).astype(np.float32)

    def denormalise_action(self, action: np.ndarray) -> np.ndarray:
        """Scale (..., a) back to float64 (..., 7), never outside the demonstrated range.

        Dimensions that never varied get their constant.
        """
        keep = self.action_varies
        low, high = self.action_low[keep], self.action_high[keep]
        unit = (np.clip(np.asarray(action, np.float64), -1, 1) + 1) / 2
        result = np.empty((*unit.shape[:-1], ACTION_SIZE))
        result[...] = (self.action_low + self.action_high) / 2
        result[..., keep] = np.clip(low + unit * (high - low), low, high)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; floats survive exactly."""
        return {name: getattr(self, name).tolist() for name in self.__dataclass_fields__}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> 'Statistics':
        """Build from plain data; ConfigError when it is not what `to_dict` gave."""
        try:
            return cls(**data)
        except (TypeError, ValueError) as error:
            raise ConfigError(f'statistics: {error}; write them again from the data') from error
