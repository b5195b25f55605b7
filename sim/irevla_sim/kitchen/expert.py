# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Scripted experts, with noise on their commands.

A label is a continuous function of the simulator state, without memory: what an image shows is
enough to imitate it.
"""

from dataclasses import dataclass

import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.kitchen.arm import METRES_PER_STEP, RADIANS_PER_STEP
from irevla_sim.kitchen.scene import ACTION_REPEAT
from irevla_sim.simulator.tasks import Task

UP = np.array([0.0, 0.0, 1.0])
# Share of a distance that one decision covers, below the largest command.
GAIN = 0.7
# Distance kept in front of the handle while the hand is not beside it, or around it [m].
IN_FRONT_M = 0.09
# Distances in front of the place beside the handle between which the hand arrives there [m].
NEAR_M, THERE_M = 0.03, 0.015
# Share of the way from which the hand slows down, and at which it stops.
SLOW_SHARE, STOP_SHARE = 0.96, 1.02


@dataclass(frozen=True)
class Touch:
    """How the hand opens something.

    Attributes:
        yaw: direction to which the hand points, seen from above; 0: straight to the kitchen,
            positive: to the left [rad].
        depth: distance from the hand to the handle along that direction [m].
        speed: while it opens, as a share of the largest.
        grasp: whether the fingers close around the handle; else a closed hand pushes it.
        follow: change of ``yaw`` over the whole way [rad].
        beside: distance from the handle's centre to the centre of the fingers in contact [m].

    """

    yaw: float
    depth: float
    speed: float
    grasp: bool = False
    beside: float = 0.0
    follow: float = 0.0


TOUCHES = {
    'microwave-open': Touch(yaw=0.75, depth=0.018, speed=1.0, grasp=True),
    'left-door-open': Touch(yaw=0.8, depth=0.018, speed=1.0, grasp=True, follow=-0.5),
    'slide-door-open': Touch(yaw=0.0, depth=0.02, speed=1.0, beside=0.04),
    'light-on': Touch(yaw=0.0, depth=0.02, speed=0.4, beside=0.04),
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
        hand, opening = state[:3], state[7]
        handle, way, share = state[8:11], state[11:14], state[14]
        ahead = _pointing(state[3:7])
        yaw = self._touch.yaw + self._touch.follow * np.clip(share, 0, 1)
        yaw_error = yaw - np.arctan2(ahead[1], ahead[0])
        offset = hand - handle
        depth = offset @ ahead + self._touch.depth
        slow = _ramp(share, STOP_SHARE, SLOW_SHARE)
        speed = self._touch.speed * self._reach * slow
        across = offset - (offset @ ahead) * ahead
        in_line = _ramp(np.linalg.norm(across), 0.09, 0.06)
        there = _ramp(depth, -NEAR_M, -THERE_M) * in_line
        if self._touch.grasp:
            gripped = _ramp(opening, 0.8, 0.7) * _ramp(depth, -0.05, -0.035) * in_line
            there = max(there, gripped)
            motion, gripper = self._pull(offset, ahead, way, depth, opening, there, speed)
        else:
            motion, gripper = self._push(offset, ahead, way, depth, there, speed), 0.0
        largest = np.abs(motion).max()
        if largest > self._reach:
            motion = motion * (self._reach / largest)
        turn = np.clip(GAIN * yaw_error, -self._turn, self._turn)
        return np.array([*motion, 0.0, 0.0, turn, gripper])

    def _push(self, offset, ahead, way, depth, there, speed):
        side = way - (way @ ahead) * ahead
        side /= np.linalg.norm(side)
        third = np.cross(ahead, side)
        along, across = offset @ side, offset @ third
        beside = _ramp(-along, self._touch.beside, self._touch.beside + 0.012)
        enter = max(beside, there) * _ramp(abs(across), 0.05, 0.02)
        start = self._touch.beside + 0.02
        return (
            GAIN * (-IN_FRONT_M * (1 - enter) - depth) * ahead
            + (there * speed + (1 - there) * GAIN * (-start - along)) * side
            - GAIN * across * third
        )

    def _pull(self, offset, ahead, way, depth, opening, there, speed):
        across = offset - (offset @ ahead) * ahead
        side = np.cross(UP, ahead)
        side /= np.linalg.norm(side)
        lateral = abs(across @ side)
        aligned = _ramp(lateral, 0.035, 0.018) * _ramp(np.linalg.norm(across), 0.09, 0.05)
        enter = max(aligned, there)
        held = there * _ramp(opening, 0.95, 0.8)
        # The fingers are independent, so a held handle may be beside the middle of the hand.
        pull = way - (way @ ahead) * ahead
        pull /= np.linalg.norm(pull)
        across -= held * (across @ pull) * pull
        motion = GAIN * (-IN_FRONT_M * (1 - enter) - depth) * ahead - GAIN * across
        return motion + held * speed * way, 1.0 - there


def _pointing(quaternion: np.ndarray) -> np.ndarray:
    """Return the direction (3,) in which the hand of an (x, y, z, w) orientation points."""
    x, y, z, w = quaternion
    return np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])


def _ramp(value: float, zero: float, one: float) -> float:
    """Return 0 at ``zero``, 1 at ``one``, and between them in proportion."""
    return float(np.clip((value - zero) / (one - zero), 0, 1))
