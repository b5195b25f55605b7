# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The path home, always to the same posture: straight if the joints allow it, else in joint space.

Both are paths of poses for the same impedance controller, so box, cone, speed and force limits
apply to both. (franky's joint motions and joint impedance control have none of these limits.)
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.kinematics import forward, solved, step_to, tool_of
from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.minimum_jerk import PEAK_SPEED, MinimumJerk, least_time_s, share_done
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError, IrevlaError

# Spacing of samples on a straight path [m, rad], their least number; samples on a joint path.
EVERY, EVERY_TURN, AT_LEAST, JOINT_SAMPLES = 0.02, 0.1, 8, 60
# Largest error of joints that reach a pose [m, rad].
REACHED, REACHED_TURN = 0.005, 0.05
# Largest difference from the joints at home in the same posture [rad].
SAME_POSTURE = 0.5
ROUNDING = 1e-3


class NoHomePathError(IrevlaError):
    """The joints cannot reach home; equal causes give equal texts."""


@dataclass(frozen=True)
class Bounds:
    """Limits of a path home, and the posture at its end.

    Attributes:
        limits: limits of the end effector.
        joints: limits of the joints.
        posture: joints (7,) [rad]; of all solutions at home the nearest to these is used.

    """

    limits: ArmLimits
    joints: JointLimits
    posture: tuple[float, ...]

    def joints_at(self, home: Pose, tool: np.ndarray) -> np.ndarray:
        """Return the joints (7,) [rad] at home.

        Raises:
            NoHomePathError: the joints cannot reach home within their limits.

        """
        joints = solved(self.limits.clamped(home), tool, np.asarray(self.posture))
        if joints is None:
            raise NoHomePathError(
                'home is out of reach of home_joints; set home_joints to the '
                'joint positions at home'
            )
        if self.joints.problem(joints):
            raise NoHomePathError(
                f'at home {self.joints.problem(joints)}; change home_joints or home_position'
            )
        return joints


class StraightPath(MinimumJerk):
    """The end effector moves on a straight line; the joints follow."""

    def __init__(
        self, start: Pose, joints: np.ndarray, tool: np.ndarray, home: Pose, bounds: Bounds
    ) -> None:
        """Plan from a pose near that of the joints (7,) [rad]; `feasible` is the result."""
        super().__init__(start, home, bounds.limits)
        goal = bounds.joints_at(home, tool)
        samples = 1 + max(
            AT_LEAST,
            *(
                int(np.linalg.norm(motion) / every)
                for motion, every in ((self._translation, EVERY), (self._rotation, EVERY_TURN))
            ),
        )
        self._shares = np.linspace(0, 1, samples + 1)
        poses = self.after(self._shares)
        path = [joints]
        for number in range(1, samples + 1):
            target = Pose(poses.position[number], poses.rotation[number])
            # The elbow moves home at an even rate, as the hand does.
            posture = path[-1] + (goal - path[-1]) / (samples + 1 - number)
            near = step_to(path[-1], target, tool, posture)
            path.append(step_to(near, target, tool, near))
        self._path = np.array(path)
        self.feasible = self._is_feasible(poses, tool, goal, bounds)

    def _is_feasible(
        self, poses: Pose, tool: np.ndarray, goal: np.ndarray, bounds: Bounds
    ) -> bool:
        translation, rotation = forward(self._path, tool).to(poses)
        # The first sample is the measured arm, which may lag behind the start of the path.
        reached = (
            np.linalg.norm(translation[1:], axis=-1).max() < REACHED
            and np.linalg.norm(rotation[1:], axis=-1).max() < REACHED_TURN
        )
        distance = bounds.joints.distance(self._path)
        least = np.minimum(distance[0], bounds.joints.joint_margin) - ROUNDING
        speed = np.abs(np.diff(self._path, axis=0)).max() * (len(self._shares) - 1)
        in_time = PEAK_SPEED * speed <= bounds.joints.max_joint_speed * self.duration_s
        same = np.abs(self._path[-1] - goal).max() < SAME_POSTURE
        return bool(reached and (distance >= least).all() and in_time and same)


class JointPath:
    """The joints move on a straight line in joint space; the end effector follows."""

    joint_space = True

    def __init__(self, joints: np.ndarray, tool: np.ndarray, home: Pose, bounds: Bounds) -> None:
        """Plan from joints (7,) [rad]; poses outside box or cone are replaced by the nearest."""
        self._limits, self._tool, self._joints = bounds.limits, tool, joints
        self.end = bounds.limits.clamped(home)
        self._step = bounds.joints_at(home, tool) - joints
        poses = self.after(np.linspace(0, 1, JOINT_SAMPLES + 1))
        first, last = (
            Pose(poses.position[part], poses.rotation[part])
            for part in (slice(None, -1), slice(1, None))
        )
        translation, rotation = first.to(last)
        self.duration_s = max(
            least_time_s(JOINT_SAMPLES * translation, JOINT_SAMPLES * rotation, bounds.limits),
            PEAK_SPEED * float(np.abs(self._step).max()) / bounds.joints.max_joint_speed,
        )

    def at(self, time_s: float) -> Pose:
        """Return the pose at a time since the start; after the duration, the end."""
        if time_s >= self.duration_s:
            return self.end
        return self.after(share_done(time_s, self.duration_s))

    def after(self, share: float | np.ndarray) -> Pose:
        """Return the pose after a share (...) of the path, 0 to 1.

        A yaw outside its range returns in the direction of the joints, not in the shorter one.
        """
        joints = self._joints + np.asarray(share)[..., None] * self._step
        return self._limits.upright(forward(joints, self._tool))


def home_path(
    start: Pose, joints: np.ndarray, measured: Pose, home: Pose, bounds: Bounds
) -> StraightPath | JointPath:
    """Return the path home from the setpoint's pose: straight if feasible, else in joint space.

    Args:
        start: the setpoint's pose, near the measured one.
        joints: measured (7,) [rad].
        measured: pose at these joints.
        home: end of the path; clamped to the limits.
        bounds: limits of the path, and its posture at home.

    Raises:
        NoHomePathError: home cannot be reached.

    """
    tool = tool_of(joints, measured)
    straight = StraightPath(start, joints, tool, home, bounds)
    return straight if straight.feasible else JointPath(joints, tool, home, bounds)


def home_pose(values: dict[str, Any], limits: ArmLimits) -> Pose:
    """Return the pose at which episodes start.

    Raises:
        ConfigError: the quaternion is not a rotation, or the pose is outside the limits.

    """
    home = Pose.from_quaternion(values['home_position'], values['home_quaternion'])
    translation, rotation = home.to(limits.clamped(home))
    if np.linalg.norm(translation) > 1e-9 or np.linalg.norm(rotation) > 1e-6:
        raise ConfigError(
            f'home_position {values["home_position"]} or home_quaternion '
            f'{values["home_quaternion"]} is outside the box or cone; move it '
            'inside'
        )
    return home


def offset_home(home: Pose, offset: np.ndarray) -> Pose:
    """Return home moved by an offset (x, y, z, yaw) [m, rad]."""
    return home.translated(offset[:3], np.array([0, 0, offset[3]]))


def check_home(
    home: Pose, spread: np.ndarray, bounds: Bounds, joints: np.ndarray, measured: Pose
) -> None:
    """Check that the robot reaches home with its present end effector.

    Args:
        home: pose at which episodes start.
        spread: largest offset (4,) of home in both directions, as `home_spread` returns it.
        bounds: limits of paths home.
        joints: measured (7,) [rad].
        measured: pose at these joints.

    Raises:
        ConfigError: the robot does not reach home with every offset.

    """
    tool = tool_of(joints, measured)
    for signs in ((0, 0, 0, 0), *product((-1, 1), repeat=4)):
        corner = offset_home(home, np.multiply(signs, spread))
        try:
            bounds.joints_at(corner, tool)
        except NoHomePathError as error:
            offset = f' with home_spread and home_spread_yaw {np.multiply(signs, spread).tolist()}'
            raise ConfigError(
                f'home_position {home.position.tolist()}{offset * any(signs)}: {error}'
            ) from error


def home_spread(values: dict[str, Any]) -> np.ndarray:
    """Return the largest random offset of home (x, y, z, yaw) [m, rad].

    Raises:
        ConfigError: the value is not three lengths.

    """
    spread = np.array(values['home_spread'], float)
    if spread.shape != (3,) or not (np.isfinite(spread) & (spread >= 0)).all():
        raise ConfigError(
            f'home_spread is {values["home_spread"]}; three lengths [m] of 0 or more are needed'
        )
    return np.append(spread, values['home_spread_yaw'])
