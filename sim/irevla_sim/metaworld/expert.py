# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted policies as demonstrators, with noise on their commands."""

from collections.abc import Callable, Mapping
import warnings

from metaworld.policies import ENV_POLICY_MAP
from metaworld.policies.policy import Policy
import numpy as np

from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.metaworld.actions import ACTION_REPEAT, from_metaworld
from irevla_sim.metaworld.button_press import SmoothButtonPress
from irevla_sim.simulator.tasks import Task

# Meta-World's policies, but for those whose labels cannot be learned from images.
POLICIES: Mapping[str, Callable[[], Policy]] = {
    **ENV_POLICY_MAP,
    'button-press-v3': SmoothButtonPress,
}


class ScriptedExpert:
    """Computes a command to execute and a label to learn from a simulator state.

    The label is the action of the scripted policy; the command is the label with noise, so that
    the demonstrations also show the correction of small errors.
    """

    def __init__(
        self,
        task: Task,
        noise_std: float = NOISE_STD.default,
        seed: int = 0,
        action_repeat: int = ACTION_REPEAT,
    ) -> None:
        """Demonstrate one episode.

        Args:
            task: the task to demonstrate.
            noise_std: standard deviation of the noise; 1 is the largest action.
            seed: seed of the noise.
            action_repeat: as in the environment.

        """
        self._policy = POLICIES[task.base]()
        self._noise_std = noise_std
        self._random = np.random.default_rng(seed)
        self._action_repeat = action_repeat

    def act(self, simulator_state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return command and label, each (7,), for Meta-World's observation (39,)."""
        with warnings.catch_warnings():
            # The policy warns about actions above 1, which are clipped here.
            warnings.simplefilter('ignore')
            label = np.clip(self._policy.get_action(simulator_state).astype(np.float64), -1, 1)
        noise = self._noise_std * self._random.standard_normal(label.shape)
        command = np.clip(label + noise, -1, 1)
        return (
            from_metaworld(command, self._action_repeat),
            from_metaworld(label, self._action_repeat),
        )
