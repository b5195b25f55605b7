# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Gains of the impedance controller, and the largest force that they allow."""

from dataclasses import dataclass

import numpy as np

from irevla_control.arm.kinematics import JOINTS
from irevla_control.errors import ConfigError

# Largest force of the velocity feedforward, as a share of the spring's force.
FEEDFORWARD_SHARE = 0.8


@dataclass(frozen=True)
class ArmGains:
    """Gains of the impedance controller.

    Attributes:
        stiffness: [N/m].
        turn_stiffness: [Nm/rad].
        damping_ratio: damping of translations relative to 2 * sqrt(stiffness) Ns/m, which is
            critical for 1 kg; an arm weighs several.
        error_clip: distance (3,) [m] from the setpoint above which the force does not grow; with
            the stiffness it bounds the force.
        turn_error_clip: likewise for rotations (3,) [rad].
        posture_stiffness: stiffness that pulls the joints to `posture` [Nm/rad].
        reset_posture_stiffness: likewise during a reset, against the joints' friction.
        posture: joints (7,) [rad] at home.
        joint_low, joint_high, joint_margin: joint limits (7,) and the distance to them [rad]
            within which franky itself pushes back, with 5 Nm at most; see `JointLimits`.

    """

    stiffness: float
    turn_stiffness: float
    damping_ratio: float
    error_clip: tuple[float, float, float]
    turn_error_clip: tuple[float, float, float]
    posture_stiffness: float
    posture: tuple[float, ...]
    reset_posture_stiffness: float = 20.0
    joint_low: tuple[float, ...] | None = None
    joint_high: tuple[float, ...] | None = None
    joint_margin: float = 0.1

    def __post_init__(self) -> None:
        """Raise ConfigError for gains of the wrong number or sign."""
        for name, size in (('error_clip', 3), ('turn_error_clip', 3), ('posture', JOINTS)):
            value = np.asarray(getattr(self, name), float)
            if value.shape != (size,) or not np.isfinite(value).all():
                raise ConfigError(f'{name} is {value.tolist()}; {size} finite numbers are needed')
        for name in ('stiffness', 'turn_stiffness', 'damping_ratio', 'error_clip',
                     'turn_error_clip'):
            if not np.greater(getattr(self, name), 0).all():
                raise ConfigError(f'{name} is {getattr(self, name)}; it must be above 0')

    @property
    def damping(self) -> np.ndarray:
        """Return the damping (6,) [Ns/m, Nms/rad]."""
        return np.repeat([2 * self.damping_ratio * self.stiffness ** 0.5,
                          2 * self.turn_stiffness ** 0.5], 3)

    @property
    def spring(self) -> np.ndarray:
        """Return the largest force (3,) [N] and torque (3,) [Nm] of the stiffness."""
        return np.concatenate([self.stiffness * np.asarray(self.error_clip),
                               self.turn_stiffness * np.asarray(self.turn_error_clip)])

    @property
    def bound(self) -> np.ndarray:
        """Return the largest force (3,) [N] and torque (3,) [Nm] on a blocked arm."""
        return (1 + FEEDFORWARD_SHARE) * self.spring

    def feedforward(self, velocity: np.ndarray, angular_velocity: np.ndarray) -> np.ndarray:
        """Return the velocity feedforward (6,) for a setpoint's velocity.

        The full velocity would remove the lag that damping causes, but franky does not clip the
        force of damping. The share keeps it below the spring's force, so that an arm whose
        setpoints freeze comes to rest.
        """
        result = np.concatenate([velocity, angular_velocity])
        for part in (slice(0, 3), slice(3, 6)):
            force = np.linalg.norm(self.damping[part] * result[part])
            most = FEEDFORWARD_SHARE * self.spring[part].min()
            if force > most:
                result[part] *= most / force
        return result
