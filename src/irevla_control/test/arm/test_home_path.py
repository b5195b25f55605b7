# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From any posture the arm returns home in one posture, or a reset gives the reason."""

from dataclasses import replace

from jointed_arm import BOUNDS, HOME, HOME_JOINTS, JOINT_LIMITS, LIMITS, LOW, TOOL, JointedArm
import numpy as np
import pytest

from irevla_control.arm.controller import FaultCode, Mode
from irevla_control.arm.home_path import NoHomePathError, check_home, home_path
from irevla_control.arm.kinematics import forward, step_to
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError

# Wrist at the stop more than half a turn from home: the shorter rotation passes through the stop.
WOUND_UP = np.array([*HOME_JOINTS[:6], LOW[6] + 0.02])
# Postures after guiding by hand: elbow far to one side; stretched arm.
ELBOW_ASIDE = np.array([0.9, -0.4, -1.2, -2.2, -0.4, 2.0, 0.9])
STRETCHED = np.array([-0.23, 0.84, -0.04, -0.53, 0.03, 1.24, 0.54])
# Default home_spread and home_spread_yaw.
SPREAD = np.array([0.03, 0.03, 0.02, 0.1])


def test_from_nearby_the_path_home_is_straight():
    arm = JointedArm()
    assert arm.come_home() == ''
    for _ in range(10):
        arm.command((0.01, 0.01, -0.01), (0, 0, 0.05))
        arm.run(0.1)
    assert arm.come_home() == ''
    assert arm.controller.counts['joint-space paths home'] == 0


@pytest.mark.parametrize(
    'joints', [WOUND_UP, ELBOW_ASIDE, STRETCHED], ids=['wound up', 'elbow aside', 'stretched']
)
def test_where_the_straight_path_meets_a_joint_limit_the_joint_path_is_used(joints):
    arm = JointedArm(joints=joints)
    assert arm.come_home() == ''
    assert arm.controller.counts['joint-space paths home'] == 1
    np.testing.assert_allclose(arm.joints, HOME_JOINTS, atol=0.3)
    path = np.array(arm.path)
    least = np.minimum(JOINT_LIMITS.distance(joints), JOINT_LIMITS.joint_margin)
    assert (JOINT_LIMITS.distance(path) >= least - 0.02).all(), 'no joint approaches its limit'
    assert np.abs(np.diff(path, axis=0)).max() / 0.02 < 1.5 * JOINT_LIMITS.max_joint_speed


def test_joint_paths_keep_box_cone_and_speeds():
    random = np.random.default_rng(0)
    for _ in range(20):
        joints = HOME_JOINTS + random.uniform(-0.8, 0.8, 7)
        pose = forward(joints, TOOL)
        path = home_path(pose, joints, pose, HOME, BOUNDS)
        if not path.joint_space:
            continue
        times = np.arange(0, path.duration_s + 0.1, 0.01)
        poses = [path.at(time_s) for time_s in times]
        steps = [a.to(b) for a, b in zip(poses, poses[1:])]
        assert max(np.linalg.norm(step) for step, _ in steps) <= LIMITS.max_speed * 0.0105
        assert max(np.linalg.norm(turn) for _, turn in steps) <= LIMITS.max_turn_speed * 0.0105
        for pose in poses:
            np.testing.assert_allclose(LIMITS.upright(pose).position, pose.position, atol=1e-9)
        assert np.linalg.norm(path.at(1e9).to(HOME)[0]) < 1e-9


def test_home_out_of_reach_is_refused_and_twice_in_a_row_is_a_recoverable_fault():
    arm = JointedArm()
    high = Pose(np.array([0.7, 0.3, 0.5]), HOME.rotation)
    assert 'out of reach' in arm.reset(high)
    assert arm.controller.mode == Mode.IDLE
    assert 'two resets in a row failed: home is out of reach' in arm.reset(high)
    assert arm.controller.mode == Mode.FAULT
    assert arm.controller.fault == FaultCode.CONTROL
    assert arm.controller.recover(arm.now) == ''
    assert arm.come_home() == ''


def test_two_resets_replaced_while_blocked_for_the_same_reason_are_a_fault():
    """robot_episode calls again after 30 s, where held_back_s may be longer."""
    arm = JointedArm(held_back_s=60.0, joints=STRETCHED)
    assert arm.reset() == ''
    arm.blocked = True
    arm.run(10)
    assert arm.reset() == ''
    arm.run(10)
    assert (
        'two resets in a row failed: the arm does not follow its path home, joint 4 is at '
        'its limit; move the arm' in arm.reset()
    )
    assert arm.controller.mode == Mode.FAULT
    arm.blocked = False
    assert arm.controller.recover(arm.now) == ''
    assert arm.come_home() == ''
    assert arm.come_home() == ''


def test_replacing_a_reset_that_is_not_blocked_is_no_failure():
    arm = JointedArm(joints=STRETCHED)
    for _ in range(5):
        assert arm.reset() == ''
        arm.run(0.3)
    assert arm.come_home() == ''


def test_one_failed_reset_is_forgotten_when_the_next_succeeds():
    arm = JointedArm()
    high = Pose(np.array([0.7, 0.3, 0.5]), HOME.rotation)
    for _ in range(3):
        assert 'out of reach' in arm.reset(high)
        assert arm.come_home() == ''


def test_home_at_a_joint_s_limit_is_refused():
    bounds = replace(
        BOUNDS, joints=replace(JOINT_LIMITS, joint_high=(*JOINT_LIMITS.joint_high[:6], 0.8))
    )
    pose = forward(HOME_JOINTS, TOOL)
    with pytest.raises(NoHomePathError, match='at home joint 7 is at its limit'):
        home_path(pose, HOME_JOINTS, pose, HOME, bounds)


def test_the_posture_at_the_end_does_not_depend_on_home_s_offset():
    random = np.random.default_rng(1)
    for _ in range(10):
        home = HOME.translated(
            random.uniform(-0.03, 0.03, 3), np.array([0, 0, random.uniform(-0.1, 0.1)])
        )
        joints = BOUNDS.joints_at(home, TOOL)
        assert np.abs(joints - HOME_JOINTS).max() < 0.35
        assert JOINT_LIMITS.contains(joints)
        near = step_to(joints, home, TOOL, joints)
        assert np.abs(near - joints).max() < 1e-3


def test_home_that_the_joints_do_not_reach_is_refused_before_any_motion():
    pose = forward(HOME_JOINTS, TOOL)
    check_home(HOME, SPREAD, BOUNDS, HOME_JOINTS, pose)
    far = Pose(np.array([0.7, 0.3, 0.5]), HOME.rotation)
    with pytest.raises(ConfigError, match=r'home_position \[0.7, 0.3, 0.5\]: home is out of'):
        check_home(far, np.zeros(4), BOUNDS, HOME_JOINTS, pose)
    with pytest.raises(ConfigError, match='with home_spread and home_spread_yaw'):
        check_home(HOME, np.array([0.25, 0.3, 0.2, 0]), BOUNDS, HOME_JOINTS, pose)
