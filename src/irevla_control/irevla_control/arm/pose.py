# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Poses of the end effector and the motion between two of them; no Euler angles anywhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from irevla_control.errors import ConfigError

# Allowed deviation of a quaternion's length from 1, for rounding.
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Pose:
    """Position and rotation of the end effector in the base frame; or stacks (..., 3) of many.

    Attributes:
        position: float64 (3,) [m].
        rotation: from the end effector's frame to the base frame.

    """

    position: np.ndarray
    rotation: Rotation

    @classmethod
    def from_quaternion(cls, position: ArrayLike, quaternion: ArrayLike) -> 'Pose':
        """Make a pose from (3,) [m] and a unit quaternion (x, y, z, w).

        Raises:
            ConfigError: a wrong number of values, not finite, or no unit quaternion.

        """
        position, quaternion = np.asarray(position, float), np.asarray(quaternion, float)
        if position.shape != (3,) or not np.isfinite(position).all():
            raise ConfigError(f'position {position}; three finite numbers [m] are needed')
        if quaternion.shape != (4,) or not abs(np.linalg.norm(quaternion) - 1) < UNIT_TOLERANCE:
            raise ConfigError(
                f'quaternion {quaternion} has length {np.linalg.norm(quaternion):.4g}; 1 is needed'
            )
        return cls(position, Rotation.from_quat(quaternion))

    @classmethod
    def from_matrix(cls, matrix: np.ndarray) -> 'Pose':
        """Make a pose from a homogeneous matrix (..., 4, 4)."""
        return cls(matrix[..., :3, 3], Rotation.from_matrix(matrix[..., :3, :3]))

    @property
    def matrix(self) -> np.ndarray:
        """Return the homogeneous matrix (..., 4, 4)."""
        matrix = np.zeros((*self.position.shape[:-1], 4, 4))
        matrix[..., :3, :3], matrix[..., :3, 3] = self.rotation.as_matrix(), self.position
        matrix[..., 3, 3] = 1
        return matrix

    @property
    def quaternion(self) -> np.ndarray:
        """Return (x, y, z, w)."""
        return self.rotation.as_quat()

    @property
    def tool_axis(self) -> np.ndarray:
        """Return the end effector's z axis (3,) in the base frame."""
        return self.rotation.as_matrix()[..., :, 2]

    def translated(self, translation: np.ndarray, rotation: np.ndarray) -> 'Pose':
        """Return this pose moved by a translation [m] and a rotation vector [rad], base frame."""
        return Pose(self.position + translation, Rotation.from_rotvec(rotation) * self.rotation)

    def to(self, other: 'Pose') -> tuple[np.ndarray, np.ndarray]:
        """Return translation (3,) [m] and rotation vector (3,) [rad] to the other pose.

        They are the shortest arguments with which `translated` gives the other pose.
        """
        return (other.position - self.position, (other.rotation * self.rotation.inv()).as_rotvec())

    def twist_to(self, other: 'Pose', seconds: float) -> np.ndarray:
        """Return the constant velocity (6,) [m/s, rad/s] that reaches the other pose in time."""
        return np.concatenate(self.to(other)) / seconds
