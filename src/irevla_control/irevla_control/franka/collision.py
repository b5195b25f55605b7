# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The external forces and torques at which the robot stops by itself: its reflexes."""

from dataclasses import dataclass

import numpy as np

from irevla_control.arm.kinematics import JOINTS
from irevla_control.errors import ConfigError


@dataclass(frozen=True)
class CollisionThresholds:
    """What the robot takes for a collision.

    Attributes:
        collision_torque: external torque (7,) at each joint [Nm].
        collision_force: external force (3,) [N] and torque (3,) [Nm] at the end effector.

    """

    collision_torque: tuple[float, ...] = (40.0, 40.0, 40.0, 40.0, 20.0, 20.0, 20.0)
    collision_force: tuple[float, ...] = (60.0, 60.0, 60.0, 25.0, 25.0, 25.0)

    def __post_init__(self) -> None:
        """Raise ConfigError for thresholds of the wrong number or sign."""
        for name, size in (('collision_torque', JOINTS), ('collision_force', 6)):
            value = np.asarray(getattr(self, name), float)
            if value.shape != (size,) or not (np.isfinite(value) & (value > 0)).all():
                raise ConfigError(f'{name} is {value.tolist()}; {size} finite numbers above 0 '
                                  'are needed')

    def check(self, bound: np.ndarray, torque: np.ndarray | None, allowed: bool) -> str:
        """Return how a controller would set off a reflex by its own force, or ''.

        Args:
            bound: its largest force (3,) [N] and torque (3,) [Nm] at the end effector.
            torque: what that is at the joints (7,) [Nm], None where it is not known yet.
            allowed: whether it may.

        Raises:
            ConfigError: it would, and may not.

        """
        for name, most, unit in (('collision_force', bound, 'N and Nm'),
                                 ('collision_torque', torque, 'Nm at the joints')):
            threshold = np.asarray(getattr(self, name))
            if most is None or (most <= threshold).all():
                continue
            problem = (f'the controller may press with {np.round(most, 1).tolist()} {unit}, but '
                       f'the robot stops by itself above {name} {threshold.tolist()}; raise '
                       f'{name}, or lower stiffness or error_clip (of turns: turn_stiffness, '
                       'turn_error_clip), or set allow_bound_above_collision: true')
            if not allowed:
                raise ConfigError(problem)
            return problem
        return ''
