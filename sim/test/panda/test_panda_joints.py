# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's kinematics against MuJoCo's, and its joint limits with the real franky."""

import time

from arm_settings import GAINS, LIMITS
from looped_arm import JOINT_LIMITS, PERIOD_S, WAIT_S, LoopedArm
import mujoco
import numpy as np
import pytest

from irevla_control.arm.kinematics import forward, jacobian, joint_frames, tool_of
from irevla_control.arm.pose import Pose
from irevla_control.arm.setpoint import Setpoint
from irevla_control.franka.franka_arm import FrankaArm
from irevla_sim.panda.robot import TOOL
from irevla_sim.panda.scene import HOME_JOINTS, PandaScene


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
