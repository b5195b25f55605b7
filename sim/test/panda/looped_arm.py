# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's control loop without a node."""

import time

import numpy as np

from irevla_control.arm.controller import ArmController, ArmTiming, Mode
from irevla_control.arm.home_path import Bounds
from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import ResetRelease
from irevla_control.franka.control_loop import ArmLoop
from irevla_sim.panda.scene import HOME_JOINTS

PERIOD_S, WAIT_S = 0.01, 30
HOME = Pose.from_quaternion([0.45, 0, 0.3], [1, 0, 0, 0])
JOINT_LIMITS = JointLimits()


class LoopedArm:
    """Runs the arm's control loop without a node."""

    def __init__(self, arm, limits, period_s=PERIOD_S):
        bounds = Bounds(limits, JOINT_LIMITS, HOME_JOINTS)
        self.controller = ArmController(limits, ArmTiming(held_back_s=10.0), bounds)
        self.loop = ArmLoop(
            arm, None, self.controller, 1 / period_s, ResetRelease.HERE, 0.05, self._on_state
        )
        self.states, self.stamp = [], 0
        self.loop.start()

    def _on_state(self, state, controller):
        self.states.append(state)

    def go_home(self):
        assert self.loop.reset(HOME) == ''
        end = time.monotonic() + WAIT_S
        while self.controller.mode == Mode.RESETTING:
            assert time.monotonic() < end
            time.sleep(PERIOD_S)
        assert self.controller.mode in (Mode.READY, Mode.HOLDING), self.controller.fault_text
        self.stamp = 0

    def send(self, translation, rotation, times):
        for _ in range(times):
            self.stamp += 1
            action = np.array([*translation, *rotation, 1.0])
            assert self.loop.command(action, self.stamp, 'base') == ''
            time.sleep(0.1)

    def wait_for_tick(self):
        """Wait until a periodic tick has just ended."""
        states = len(self.states)
        while len(self.states) == states:
            time.sleep(0.001)

    def joints(self):
        return self.states[-1].joint_position
