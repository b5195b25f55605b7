# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The measured arm stays in the box: it yields to a push, so the setpoint must move inside."""

from arm_strategies import HOME, LIMITS
import numpy as np
import pytest

from irevla_control.arm.box_guard import AHEAD_S, MOST, BoxGuard
from irevla_control.arm.controller import ArmController, ArmTiming, Mode
from irevla_control.arm.pose import Pose

DT, MASS, STIFFNESS, DAMPING, CLIP = 0.01, 4.0, 1000.0, 95.0, 0.03
FINE = 20


class Spring:
    """A mass on franky's clipped spring, which follows the controller's setpoint."""

    def __init__(self):
        self.controller = ArmController(LIMITS, ArmTiming())
        self.position, self.velocity, self.push = HOME.position.copy(), np.zeros(3), np.zeros(3)
        self.now, self.stamp, self.path = 0.0, 0, []
        self.controller.reset(self.pose, HOME)
        self.run(1.0)
        assert self.controller.mode in (Mode.READY, Mode.HOLDING)

    @property
    def pose(self):
        return Pose(self.position, HOME.rotation)

    def run(self, seconds, step=None):
        for tick in range(round(seconds / DT)):
            if step is not None and tick % 10 == 0:
                self.stamp += 1
                assert (
                    self.controller.command(
                        np.array([*step, 0, 0, 0, 1.0]), self.stamp, 'base', self.pose, self.now
                    )
                    == ''
                )
            self.now += DT
            setpoint = self.controller.tick(self.now, DT, self.pose)
            for _ in range(FINE):
                error = np.clip(setpoint.pose.position - self.position, -CLIP, CLIP)
                force = STIFFNESS * error + self.push - DAMPING * self.velocity
                self.velocity = self.velocity + DT / FINE * force / MASS
                self.position = self.position + DT / FINE * self.velocity
            self.path.append(self.position)

    def outside(self):
        """Return the largest distance outside the box since the last call [m]."""
        path, self.path = np.array(self.path), []
        return max((path - LIMITS.box_high).max(), (LIMITS.box_low - path).max())


@pytest.mark.parametrize('direction', [(1, 0, 0), (0, -1, 0), (0, 0, -1), (0.5, 0.5, -0.5)])
def test_an_arm_that_moves_against_a_face_at_full_speed_stays_inside(direction):
    arm = Spring()
    arm.run(4, 0.03 * np.array(direction))
    assert arm.outside() < 0.002
    arm.run(1, np.zeros(3))
    assert arm.outside() > -0.002, 'the whole box can be used'


def test_an_arm_that_is_pushed_out_returns_to_the_face():
    arm = Spring()
    arm.run(4, (0, 0.03, 0))
    arm.push = np.array([0, 20.0, 0])
    arm.run(1, np.zeros(3))
    assert arm.outside() < 0.02, 'the spring yields by 20 mm'
    arm.run(1, np.zeros(3))
    assert arm.outside() < 0.001
    arm.push = np.zeros(3)
    arm.run(2, np.zeros(3))
    assert -0.002 < arm.outside() < 0.005, 'the face returns when the push ends'


def test_the_inset_is_limited_to_the_spring_s_full_force():
    guard = BoxGuard(LIMITS)
    out = Pose(np.array([0.5, LIMITS.box_high[1] + 0.2, 0.3]), HOME.rotation)
    for _ in range(1000):
        guard.update(out, DT)
    assert guard.clamped(out).position[1] == pytest.approx(LIMITS.box_high[1] - MOST)
    guard.reset()
    assert guard.clamped(out) is out


@pytest.mark.parametrize('steps', [[0.01], [0.003, 0.007], [0.01, 0.01, 0.0015, 0.0085]])
def test_steps_of_different_lengths_give_the_same_prediction(steps):
    """A command causes a tick within a period, so that a short and a longer step follow."""
    speed, face = 0.25, LIMITS.box_high[0]
    guard, x = BoxGuard(LIMITS), face - 0.12
    target = Pose(np.array([face + 0.1, *HOME.position[1:]]), HOME.rotation)
    for tick in range(200):
        # The robot's state changes once per millisecond.
        seen = np.floor((x - face) / speed / 0.001) * 0.001 * speed + face
        dt = steps[tick % len(steps)]
        guard.update(Pose(np.array([seen, *HOME.position[1:]]), HOME.rotation), dt)
        x += speed * dt
        if x > face - 0.005:
            break
    # At this speed it would be outside soon, by the distance of the prediction's horizon.
    soon = AHEAD_S * speed - (face - seen)
    assert face - guard.clamped(target).position[0] == pytest.approx(soon, abs=0.001)
