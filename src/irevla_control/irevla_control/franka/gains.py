# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Gains of the impedance controller, and the largest force that they allow."""

from dataclasses import dataclass

import numpy as np

from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.kinematics import JOINTS
from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter_fields import parameter

# Largest force of the velocity feedforward, as a share of the spring's force.
FEEDFORWARD_SHARE = 0.8


@dataclass(frozen=True)
class ArmGains:
    """Gains of the impedance controller.

    Stiffness and error clip bound the force.

    Attributes:
        posture: joints (7,) [rad] at home.
        joint_limits: within `joint_margin` of these franky itself pushes back, with 5 Nm at most;
            None: never.

    """

    posture: tuple[float, ...]
    stiffness: float = parameter(
        1000.0, 'stiffness of the impedance controller [N/m]', 10.0, 3000.0
    )
    turn_stiffness: float = parameter(60.0, 'likewise for rotations [Nm/rad]', 1.0, 300.0)
    # A ratio of 1 is critical for 1 kg; an arm weighs several.
    damping_ratio: float = parameter(
        1.5, 'damping of translations over 2 sqrt(stiffness)', 0.2, 5.0
    )
    error_clip: tuple[float, float, float] = parameter(
        (0.03, 0.03, 0.03), 'distance from the setpoint above which force does not grow [m]'
    )
    turn_error_clip: tuple[float, float, float] = parameter(
        (0.15, 0.15, 0.15), 'likewise for rotations [rad]'
    )
    posture_stiffness: float = parameter(
        5.0, 'stiffness that pulls the joints to home_joints [Nm/rad]', 0.0, 50.0
    )
    # Against the friction of the joints.
    reset_posture_stiffness: float = parameter(20.0, 'likewise during a reset [Nm/rad]', 0.0, 50.0)
    joint_limits: JointLimits | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for gains of the wrong number or sign."""
        for name, size in (('error_clip', 3), ('turn_error_clip', 3), ('posture', JOINTS)):
            value = np.asarray(getattr(self, name), float)
            if value.shape != (size,) or not np.isfinite(value).all():
                raise ConfigError(f'{name} is {value.tolist()}; {size} finite numbers are needed')
        for name in (
            'stiffness',
            'turn_stiffness',
            'damping_ratio',
            'error_clip',
            'turn_error_clip',
        ):
            if not np.greater(getattr(self, name), 0).all():
                raise ConfigError(f'{name} is {getattr(self, name)}; it must be above 0')

    @property
    def damping(self) -> np.ndarray:
        """Return the damping (6,) [Ns/m, Nms/rad]."""
        return np.repeat(
            [2 * self.damping_ratio * self.stiffness**0.5, 2 * self.turn_stiffness**0.5], 3
        )

    @property
    def spring(self) -> np.ndarray:
        """Return the largest force (3,) [N] and torque (3,) [Nm] of the stiffness."""
        return np.concatenate(
            [
                self.stiffness * np.asarray(self.error_clip),
                self.turn_stiffness * np.asarray(self.turn_error_clip),
            ]
        )

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
