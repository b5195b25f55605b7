# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From deltas at 10 Hz to a smooth path: what the impedance controller is told to follow."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose


class Setpoint:
    """A pose that moves towards a target within the limits, and the target that deltas move."""

    def __init__(self, limits: ArmLimits, response_s: float, pose: Pose) -> None:
        """Rest at a pose.

        Args:
            limits: that setpoint and target never leave.
            response_s: time constant [s] in which the last part of the way is done.
            pose: where the arm is; from outside the limits it is led inside at their speeds.

        """
        self._limits, self._response_s = limits, response_s
        self.rest(pose)

    def rest(self, pose: Pose) -> None:
        """Be at this pose, without speed."""
        self.pose = pose
        self.target = self._limits.clamped(pose)
        self.velocity, self.turn_velocity = np.zeros(3), np.zeros(3)

    def step(self, translation: np.ndarray, turn: np.ndarray, measured: Pose) -> None:
        """Move the target by a delta [m] and a rotation vector [rad] in the base frame."""
        self.target = self._limits.led(measured, self.target.moved(translation, turn))

    def hold(self) -> None:
        """Come to rest as soon as the limits allow, without turning back."""
        limits = self._limits
        way, turn = (velocity * np.linalg.norm(velocity) / (2 * most) for velocity, most in (
            (self.velocity, limits.max_acceleration),
            (self.turn_velocity, limits.max_turn_acceleration)))
        # On a way home the turn about the vertical may begin outside: then the shorter way back
        # to its border can lead through a joint's limit.
        self.target = limits.upright(self.pose.moved(way, turn))

    def advance(self, dt: float, goal: Pose | None = None) -> Pose:
        """Go on for ``dt`` seconds towards the target, or a goal instead; return the new pose.

        Box and cone are never left again: at their border they outrank the acceleration.
        """
        limits = self._limits
        way, turn = self.pose.to(goal or self.target)
        self.velocity = self._approach(
            way, self.velocity, dt, limits.max_speed, limits.max_acceleration)
        self.turn_velocity = self._approach(
            turn, self.turn_velocity, dt, limits.max_turn_speed, limits.max_turn_acceleration)
        new = self.pose.moved(self.velocity * dt, self.turn_velocity * dt)
        if limits.holds(self.pose) and not limits.holds(new):
            new = limits.clamped(new)
            way, turn = self.pose.to(new)
            self.velocity, self.turn_velocity = way / dt, turn / dt
        self.pose = new
        return new

    def _approach(self, way: np.ndarray, velocity: np.ndarray, dt: float, most: float,
                  acceleration: float) -> np.ndarray:
        """Return the next velocity on a way that is left, of which the end can still be met."""
        distance = float(np.linalg.norm(way))
        # Of these the second brakes with half the acceleration, the first ever less.
        speed = min(distance / max(self._response_s, dt), np.sqrt(acceleration * distance), most)
        wanted = way / distance * speed if distance > 0 else np.zeros(3)
        change = wanted - velocity
        size = float(np.linalg.norm(change))
        if size > acceleration * dt:
            change *= acceleration * dt / size
        return velocity + change
