# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's kinematics against MuJoCo's, and its joint limits with the real franky."""

import time

from arm_settings import GAINS, LIMITS
import mujoco
import numpy as np
import pytest

from irevla_control.arm.controller import ArmController, ArmTiming, Mode
from irevla_control.arm.home_path import Bounds
from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.kinematics import forward, jacobian, joint_frames, tool_of
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import ResetRelease
from irevla_control.arm.setpoint import Setpoint
from irevla_control.franka.control_loop import ArmLoop
from irevla_control.franka.franka_arm import FrankaArm
from irevla_sim.panda.robot import TOOL
from irevla_sim.panda.scene import HOME_JOINTS, PandaScene

PERIOD_S, WAIT_S = 0.01, 30
HOME = Pose.from_quaternion([0.45, 0, 0.3], [1, 0, 0, 0])
JOINT_LIMITS = JointLimits()


def test_kinematics_are_those_of_the_model():
    scene = PandaScene()
    scene.init()
    scene.start()
    robot, model, data = scene.robot, scene.model, scene.data
    hand = model.body('robot0_hand').id
    dofs = [int(model.joint(f'robot0_fr3_joint{number}').dofadr[0]) for number in range(1, 8)]
    random, tool = np.random.default_rng(0), None
    for _ in range(20):
        joints = np.array(HOME_JOINTS) + random.uniform(-0.6, 0.6, 7)
        robot._q[:] = joints
        mujoco.mj_forward(model, data)
        pose = Pose.from_matrix(robot._pose())
        tool = tool_of(joints, pose) if tool is None else tool
        translation, rotation = pose.to(forward(joints, tool))
        assert np.linalg.norm(translation) < 1e-6
        assert np.linalg.norm(rotation) < 1e-6
        rows = np.zeros((2, 3, model.nv))
        mujoco.mj_jac(model, data, rows[0], rows[1], pose.position, hand)
        np.testing.assert_allclose(
            jacobian(joint_frames(joints), pose.position), rows.reshape(6, -1)[:, dofs], atol=1e-6
        )
    assert tool[2, 3] == pytest.approx(TOOL[2], abs=1e-6)


class LoopedArm:
    """Runs the arm's control loop without a node."""

    def __init__(self, arm, limits):
        bounds = Bounds(limits, JOINT_LIMITS, HOME_JOINTS)
        self.controller = ArmController(limits, ArmTiming(held_back_s=10.0), bounds)
        self.loop = ArmLoop(
            arm, None, self.controller, 1 / PERIOD_S, ResetRelease.HERE, 0.05, self._on_state
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

    def joints(self):
        return self.states[-1].joint_position


def rotate_wrist(arm, until):
    """Rotate the wrist until joint 7 is at ``until`` [rad], without the suite's joint limits."""
    setpoint = Setpoint(LIMITS, 0.05, arm.read().pose)
    end = time.monotonic() + WAIT_S
    while (state := arm.read()).joint_position[6] > until:
        assert time.monotonic() < end, state.joint_position
        setpoint.step(np.zeros(3), np.array([0, 0, 0.05]), state.pose)
        setpoint.advance(PERIOD_S)
        arm.follow(setpoint)
        time.sleep(PERIOD_S)
    arm.rest()
    while not arm.resting:
        arm.read()
        time.sleep(PERIOD_S)


def test_a_wrist_at_its_stop_returns_home_and_is_kept_from_the_stop_afterwards(panda):
    """The shorter rotation moves joint 7 through its limit, a reflex on a real robot."""
    limits = LIMITS.__class__(**{**vars(LIMITS), 'max_yaw': 1.2})
    arm = FrankaArm(panda.address, GAINS, realtime=False)
    rotate_wrist(arm, -2.9)
    robot = LoopedArm(arm, limits)
    try:
        robot.go_home()
        assert robot.controller.counts['joint-space paths home'] == 1
        at_home = robot.joints()
        distance = JOINT_LIMITS.distance(np.array([one.joint_position for one in robot.states]))
        assert distance.min() > distance[0].min() - 0.05
        del robot.states[:]
        # Far forward, aside and up with a rotating wrist, as an exploring policy may move.
        robot.send((0.028, -0.028, 0.028), (0, 0, -0.2), 20)
        counts = robot.loop.counts()
        assert counts['commands shortened by max_yaw'] > 2
        assert counts['commands shortened by joint limits'] > 2
        robot.go_home()
        np.testing.assert_allclose(robot.joints(), at_home, atol=0.15)
        distance = JOINT_LIMITS.distance(np.array([one.joint_position for one in robot.states]))
        print(f'least distance to a limit: {distance.min(0).round(3)} rad')
        assert distance.min() > 0
        position = np.array([one.pose.position for one in robot.states])
        assert (position <= np.array(limits.box_high) + 0.004).all(), 'it is in the box'
        assert (position >= np.array(limits.box_low) - 0.004).all(), 'it is in the box'
    finally:
        robot.loop.close()
