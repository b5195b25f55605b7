# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Position, orientation and speed limits of the end effector; they apply to every motion.

Methods take one pose, or stacks of many.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_control.parameters.parameter_fields import parameter

# Direction of the end effector's z axis at zero tilt, in the base frame.
DOWN = np.array([0.0, 0.0, -1.0])
UP = -DOWN
# Tolerance for rounding of a pose on the border [m, rad].
ROUNDING = 1e-9


@dataclass(frozen=True)
class ArmLimits:
    """Box, cone, yaw and speeds, all in the base frame.

    A larger step of a command is refused. The lead is limited so that a blocked arm does not jump
    when it is freed.

    Attributes:
        home_rotation: rotation of the end effector at home.

    """

    box_low: tuple[float, float, float] = parameter(
        (0.30, -0.30, 0.01), 'lower corner of the workspace (x, y, z) [m]'
    )
    box_high: tuple[float, float, float] = parameter(
        (0.70, 0.30, 0.50), 'upper corner of the workspace (x, y, z) [m]'
    )
    max_tilt: float = parameter(
        0.4, 'largest angle of the hand from straight down [rad]', 0.0, 1.57
    )
    # pi allows any rotation.
    max_yaw: float = parameter(
        1.7, 'largest rotation about the vertical from home [rad]', 0.05, 2.5
    )
    max_step: float = parameter(0.05, 'longest translation of one command [m]', 0.001, 0.2)
    max_step_turn: float = parameter(0.3, 'largest rotation of one command [rad]', 0.001, 1.0)
    max_lead: float = parameter(
        0.08, 'largest distance of the target from the arm [m]', 0.001, 0.3
    )
    max_lead_turn: float = parameter(
        0.4, 'largest rotation of the target from the arm [rad]', 0.001, 1.5
    )
    max_speed: float = parameter(0.3, 'largest speed of the setpoint [m/s]', 0.01, 1.5)
    max_turn_speed: float = parameter(
        1.2, 'largest angular speed of the setpoint [rad/s]', 0.01, 2.5
    )
    max_acceleration: float = parameter(
        3.0, 'largest acceleration of the setpoint [m/s^2]', 0.1, 10.0
    )
    max_turn_acceleration: float = parameter(12.0, 'likewise for rotations [rad/s^2]', 0.1, 25.0)
    home_rotation: Rotation = field(default_factory=lambda: Rotation.from_quat([1, 0, 0, 0]))

    def __post_init__(self) -> None:
        """Raise ConfigError for limits that are not finite or leave no range."""
        for name in ('box_low', 'box_high'):
            corner = tuple(float(value) for value in getattr(self, name))
            if len(corner) != 3 or not np.isfinite(corner).all():
                raise ConfigError(f'{name} is {corner}; three finite numbers [m] are needed')
            object.__setattr__(self, name, corner)
        if not np.less(self.box_low, self.box_high).all():
            raise ConfigError(
                f'box_low {self.box_low} is not below box_high {self.box_high} in every direction'
            )
        if not 0 <= self.max_tilt <= np.pi / 2:
            raise ConfigError(
                f'max_tilt is {self.max_tilt}; an angle from 0 to pi/2 rad is needed'
            )
        if not 0 < self.max_yaw <= np.pi:
            raise ConfigError(
                f'max_yaw is {self.max_yaw}; an angle above 0, up to pi rad, is needed'
            )
        for name in (
            'max_step',
            'max_step_turn',
            'max_lead',
            'max_lead_turn',
            'max_speed',
            'max_turn_speed',
            'max_acceleration',
            'max_turn_acceleration',
        ):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ConfigError(f'{name} is {value}; a finite number above 0 is needed')

    def clamped(self, pose: Pose) -> Pose:
        """Return the nearest pose inside box, cone and yaw range."""
        upright = self.upright(pose)
        over = self.yaw(upright) - np.clip(self.yaw(upright), -self.max_yaw, self.max_yaw)
        if not np.any(over):
            return upright
        return upright.translated(np.zeros(3), -over[..., None] * UP)

    def upright(self, pose: Pose) -> Pose:
        """Return the nearest pose inside box and cone; the yaw is not limited."""
        position = np.clip(pose.position, self.box_low, self.box_high)
        over = np.maximum(pose_tilt(pose) - self.max_tilt, 0)
        if not np.any(over):
            return Pose(position, pose.rotation)
        axis = np.cross(pose.tool_axis, DOWN)
        length = np.linalg.norm(axis, axis=-1, keepdims=True)
        # For a pose that points straight up, any horizontal axis will do.
        axis = np.where(length < 1e-9, [1.0, 0, 0], axis / np.maximum(length, 1e-9))
        return Pose(position, Rotation.from_rotvec(axis * over[..., None]) * pose.rotation)

    def yaw(self, pose: Pose) -> np.ndarray:
        """Return the yaw (...) [rad]: the rotation about the vertical from home, -pi to pi."""
        quaternion = (pose.rotation * self.home_rotation.inv()).as_quat()
        angle = 2 * np.arctan2(quaternion[..., 2], quaternion[..., 3])
        return (angle + np.pi) % (2 * np.pi) - np.pi

    def contains(self, pose: Pose) -> np.ndarray:
        """Return whether (...) a pose is inside box, cone and yaw range."""
        return (
            (pose.position >= np.subtract(self.box_low, ROUNDING)).all(axis=-1)
            & (pose.position <= np.add(self.box_high, ROUNDING)).all(axis=-1)
            & (pose_tilt(pose) <= self.max_tilt + ROUNDING)
            & (np.abs(self.yaw(pose)) <= self.max_yaw + ROUNDING)
        )

    def limit_lead(self, measured: Pose, target: Pose) -> Pose:
        """Return the target inside the limits, at most `max_lead` from the measured pose.

        At the border of the cone the rotation may exceed `max_lead_turn` by less than 0.1 %.
        """
        translation, rotation = measured.to(target)
        target = measured.translated(
            clip_norm(translation, self.max_lead), clip_norm(rotation, self.max_lead_turn)
        )
        return self.clamped(target)

    def step_problem(self, translation: np.ndarray, rotation: np.ndarray) -> str:
        """Return why the step of one command is too large, or ''."""
        for value, most, what, unit in (
            (np.linalg.norm(translation), self.max_step, 'moves', 'm'),
            (np.linalg.norm(rotation), self.max_step_turn, 'turns', 'rad'),
        ):
            if not value <= most:
                return f'it {what} {value:.4g} {unit}, at most {most:g} are allowed'
        return ''


def pose_tilt(pose: Pose) -> np.ndarray:
    """Return the angle (...) [rad] between the end effector's z axis and straight down."""
    tool = pose.tool_axis
    return np.arctan2(np.linalg.norm(np.cross(tool, DOWN), axis=-1), tool @ DOWN)


def clip_norm(vector: np.ndarray, most: float) -> np.ndarray:
    """Return a vector (..., n) shortened to at most this length."""
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return vector * (most / np.maximum(length, most))
