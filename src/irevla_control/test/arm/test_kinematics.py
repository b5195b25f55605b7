# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Kinematics against Franka's published numbers, and against numerical derivatives."""

from jointed_arm import BOUNDS, HIGH, HOME, HOME_JOINTS, LOW, TOOL
import numpy as np
import pytest

from irevla_control.arm.kinematics import forward, jacobian, joint_frames, solved, tool_of
from irevla_control.arm.pose import Pose


def test_the_flange_at_zero_joints_is_at_the_published_pose():
    flange = joint_frames(np.zeros(7))[-1]
    np.testing.assert_allclose(
        flange[:3, 3], [0.088, 0, 0.333 + 0.316 + 0.384 - 0.107], atol=1e-12
    )
    np.testing.assert_allclose(flange[:3, :3], np.diag([1, -1, -1]), atol=1e-12)


def test_the_jacobian_is_the_derivative_of_the_pose_for_many_arms_at_once():
    joints = np.random.default_rng(0).uniform(LOW, HIGH, (20, 7))
    poses = forward(joints, TOOL)
    derivative = jacobian(joint_frames(joints), poses.position)
    for number in range(7):
        step = 1e-6 * np.eye(7)[number]
        change = np.concatenate(poses.to(forward(joints + step, TOOL)), axis=-1) / 1e-6
        np.testing.assert_allclose(derivative[..., number], change, atol=1e-5)


def test_the_tool_follows_from_joints_and_pose():
    np.testing.assert_allclose(tool_of(HOME_JOINTS, forward(HOME_JOINTS, TOOL)), TOOL, atol=1e-9)


def test_joints_are_found_near_the_posture_or_not_at_all():
    translation, rotation = forward(HOME_JOINTS, TOOL).to(HOME)
    assert np.linalg.norm(translation) < 1e-4
    assert np.linalg.norm(rotation) < 1e-3
    assert np.abs(HOME_JOINTS - BOUNDS.posture).max() < 0.7
    assert solved(Pose(np.array([0.9, 0.3, 0.5]), HOME.rotation), TOOL, HOME_JOINTS) is None


@pytest.mark.parametrize('many', [(), (3,), (2, 4)])
def test_stacks_of_arms_keep_their_shape(many):
    joints = np.broadcast_to(HOME_JOINTS, (*many, 7))
    assert joint_frames(joints).shape == (*many, 8, 4, 4)
    assert forward(joints, TOOL).position.shape == (*many, 3) if len(many) < 2 else True
