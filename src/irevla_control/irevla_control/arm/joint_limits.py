# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Soft joint limits: the end effector slows, then stops, before a joint reaches its limit."""

from dataclasses import dataclass

import numpy as np

from irevla_control.arm.kinematics import JOINTS, inverse, jacobian, joint_frames
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter_fields import parameter

VERTICAL = np.array([0.0, 0.0, 1.0])
# Joint steps below this are zero [rad].
LEAST_STEP = 1e-7


@dataclass(frozen=True)
class JointLimits:
    """Range and speed of each joint; methods take joints (..., 7) [rad] of any number of arms.

    The lead is limited because near a stretched arm a short translation needs a large joint step.
    """

    # The range shared by Panda and FR3, with an elbow that stays bent.
    joint_low: tuple[float, ...] = parameter(
        (-2.7437, -1.7628, -2.8973, -3.0421, -2.8065, 0.5445, -2.8973),
        'lower limits of the joints [rad]',
    )
    joint_high: tuple[float, ...] = parameter(
        (2.7437, 1.7628, 2.8973, -0.6, 2.8065, 3.7525, 2.8973), 'upper limits of the joints [rad]'
    )
    joint_margin: float = parameter(
        0.1, 'distance to a limit at which motion towards it stops [rad]', 0.02, 0.5
    )
    joint_slowing: float = parameter(
        0.2, 'distance to that stop within which motion towards it is slowed [rad]', 0.01, 1.0
    )
    max_joint_lead: float = parameter(
        0.4, 'largest distance of a joint of the target from the arm [rad]', 0.05, 1.5
    )
    max_joint_speed: float = parameter(
        1.5, 'largest speed of a joint on the path home [rad/s]', 0.1, 2.1
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for limits that are not finite or leave no range."""
        for name in ('joint_low', 'joint_high'):
            values = np.asarray(getattr(self, name), float)
            if values.shape != (JOINTS,) or not np.isfinite(values).all():
                raise ConfigError(
                    f'{name} is {values.tolist()}; {JOINTS} finite angles [rad] are needed'
                )
        for name in ('joint_margin', 'joint_slowing', 'max_joint_lead', 'max_joint_speed'):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ConfigError(f'{name} is {value}; a finite number above 0 is needed')
        wide = np.subtract(self.joint_high, self.joint_low)
        if not (wide > 2 * self.joint_margin).all():
            raise ConfigError(
                f'joint_low {list(self.joint_low)} and joint_high '
                f'{list(self.joint_high)} leave no room beside joint_margin '
                f'{self.joint_margin} in joint {1 + int(np.argmin(wide))}'
            )

    def distance(self, joints: np.ndarray) -> np.ndarray:
        """Return the distance (..., 7) [rad] to each joint's nearer limit; outside, negative."""
        return np.minimum(joints - self.joint_low, np.subtract(self.joint_high, joints))

    def contains(self, joints: np.ndarray) -> np.ndarray:
        """Return whether (...) all joints keep `joint_margin`."""
        return (self.distance(joints) >= self.joint_margin).all(axis=-1)

    def problem(self, joints: np.ndarray) -> str:
        """Return which joint (of one arm) is within `joint_margin` of its limit, or ''."""
        distance = self.distance(joints)
        worst = int(np.argmin(distance))
        if distance[worst] >= self.joint_margin:
            return ''
        return f'joint {worst + 1} is at its limit'

    def limit_lead(
        self, joints: np.ndarray, measured: Pose, target: Pose
    ) -> tuple[Pose, np.ndarray]:
        """Return a target that moves no joint into its margin, and whether (...) it was changed.

        Translation, tilt and yaw are shortened separately, and only where they move a joint
        towards its limit. A part that moves the joint away does not compensate another, because
        the parts may take different times.

        Args:
            joints: measured.
            measured: pose of the end effector at these joints.
            target: requested pose, near the measured pose.

        """
        translation, rotation = measured.to(target)
        yaw = rotation * VERTICAL
        zeros = np.zeros_like(translation)
        parts = np.stack(
            [
                np.concatenate(part, axis=-1)
                for part in ((translation, zeros), (zeros, rotation - yaw), (zeros, yaw))
            ],
            axis=-2,
        )
        back = inverse(jacobian(joint_frames(joints), measured.position))
        steps = parts @ np.swapaxes(back, -1, -2)
        shares = self._shares(joints, steps)
        parts = (shares[..., None] * parts).sum(-2)
        return measured.translated(parts[..., :3], parts[..., 3:]), (shares < 1).any(axis=-1)

    def _shares(self, joints: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Return the share (..., parts) of each part's joint steps (..., parts, 7) allowed."""
        shares = np.ones(steps.shape[:-1])
        for sign, limit in ((1, self.joint_high), (-1, self.joint_low)):
            distance = sign * np.subtract(limit, joints) - self.joint_margin
            slowed = distance * np.minimum(np.abs(distance) / self.joint_slowing, 1)
            room = np.clip(slowed, 0, self.max_joint_lead)
            towards = np.maximum(sign * steps, 0)
            fitting = room / np.maximum(towards.sum(-2), LEAST_STEP)
            # Only parts that move towards the limit are shortened, by the most limited joint.
            share = np.where(towards > LEAST_STEP, fitting[..., None, :], 1.0).min(-1)
            shares = np.minimum(shares, share)
        return shares
