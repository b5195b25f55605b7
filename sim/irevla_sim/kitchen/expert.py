# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted experts, with noise on their commands.

A label is a continuous function of the simulator state, without memory: what an image shows is
enough to imitate it.
"""

import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.kitchen.arm import METRES_PER_STEP, RADIANS_PER_STEP
from irevla_sim.kitchen.scene import ACTION_REPEAT
from irevla_sim.kitchen.touches import GAIN, Relation, Touch, pull, push
from irevla_sim.simulator.tasks import Task

TOUCHES = {
    'microwave-open': Touch(yaw=0.75, depth=0.018, speed=1.0, grasp=True),
    'left-door-open': Touch(yaw=0.8, depth=0.018, speed=1.0, grasp=True, follow=-0.5),
    'slide-door-open': Touch(yaw=0.0, depth=0.02, speed=1.0, beside=0.04),
    'light-on': Touch(yaw=0.0, depth=0.02, speed=0.7, beside=0.04),
    'knob-on': Touch(yaw=0.0, depth=0.047, speed=0.7, beside=0.032),
}


class ScriptedExpert:
    """Computes a command to execute and a label to learn from a simulator state."""

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
            noise_std: standard deviation of the noise on translation, turn and gripper, as a
                share of the largest command.
            seed: seed of the noise.
            action_repeat: as in the environment.

        Raises:
            ConfigError: the task's base has no expert.

        """
        if task.base not in TOUCHES:
            raise ConfigError(
                f'task {task.name}: its base {task.base!r} has no scripted expert; '
                f'bases with one: {", ".join(TOUCHES)}'
            )
        self._touch = TOUCHES[task.base]
        self._noise_std = noise_std
        self._random = np.random.default_rng(seed)
        self._reach = METRES_PER_STEP * action_repeat
        self._turn = RADIANS_PER_STEP * action_repeat

    def act(self, simulator_state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return command and label, each (7,), for a simulator state (15,) of `Scene`."""
        label = self._label(simulator_state)
        noise = self._noise_std * self._random.standard_normal(5)
        reach, turn = self._reach, self._turn
        command = label.copy()
        command[:3] = np.clip(label[:3] + reach * noise[:3], -reach, reach)
        command[5] = np.clip(label[5] + turn * noise[3], -turn, turn)
        command[6] = np.clip(label[6] + noise[4], 0, 1)
        return command, label

    def _label(self, state: np.ndarray) -> np.ndarray:
        touch = self._touch
        at = Relation(
            ahead=_pointing(state[3:7]),
            offset=state[:3] - state[8:11],
            way=state[11:14],
            share=float(state[14]),
            opening=float(state[7]),
        )
        motion, gripper = (pull if touch.grasp else push)(touch, at, self._reach)
        longest = np.abs(motion).max()
        if longest > self._reach:
            motion = motion * (self._reach / longest)
        yaw = touch.yaw + touch.follow * np.clip(at.share, 0, 1)
        turn = GAIN * (yaw - np.arctan2(at.ahead[1], at.ahead[0]))
        return np.array([*motion, 0.0, 0.0, np.clip(turn, -self._turn, self._turn), gripper])


def _pointing(quaternion: np.ndarray) -> np.ndarray:
    """Return the direction (3,) in which the hand of an (x, y, z, w) orientation points."""
    x, y, z, w = quaternion
    return np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
