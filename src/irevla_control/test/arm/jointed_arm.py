# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""An arm with joints under an ArmController: the joints follow the setpoint up to their stops."""

import numpy as np

from irevla_control.arm.controller import ArmController, ArmTiming, Mode
from irevla_control.arm.home_path import Bounds
from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.kinematics import forward, step_to
from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose
from irevla_control.franka.franka_node import PARAMETERS

DT = 0.02
SHIPPED = {name: parameter.default for name, parameter in PARAMETERS.items()}
LIMITS, JOINT_LIMITS = ArmLimits(), JointLimits()
BOUNDS = Bounds(LIMITS, JOINT_LIMITS, tuple(SHIPPED['home_joints']))
HOME = Pose.from_quaternion(SHIPPED['home_position'], SHIPPED['home_quaternion'])
# Between the fingertips of Franka's hand, in the flange's frame.
TOOL = np.array(
    [[0.5**0.5, 0.5**0.5, 0, 0], [-(0.5**0.5), 0.5**0.5, 0, 0], [0, 0, 1, 0.1034], [0, 0, 0, 1]]
)
HOME_JOINTS = BOUNDS.joints_at(HOME, TOOL)
# An FR3's stops.
LOW = np.array([-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159])
HIGH = np.array([2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159])


class JointedArm:
    """Controller, clock and joints."""

    def __init__(self, bounds=BOUNDS, joints=HOME_JOINTS, **timing):
        self.controller = ArmController(LIMITS, ArmTiming(**timing), bounds)
        self.joints, self.now, self.stamp = np.array(joints), 1000.0, 0
        self.blocked = False
        self.path = [self.joints]

    @property
    def pose(self):
        return forward(self.joints, TOOL)

    def run(self, seconds):
        for _ in range(round(seconds / DT)):
            self.now += DT
            setpoint = self.controller.tick(self.now, DT, self.pose, self.joints)
            if setpoint is not None and not self.blocked:
                # The posture task moves the elbow home, but slowly.
                posture = self.joints + DT * (HOME_JOINTS - self.joints)
                self.joints = np.clip(
                    step_to(self.joints, setpoint.pose, TOOL, posture), LOW, HIGH
                )
            self.path.append(self.joints)

    def command(self, translation=(0, 0, 0), turn=(0, 0, 0)):
        self.stamp += 1
        return self.controller.command(
            np.array([*translation, *turn, 1.0]),
            self.stamp,
            'base',
            self.pose,
            self.now,
            self.joints,
        )

    def reset(self, home=HOME):
        return self.controller.reset(self.pose, home, self.joints)

    def come_home(self, home=HOME, within_s=20):
        """Move home; return '' at home, else the controller's reason."""
        problem = self.reset(home)
        end = self.now + within_s
        while not problem and self.controller.mode == Mode.RESETTING and self.now < end:
            self.run(DT)
        self.stamp = 0
        if self.controller.mode != Mode.READY:
            return problem or self.controller.fault_text or f'not home after {within_s} s'
        return problem
