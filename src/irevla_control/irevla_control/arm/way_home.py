# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The way home, to one and the same posture: straight where the joints allow it, else in theirs.

Either is a path of poses for the same impedance controller, so that box, cone, speed and force
bounds hold on both. (franky's joint motions and its joint impedance know none of them.)
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

# A straight way is looked at every so many [m, rad], at least so often; a joint way so often.
EVERY, EVERY_TURN, AT_LEAST, JOINT_SAMPLES = 0.02, 0.1, 8, 60
# How far joints may be from a pose that they reach [m, rad].
REACHED, REACHED_TURN = 0.005, 0.05
# How far joints may be from those at home in the same posture [rad].
SAME_POSTURE = 0.5
ROUNDING = 1e-3


class NoWayHomeError(IrevlaError):
    """The joints cannot lead home; says why, without numbers that change from time to time."""


@dataclass(frozen=True)
class Bounds:
    """What a way home keeps, and the posture that it ends in.

    Attributes:
        limits: of the end effector.
        joints: limits of the joints.
        posture: joints (7,) [rad] that those at home are nearest to.

    """

    limits: ArmLimits
    joints: JointLimits
    posture: tuple[float, ...]

    def joints_at(self, home: Pose, tool: np.ndarray) -> np.ndarray:
        """Return the joints (7,) [rad] at home.

        Raises:
            NoWayHomeError: they cannot reach it within their limits.

        """
        joints = solved(self.limits.clamped(home), tool, np.asarray(self.posture))
        if joints is None:
            raise NoWayHomeError('home is out of the reach of home_joints; set home_joints to '
                                 'what the joints are at home')
        if self.joints.problem(joints):
            raise NoWayHomeError(f'at home {self.joints.problem(joints)}; set home_joints or '
                                 'home_position elsewhere')
        return joints


class StraightWay(MinimumJerk):
    """The hand moves straight; the joints follow."""

    def __init__(self, start: Pose, joints: np.ndarray, tool: np.ndarray, home: Pose,
                 bounds: Bounds) -> None:
        """Plan from a pose near that of the joints (7,); `feasible` tells whether they can."""
        super().__init__(start, home, bounds.limits)
        goal = bounds.joints_at(home, tool)
        samples = 1 + max(AT_LEAST, *(
            int(np.linalg.norm(way) / every)
            for way, every in ((self._way, EVERY), (self._turn, EVERY_TURN))))
        self._shares = np.linspace(0, 1, samples + 1)
        poses = self.after(self._shares)
        path = [joints]
        for number in range(1, samples + 1):
            target = Pose(poses.position[number], poses.rotation[number])
            # The elbow comes home as evenly as the hand.
            posture = path[-1] + (goal - path[-1]) / (samples + 1 - number)
            near = step_to(path[-1], target, tool, posture)
            path.append(step_to(near, target, tool, near))
        self._path = np.array(path)
        self.feasible = self._is_feasible(poses, tool, goal, bounds)

    def _is_feasible(self, poses: Pose, tool: np.ndarray, goal: np.ndarray,
                     bounds: Bounds) -> bool:
        way, turn = forward(self._path, tool).to(poses)
        # The first is where the arm is, not where it is led.
        reached = (np.linalg.norm(way[1:], axis=-1).max() < REACHED
                   and np.linalg.norm(turn[1:], axis=-1).max() < REACHED_TURN)
        distance = bounds.joints.distance(self._path)
        least = np.minimum(distance[0], bounds.joints.joint_margin) - ROUNDING
        speed = np.abs(np.diff(self._path, axis=0)).max() * (len(self._shares) - 1)
        in_time = PEAK_SPEED * speed <= bounds.joints.max_joint_speed * self.duration_s
        same = np.abs(self._path[-1] - goal).max() < SAME_POSTURE
        return bool(reached and (distance >= least).all() and in_time and same)


class JointWay:
    """All joints move in a straight line, each only towards home; the hand follows."""

    joint_space = True

    def __init__(self, joints: np.ndarray, tool: np.ndarray, home: Pose, bounds: Bounds) -> None:
        """Plan from joints (7,) [rad]; where the hand would leave box or cone, it stays inside."""
        self._limits, self._tool, self._joints = bounds.limits, tool, joints
        self.end = bounds.limits.clamped(home)
        self._step = bounds.joints_at(home, tool) - joints
        poses = self.after(np.linspace(0, 1, JOINT_SAMPLES + 1))
        first, last = (Pose(poses.position[part], poses.rotation[part])
                       for part in (slice(None, -1), slice(1, None)))
        way, turn = first.to(last)
        self.duration_s = max(
            least_time_s(JOINT_SAMPLES * way, JOINT_SAMPLES * turn, bounds.limits),
            PEAK_SPEED * float(np.abs(self._step).max()) / bounds.joints.max_joint_speed)

    def at(self, time_s: float) -> Pose:
        """Return the pose at a time since the start; afterwards the end."""
        if time_s >= self.duration_s:
            return self.end
        return self.after(share_done(time_s, self.duration_s))

    def after(self, share: np.ndarray) -> Pose:
        """Return the pose after a share (...) of the way.

        From outside, the turn about the vertical comes back as the joints turn, not the shorter
        way round.
        """
        joints = self._joints + np.asarray(share)[..., None] * self._step
        return self._limits.upright(forward(joints, self._tool))


def way_home(start: Pose, joints: np.ndarray, measured: Pose, home: Pose,
             bounds: Bounds) -> StraightWay | JointWay:
    """Return the way from where the arm is led, near where it is.

    Args:
        start: where it is led.
        joints: measured (7,) [rad].
        measured: pose at these joints.
        home: where to; led into the limits.
        bounds: that the way keeps.

    Raises:
        NoWayHomeError: home cannot be reached.

    """
    tool = tool_of(joints, measured)
    straight = StraightWay(start, joints, tool, home, bounds)
    return straight if straight.feasible else JointWay(joints, tool, home, bounds)


def home_pose(values: dict[str, Any], limits: ArmLimits) -> Pose:
    """Return where episodes begin.

    Raises:
        ConfigError: no rotation, or outside the limits.

    """
    home = Pose.from_quaternion(values['home_position'], values['home_quaternion'])
    way, turn = home.to(limits.clamped(home))
    if np.linalg.norm(way) > 1e-9 or np.linalg.norm(turn) > 1e-6:
        raise ConfigError(f'home_position {values["home_position"]} or home_quaternion '
                          f'{values["home_quaternion"]} lies outside the box or cone; move it '
                          'inside')
    return home


def moved_home(home: Pose, offset: np.ndarray) -> Pose:
    """Return home with an offset (x, y, z, yaw) [m, rad]."""
    return home.moved(offset[:3], np.array([0, 0, offset[3]]))


def check_home(home: Pose, spread: np.ndarray, bounds: Bounds, joints: np.ndarray,
               measured: Pose) -> None:
    """See that the robot's joints reach home, with the end effector that it has now.

    Args:
        home: where episodes begin.
        spread: largest offset (4,) of home, either way, as `home_spread` gives it.
        bounds: that ways home keep.
        joints: measured (7,) [rad].
        measured: pose at these joints.

    Raises:
        ConfigError: they do not.

    """
    tool = tool_of(joints, measured)
    for signs in ((0, 0, 0, 0), *product((-1, 1), repeat=4)):
        corner = moved_home(home, np.multiply(signs, spread))
        try:
            bounds.joints_at(corner, tool)
        except NoWayHomeError as error:
            offset = f' with home_spread and home_spread_yaw {np.multiply(signs, spread).tolist()}'
            raise ConfigError(f'home_position {home.position.tolist()}{offset * any(signs)}: '
                              f'{error}') from error


def home_spread(values: dict[str, Any]) -> np.ndarray:
    """Return the largest random offset of home (x, y, z, yaw) [m, rad].

    Raises:
        ConfigError: not three lengths.

    """
    spread = np.array(values['home_spread'], float)
    if spread.shape != (3,) or not (np.isfinite(spread) & (spread >= 0)).all():
        raise ConfigError(f'home_spread is {values["home_spread"]}; three lengths [m] of 0 or '
                          'more are needed')
    return np.append(spread, values['home_spread_yaw'])
