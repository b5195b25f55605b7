# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""From wherever a person or a policy left the arm, it comes home in one posture, or says why."""

from dataclasses import replace

from jointed_arm import BOUNDS, HOME, HOME_JOINTS, JOINT_LIMITS, LIMITS, LOW, TOOL, JointedArm
import numpy as np
import pytest

from irevla_control.arm.controller import FaultCode, Mode
from irevla_control.arm.kinematics import forward, step_to
from irevla_control.arm.pose import Pose
from irevla_control.arm.way_home import NoWayHomeError, check_home, way_home
from irevla_control.errors import ConfigError

# A wrist at the stop that is more than half a turn away: the shorter way back leads through it.
WOUND_UP = np.array([*HOME_JOINTS[:6], LOW[6] + 0.02])
# Reached over by hand: an elbow far to one side; and a stretched arm.
ELBOW_ASIDE = np.array([0.9, -0.4, -1.2, -2.2, -0.4, 2.0, 0.9])
# As shipped.
SPREAD = np.array([0.03, 0.03, 0.02, 0.1])
STRETCHED = np.array([-0.23, 0.84, -0.04, -0.53, 0.03, 1.24, 0.54])


def test_from_nearby_the_hand_comes_straight():
    arm = JointedArm()
    assert arm.come_home() == ''
    for _ in range(10):
        arm.command((0.01, 0.01, -0.01), (0, 0, 0.05))
        arm.run(0.1)
    assert arm.come_home() == ''
    assert arm.controller.counts['ways home in joint space'] == 0


@pytest.mark.parametrize('joints', [WOUND_UP, ELBOW_ASIDE, STRETCHED],
                         ids=['wound up', 'elbow aside', 'stretched'])
def test_from_where_the_straight_way_leads_through_a_limit_the_joints_come_home(joints):
    arm = JointedArm(joints=joints)
    assert arm.come_home() == ''
    assert arm.controller.counts['ways home in joint space'] == 1
    np.testing.assert_allclose(arm.joints, HOME_JOINTS, atol=0.3)
    path = np.array(arm.path)
    least = np.minimum(JOINT_LIMITS.distance(joints), JOINT_LIMITS.joint_margin)
    assert (JOINT_LIMITS.distance(path) >= least - 0.02).all(), 'none goes nearer to its limit'
    assert np.abs(np.diff(path, axis=0)).max() / 0.02 < 1.5 * JOINT_LIMITS.max_joint_speed


def test_the_ways_keep_box_cone_and_speeds():
    random = np.random.default_rng(0)
    for _ in range(20):
        joints = HOME_JOINTS + random.uniform(-0.8, 0.8, 7)
        pose = forward(joints, TOOL)
        way = way_home(pose, joints, pose, HOME, BOUNDS)
        if not way.joint_space:
            continue
        times = np.arange(0, way.duration_s + 0.1, 0.01)
        poses = [way.at(time_s) for time_s in times]
        steps = [one.to(two) for one, two in zip(poses, poses[1:])]
        assert max(np.linalg.norm(step) for step, _ in steps) <= LIMITS.max_speed * 0.0105
        assert max(np.linalg.norm(turn) for _, turn in steps) <= LIMITS.max_turn_speed * 0.0105
        for pose in poses:
            np.testing.assert_allclose(LIMITS.upright(pose).position, pose.position, atol=1e-9)
        assert np.linalg.norm(way.at(1e9).to(HOME)[0]) < 1e-9


def test_home_out_of_reach_is_refused_and_the_second_time_a_fault_that_can_be_recovered():
    arm = JointedArm()
    high = Pose(np.array([0.7, 0.3, 0.5]), HOME.rotation)
    assert 'out of the reach' in arm.reset(high)
    assert arm.controller.mode == Mode.IDLE
    assert 'two resets in a row failed: home is out of the reach' in arm.reset(high)
    assert arm.controller.mode == Mode.FAULT
    assert arm.controller.fault == FaultCode.CONTROL
    assert arm.controller.recover(arm.now) == ''
    assert arm.come_home() == ''


def test_resets_broken_off_for_the_same_reason_are_a_fault_with_its_cause():
    """As an episode's reset does after 30 s where held_back_s is longer."""
    arm = JointedArm(held_back_s=60.0, joints=STRETCHED)
    assert arm.reset() == ''
    arm.blocked = True
    arm.run(10)
    assert arm.reset() == ''
    arm.run(10)
    assert 'two resets in a row failed: the arm does not follow its way home, joint 4 stands ' \
        'at its limit; move the arm' in arm.reset()
    assert arm.controller.mode == Mode.FAULT
    arm.blocked = False
    assert arm.controller.recover(arm.now) == ''
    assert arm.come_home() == ''
    assert arm.come_home() == ''


def test_a_reset_after_one_that_went_well_so_far_is_no_failure():
    arm = JointedArm(joints=STRETCHED)
    for _ in range(5):
        assert arm.reset() == ''
        arm.run(0.3)
    assert arm.come_home() == ''


def test_one_failed_reset_is_forgotten_when_the_next_succeeds():
    arm = JointedArm()
    high = Pose(np.array([0.7, 0.3, 0.5]), HOME.rotation)
    for _ in range(3):
        assert 'out of the reach' in arm.reset(high)
        assert arm.come_home() == ''


def test_home_at_a_joint_s_limit_is_refused():
    bounds = replace(BOUNDS, joints=replace(JOINT_LIMITS, joint_high=(
        *JOINT_LIMITS.joint_high[:6], 0.8)))
    pose = forward(HOME_JOINTS, TOOL)
    with pytest.raises(NoWayHomeError, match='at home joint 7 stands at its limit'):
        way_home(pose, HOME_JOINTS, pose, HOME, bounds)


def test_the_end_is_the_same_posture_whatever_home_s_spread():
    random = np.random.default_rng(1)
    for _ in range(10):
        home = HOME.moved(random.uniform(-0.03, 0.03, 3),
                          np.array([0, 0, random.uniform(-0.1, 0.1)]))
        joints = BOUNDS.joints_at(home, TOOL)
        assert np.abs(joints - HOME_JOINTS).max() < 0.35
        assert JOINT_LIMITS.holds(joints)
        near = step_to(joints, home, TOOL, joints)
        assert np.abs(near - joints).max() < 1e-3


def test_a_node_whose_home_joints_do_not_fit_home_is_refused_before_anything_moves():
    pose = forward(HOME_JOINTS, TOOL)
    check_home(HOME, SPREAD, BOUNDS, HOME_JOINTS, pose)
    far = Pose(np.array([0.7, 0.3, 0.5]), HOME.rotation)
    with pytest.raises(ConfigError, match=r'home_position \[0.7, 0.3, 0.5\]: home is out of the'):
        check_home(far, np.zeros(4), BOUNDS, HOME_JOINTS, pose)
    with pytest.raises(ConfigError, match='with home_spread and home_spread_yaw'):
        check_home(HOME, np.array([0.25, 0.3, 0.2, 0]), BOUNDS, HOME_JOINTS, pose)
