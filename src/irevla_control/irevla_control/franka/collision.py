# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Collision thresholds: external forces and torques above which the robot's reflex stops it."""

from dataclasses import dataclass

import numpy as np

from irevla_control.arm.kinematics import JOINTS
from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter_fields import parameter


@dataclass(frozen=True)
class CollisionThresholds:
    """Thresholds above which the robot reports a collision and stops."""

    collision_torque: tuple[float, ...] = parameter(
        (40.0, 40.0, 40.0, 40.0, 20.0, 20.0, 20.0),
        'external torque at each joint above which the robot reports a collision and stops [Nm]',
    )
    collision_force: tuple[float, ...] = parameter(
        (60.0, 60.0, 60.0, 25.0, 25.0, 25.0),
        'likewise at the end effector (x, y, z) [N], and about these axes [Nm]',
    )

    def __post_init__(self) -> None:
        """Raise ConfigError for thresholds of the wrong number or sign."""
        for name, size in (('collision_torque', JOINTS), ('collision_force', 6)):
            value = np.asarray(getattr(self, name), float)
            if value.shape != (size,) or not (np.isfinite(value) & (value > 0)).all():
                raise ConfigError(
                    f'{name} is {value.tolist()}; {size} finite numbers above 0 are needed'
                )

    def check(self, bound: np.ndarray, torque: np.ndarray | None, allowed: bool) -> str:
        """Return how the controller's own force could trigger a reflex, or ''.

        Args:
            bound: largest force (3,) [N] and torque (3,) [Nm] of the controller.
            torque: the resulting joint torque (7,) [Nm]; None if not known yet.
            allowed: whether a bound above the thresholds is allowed.

        Raises:
            ConfigError: the bound is above the thresholds, which is not allowed.

        """
        for name, most, unit in (
            ('collision_force', bound, 'N and Nm'),
            ('collision_torque', torque, 'Nm at the joints'),
        ):
            threshold = np.asarray(getattr(self, name))
            if most is None or (most <= threshold).all():
                continue
            problem = (
                f'the controller may press with {np.round(most, 1).tolist()} {unit}, but '
                f'the robot reports a collision above {name} {threshold.tolist()}; raise '
                f'{name}, or lower stiffness or error_clip (for rotations turn_stiffness, '
                'turn_error_clip), or set allow_bound_above_collision: true'
            )
            if not allowed:
                raise ConfigError(problem)
            return problem
        return ''
