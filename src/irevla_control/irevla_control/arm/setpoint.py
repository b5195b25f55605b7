# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The impedance controller's setpoint: a smooth path made from deltas at 10 Hz."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose


class Setpoint:
    """A pose that follows a target within the limits; commands move the target."""

    def __init__(self, limits: ArmLimits, response_s: float, pose: Pose) -> None:
        """Start at rest.

        Args:
            limits: limits of setpoint and target.
            response_s: time constant [s] of the final approach to the target.
            pose: start; from outside the limits the setpoint moves inside at the allowed speed.

        """
        self._limits, self._response_s = limits, response_s
        self.rest(pose)

    def rest(self, pose: Pose) -> None:
        """Set pose and target to this pose, at zero velocity."""
        self.pose = pose
        self.target = self._limits.clamped(pose)
        self.velocity, self.angular_velocity = np.zeros(3), np.zeros(3)

    def step(self, translation: np.ndarray, rotation: np.ndarray, measured: Pose) -> None:
        """Move the target by a delta [m] and a rotation vector [rad] in the base frame."""
        self.target = self._limits.limit_lead(
            measured, self.target.translated(translation, rotation)
        )

    def brake(self) -> None:
        """Set the target to the nearest pose at which the setpoint can come to rest."""
        limits = self._limits
        translation, rotation = (
            velocity * np.linalg.norm(velocity) / (2 * acceleration)
            for velocity, acceleration in (
                (self.velocity, limits.max_acceleration),
                (self.angular_velocity, limits.max_turn_acceleration),
            )
        )
        # Not `clamped`: a path home may start outside the yaw range, and the shorter rotation back
        # to its border can move a joint through its limit.
        self.target = limits.upright(self.pose.translated(translation, rotation))

    def advance(self, dt: float, goal: Pose | None = None) -> Pose:
        """Move for ``dt`` seconds towards the goal, by default the target; return the new pose.

        Once inside box and cone the pose stays inside, even if the acceleration limit is exceeded.
        """
        limits = self._limits
        translation, rotation = self.pose.to(goal or self.target)
        self.velocity = self._approach(
            translation, self.velocity, dt, limits.max_speed, limits.max_acceleration
        )
        self.angular_velocity = self._approach(
            rotation,
            self.angular_velocity,
            dt,
            limits.max_turn_speed,
            limits.max_turn_acceleration,
        )
        new = self.pose.translated(self.velocity * dt, self.angular_velocity * dt)
        if limits.contains(self.pose) and not limits.contains(new):
            new = limits.clamped(new)
            translation, rotation = self.pose.to(new)
            self.velocity, self.angular_velocity = translation / dt, rotation / dt
        self.pose = new
        return new

    def _approach(
        self,
        error: np.ndarray,
        velocity: np.ndarray,
        dt: float,
        max_speed: float,
        acceleration: float,
    ) -> np.ndarray:
        """Return the next velocity towards a target at a remaining error, without overshoot.

        The law, with the distance d, the acceleration a, the speed limit v_max and
        T = max(response_s, dt): the velocity changes by at most a dt towards
        s(d) = min(d / T, sqrt(a d), v_max) in the direction of the target.

        Why it cannot overshoot a target at rest, on a straight line: let v <= s(d) + a dt, as at
        rest. The next speed is then at most s(d), and T >= dt, so the step is at most d. At the
        new distance d' >= d - s(d) dt the speed meets the condition again, because s falls by at
        most a dt in one step, branch by branch of s(d'):

        - v_max: s does not fall.
        - sqrt(a d): s - s' <= a s dt / (s + s') <= a dt, since s^2 - s'^2 <= a s dt.
        - d / T: s - s' <= s dt / T <= a dt while s <= a T, that is d <= a T^2, where this branch
          is the smaller one. From a larger d, with s <= sqrt(a d) = u >= a T:
          s - s' <= u - (u^2 / a - u dt) / T, and this is <= a dt because
          (u - a T) (u - a dt) >= 0.

        So d never grows and never changes its sign. In continuous time sqrt(a d) brakes at a / 2:
        half of the acceleration is left for errors across the line and for a target that moves.
        """
        distance = float(np.linalg.norm(error))
        speed = min(
            distance / max(self._response_s, dt), np.sqrt(acceleration * distance), max_speed
        )
        desired = error / distance * speed if distance > 0 else np.zeros(3)
        change = desired - velocity
        size = float(np.linalg.norm(change))
        if size > acceleration * dt:
            change *= acceleration * dt / size
        return velocity + change
