# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Soft limits of the joints: where a motion of the end effector slows and stops for them."""

from dataclasses import dataclass

import numpy as np

from irevla_control.arm.kinematics import JOINTS, inverse, jacobian, joint_frames
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError

VERTICAL = np.array([0.0, 0.0, 1.0])
# What is no step of a joint [rad].
LEAST_STEP = 1e-7


@dataclass(frozen=True)
class JointLimits:
    """Where each joint may be; the methods take joints (..., 7) [rad], any number of arms.

    Attributes:
        joint_low, joint_high: the robot's limits (7,) [rad].
        joint_margin: distance [rad] to them at which what leads there stops.
        joint_slowing: distance [rad] to that stop from which on it is slowed.
        max_joint_lead: of any joint of the target before the measured one [rad]: where the arm is
            stretched out, a short way of the hand is a long one of the joints.
        max_joint_speed: on the way home [rad/s].

    """

    joint_low: tuple[float, ...]
    joint_high: tuple[float, ...]
    joint_margin: float
    joint_slowing: float
    max_joint_lead: float
    max_joint_speed: float

    def __post_init__(self) -> None:
        """Raise ConfigError for limits that leave no room or are no limits."""
        for name in ('joint_low', 'joint_high'):
            values = np.asarray(getattr(self, name), float)
            if values.shape != (JOINTS,) or not np.isfinite(values).all():
                raise ConfigError(f'{name} is {values.tolist()}; {JOINTS} finite angles [rad] are '
                                  'needed')
        for name in ('joint_margin', 'joint_slowing', 'max_joint_lead', 'max_joint_speed'):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ConfigError(f'{name} is {value}; a finite number above 0 is needed')
        wide = np.subtract(self.joint_high, self.joint_low)
        if not (wide > 2 * self.joint_margin).all():
            raise ConfigError(f'joint_low {list(self.joint_low)} and joint_high '
                              f'{list(self.joint_high)} leave no room beside joint_margin '
                              f'{self.joint_margin} in joint {1 + int(np.argmin(wide))}')

    def distance(self, joints: np.ndarray) -> np.ndarray:
        """Return how far (..., 7) [rad] each joint is inside its nearer limit."""
        return np.minimum(joints - self.joint_low, np.subtract(self.joint_high, joints))

    def holds(self, joints: np.ndarray) -> np.ndarray:
        """Return whether (...) all joints keep their margin."""
        return (self.distance(joints) >= self.joint_margin).all(axis=-1)

    def problem(self, joints: np.ndarray) -> str:
        """Return which joint (of one arm) is beyond its margin, or ''."""
        distance = self.distance(joints)
        worst = int(np.argmin(distance))
        if distance[worst] >= self.joint_margin:
            return ''
        return f'joint {worst + 1} stands at its limit'

    def led(self, joints: np.ndarray, measured: Pose, target: Pose) -> tuple[Pose, np.ndarray]:
        """Return a target that leads no joint into its margin, and whether (...) it is nearer.

        Translation, tilt and the turn about the vertical are shortened each by itself, and only
        where they lead towards a limit. None counts on another that leads back: they may take
        longer or shorter.

        Args:
            joints: measured.
            measured: pose of the end effector at these joints.
            target: that is asked for, near the measured pose.

        """
        way, turn = measured.to(target)
        upright = turn * VERTICAL
        zeros = np.zeros_like(way)
        parts = np.stack([np.concatenate(part, axis=-1) for part in (
            (way, zeros), (zeros, turn - upright), (zeros, upright))], axis=-2)
        back = inverse(jacobian(joint_frames(joints), measured.position))
        steps = parts @ np.swapaxes(back, -1, -2)
        shares = self._shares(joints, steps)
        parts = (shares[..., None] * parts).sum(-2)
        return measured.moved(parts[..., :3], parts[..., 3:]), (shares < 1).any(axis=-1)

    def _shares(self, joints: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the share (..., parts) of each part's joint steps (..., parts, 7) that fits."""
        shares = np.ones(steps.shape[:-1])
        for sign, limit in ((1, self.joint_high), (-1, self.joint_low)):
            distance = sign * np.subtract(limit, joints) - self.joint_margin
            slowed = distance * np.minimum(np.abs(distance) / self.joint_slowing, 1)
            room = np.clip(slowed, 0, self.max_joint_lead)
            towards = np.maximum(sign * steps, 0)
            fitting = room / np.maximum(towards.sum(-2), LEAST_STEP)
            # Only parts that lead there are shortened, by the joint with the least room.
            share = np.where(towards > LEAST_STEP, fitting[..., None, :], 1.0).min(-1)
            shares = np.minimum(shares, share)
        return shares
