# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the end effector may be, and how fast it may move; they hold for every motion."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError

# The end effector of an arm that reaches down onto a table.
DOWN = np.array([0.0, 0.0, -1.0])
# What rounding does to a pose at the border [m, rad].
ROUNDING = 1e-9


@dataclass(frozen=True)
class ArmLimits:
    """Box, cone and speeds, all in the base frame.

    Attributes:
        box_low, box_high: corners [m] between which the end effector's position stays.
        max_tilt: largest angle [rad] between the end effector's z axis and straight down.
        max_step, max_step_turn: of one command [m, rad]; a larger one is refused.
        max_lead, max_lead_turn: of the target before the measured pose [m, rad], so that an arm
            that was held back does not leap when it comes free.
        max_speed, max_turn_speed: of the setpoint [m/s, rad/s].
        max_acceleration, max_turn_acceleration: of the setpoint [m/s^2, rad/s^2].

    """

    box_low: tuple[float, float, float]
    box_high: tuple[float, float, float]
    max_tilt: float
    max_step: float
    max_step_turn: float
    max_lead: float
    max_lead_turn: float
    max_speed: float
    max_turn_speed: float
    max_acceleration: float
    max_turn_acceleration: float

    def __post_init__(self) -> None:
        """Raise ConfigError for limits that leave no room or are no limits."""
        for name in ('box_low', 'box_high'):
            corner = tuple(float(value) for value in getattr(self, name))
            if len(corner) != 3 or not np.isfinite(corner).all():
                raise ConfigError(f'{name} is {corner}; three finite numbers [m] are needed')
            object.__setattr__(self, name, corner)
        if not np.less(self.box_low, self.box_high).all():
            raise ConfigError(f'box_low {self.box_low} is not below box_high {self.box_high} in '
                              'every direction')
        if not 0 <= self.max_tilt <= np.pi / 2:
            raise ConfigError(f'max_tilt is {self.max_tilt}; an angle from 0 to pi/2 rad is '
                              'needed')
        for name in ('max_step', 'max_step_turn', 'max_lead', 'max_lead_turn', 'max_speed',
                     'max_turn_speed', 'max_acceleration', 'max_turn_acceleration'):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ConfigError(f'{name} is {value}; a finite number above 0 is needed')

    def clamped(self, pose: Pose) -> Pose:
        """Return the nearest pose in box and cone."""
        position = np.clip(pose.position, self.box_low, self.box_high)
        tool, tilt = pose.tool_axis, pose_tilt(pose)
        if tilt <= self.max_tilt:
            return Pose(position, pose.rotation)
        axis = np.cross(tool, DOWN)
        if np.linalg.norm(axis) < 1e-9:
            # It points straight up: any horizontal axis leads back.
            axis = np.array([1.0, 0.0, 0.0])
        back = axis / np.linalg.norm(axis) * (tilt - self.max_tilt)
        return Pose(position, Rotation.from_rotvec(back) * pose.rotation)

    def holds(self, pose: Pose) -> bool:
        """Return whether a pose lies in box and cone."""
        return bool((pose.position >= np.subtract(self.box_low, ROUNDING)).all()
                    and (pose.position <= np.add(self.box_high, ROUNDING)).all()
                    and pose_tilt(pose) <= self.max_tilt + ROUNDING)

    def led(self, measured: Pose, target: Pose) -> Pose:
        """Return the target in box and cone, no further from the measured pose than allowed.

        Where the cone bends the way, the turn may be longer by less than a thousandth.
        """
        way, turn = measured.to(target)
        target = measured.moved(shortened(way, self.max_lead),
                                shortened(turn, self.max_lead_turn))
        return self.clamped(target)

    def step_problem(self, translation: np.ndarray, turn: np.ndarray) -> str:
        """Return what is wrong with one command's step, or '' when it may be done."""
        for value, most, what, unit in (
                (np.linalg.norm(translation), self.max_step, 'moves', 'm'),
                (np.linalg.norm(turn), self.max_step_turn, 'turns', 'rad')):
            if not value <= most:
                return f'it {what} {value:.4g} {unit}, at most {most:g} are allowed'
        return ''


def pose_tilt(pose: Pose) -> float:
    """Return the angle [rad] between the end effector's z axis and straight down."""
    tool = pose.tool_axis
    return float(np.arctan2(np.linalg.norm(np.cross(tool, DOWN)), tool @ DOWN))


def shortened(vector: np.ndarray, most: float) -> np.ndarray:
    """Return a vector of at most this length."""
    length = np.linalg.norm(vector)
    return vector * (most / length) if length > most else vector
