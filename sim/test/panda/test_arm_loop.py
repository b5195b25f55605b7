# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""When the arm's loop sends setpoints, with the real franky."""

import time

from arm_settings import GAINS, LIMITS
from looped_arm import LoopedArm
import numpy as np
import pytest

from irevla_control.franka.franka_arm import FrankaArm

# Longer than on a robot, so that a wait for the next period is seen.
PERIOD_S = 0.1


class TimedArm(FrankaArm):
    """Records when it gets a setpoint with a changed target, and when it has to rest."""

    def __init__(self, address):
        super().__init__(address, GAINS, realtime=False)
        self.target, self.changed, self.rested = np.zeros(3), [], []

    def follow(self, setpoint):
        super().follow(setpoint)
        if not np.array_equal(setpoint.target.position, self.target):
            self.target = setpoint.target.position
            self.changed.append(time.monotonic())

    def rest(self):
        if not self.resting:
            self.rested.append(time.monotonic())
        super().rest()


@pytest.fixture
def timed(panda):
    arm = TimedArm(panda.address)
    robot = LoopedArm(arm, LIMITS, PERIOD_S)
    robot.go_home()
    yield robot, arm
    robot.loop.close()


def test_a_command_a_hold_and_a_stop_do_not_wait_for_the_next_period(timed):
    robot, arm = timed
    random = np.random.default_rng(0)
    waits, states, began = [], len(robot.states), time.monotonic()
    for number in range(20):
        time.sleep(random.uniform(0.05, 0.05 + PERIOD_S))
        robot.stamp += 1
        way = 0.004 if number // 5 % 2 else -0.004
        before, sent = len(arm.changed), time.monotonic()
        assert robot.loop.command(np.array([0, way, 0, 0, 0, 0, 1.0]), robot.stamp, 'base') == ''
        time.sleep(0.04)
        waits.append((arm.changed[before] - sent) if len(arm.changed) > before else np.inf)
    # Without the wake, 12 of 20 wait longer than 0.04 s.
    assert np.median(waits) < 0.02
    assert sum(wait < 0.04 for wait in waits) >= 18
    # The periodic ticks keep their rate.
    periods = (time.monotonic() - began) / PERIOD_S
    assert len(robot.states) - states == pytest.approx(periods, abs=3)
    # Hold, then stop, just after a periodic tick.
    robot.send((0, 0.03, 0), (0, 0, 0), 1)
    robot.wait_for_tick()
    before, sent = len(arm.changed), time.monotonic()
    robot.loop.hold()
    time.sleep(0.04)
    assert arm.changed[before] - sent < 0.04
    robot.wait_for_tick()
    sent = time.monotonic()
    robot.loop.emergency_stop()
    time.sleep(0.04)
    assert arm.rested and arm.rested[0] - sent < 0.04
