# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""No command moves a joint to its limit: a real robot stops there and cannot move home."""

from dataclasses import replace

from jointed_arm import (
    BOUNDS,
    HOME,
    HOME_JOINTS,
    JOINT_LIMITS,
    LIMITS,
    TOOL,
    JointedArm,
)
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from irevla_control.arm.controller import Mode
from irevla_control.arm.home_path import home_path
from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.kinematics import forward, step_to
from irevla_control.arm.limits import clip_norm
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError

ARMS, COMMANDS, COMMAND_S = 100, 2000, 0.1


@pytest.fixture
def arm():
    arm = JointedArm()
    assert arm.come_home() == ''
    return arm


@pytest.mark.parametrize('sign', [-1, 1])
@pytest.mark.parametrize('aside', [(0.0, 0.02, 0.0), (0.0, -0.02, 0.0)])
def test_a_wound_up_wrist_stops_before_its_limit_and_returns_home(arm, sign, aside):
    for _ in range(60):
        assert arm.command(aside, (0, 0, 0.1 * sign)) == ''
        arm.run(0.1)
    assert JOINT_LIMITS.distance(np.array(arm.path)).min() > JOINT_LIMITS.joint_margin - 0.02
    assert abs(LIMITS.yaw(arm.pose)) < LIMITS.max_yaw + 0.01
    assert (
        arm.controller.counts['commands shortened by max_yaw']
        + arm.controller.counts['commands shortened by joint limits']
        > 10
    )
    assert arm.come_home() == ''
    np.testing.assert_allclose(arm.joints, HOME_JOINTS, atol=0.2)


def test_a_joint_is_slowed_before_it_stops_and_moves_back_freely():
    """Without a yaw limit joint 7 reaches its soft limit."""
    limits = replace(LIMITS, max_yaw=np.pi)
    arm = JointedArm(replace(BOUNDS, limits=limits))
    arm.controller.limits = limits
    assert arm.come_home() == ''
    arm.controller._setpoint._limits = limits
    turned = []
    for _ in range(60):
        before = arm.joints[6]
        arm.command(turn=(0, 0, -0.1))
        arm.run(0.1)
        turned.append(arm.joints[6] - before)
    stop = JOINT_LIMITS.joint_high[6] - JOINT_LIMITS.joint_margin
    assert stop - 0.05 < arm.joints[6] < stop + 0.01
    assert turned[-1] < 0.005 < 0.08 < max(turned)
    assert arm.controller.counts['commands shortened by joint limits'] > 10
    position = arm.pose.position
    # Motion that does not approach the limit is not shortened, nor is motion away from it.
    for _ in range(10):
        arm.command((0, 0, 0.01), (0, 0, -0.1))
        arm.run(0.1)
    arm.run(0.2)
    assert arm.pose.position[2] - position[2] > 0.08
    before = arm.joints[6]
    for _ in range(10):
        arm.command(turn=(0, 0, 0.1))
        arm.run(0.1)
    assert before - arm.joints[6] > 0.8


def test_an_elbow_is_not_stretched_out(arm):
    """Forces at the hand of a stretched arm give no elbow torque, so it could not bend again."""
    for direction in ((0.02, 0.02, 0.02), (0.02, -0.02, 0.02), (0.02, 0, 0.02)):
        for _ in range(40):
            arm.command(direction)
            arm.run(0.1)
        assert arm.joints[3] < JOINT_LIMITS.joint_high[3] - JOINT_LIMITS.joint_margin + 0.02
        assert arm.come_home() == ''


def test_random_commands_never_reach_a_limit_and_each_arm_returns_home():
    """100 arms at once, 2000 commands each, of the largest allowed size."""
    random = np.random.default_rng(0)
    joints = np.tile(HOME_JOINTS, (ARMS, 1))
    target = stacked(HOME)
    # Exploration with a bias: each arm moves in another direction on average.
    drift = random.normal(0, 0.3, (ARMS, 6))
    least, count = np.full(7, np.inf), 0
    for _ in range(COMMANDS):
        delta = np.clip(drift + random.normal(0, 1, (ARMS, 6)), -1, 1)
        measured = forward(joints, TOOL)
        target = LIMITS.limit_lead(
            measured,
            target.translated(
                LIMITS.max_step / 3**0.5 * delta[:, :3],
                LIMITS.max_step_turn / 3**0.5 * delta[:, 3:],
            ),
        )
        target, shortened = JOINT_LIMITS.limit_lead(joints, measured, target)
        target = LIMITS.clamped(target)
        count += shortened.sum()
        # Motion until the next command; the node applies the limits ten times as often.
        translation, rotation = measured.to(target)
        reached = measured.translated(
            clip_norm(translation, COMMAND_S * LIMITS.max_speed),
            clip_norm(rotation, COMMAND_S * LIMITS.max_turn_speed),
        )
        joints = step_to(joints, reached, TOOL, joints + 0.1 * (HOME_JOINTS - joints))
        least = np.minimum(least, JOINT_LIMITS.distance(joints).min(0))
        assert LIMITS.contains(target).all()
    print(
        f'least distance of each joint to its limit: {least.round(3)} rad; '
        f'{count / (ARMS * COMMANDS):.1%} of the commands were shortened by joint limits'
    )
    assert least.min() > JOINT_LIMITS.joint_margin / 2
    assert count > 100, 'the commands should reach the limits'
    straight, least_home = 0, np.inf
    for start in joints:
        pose = forward(start, TOOL)
        path = home_path(pose, start, pose, HOME, BOUNDS)
        straight += not path.joint_space
        end, distance = follow_home(start, path)
        least_home = min(least_home, distance)
        np.testing.assert_allclose(end, HOME_JOINTS, atol=0.3)
    print(f'{straight} paths home were straight; least distance on them {least_home:.3f} rad')
    assert least_home > 0
    assert straight < ARMS


def follow_home(joints, path):
    """Follow a path home; return the joints at its end and their least distance to a limit."""
    least = np.inf
    for time_s in np.linspace(0, path.duration_s, 40):
        joints = step_to(joints, path.at(time_s), TOOL, joints + 0.1 * (HOME_JOINTS - joints))
        least = min(least, JOINT_LIMITS.distance(joints).min())
    return joints, least


def stacked(pose):
    return Pose(
        np.tile(pose.position, (ARMS, 1)), Rotation.from_quat(np.tile(pose.quaternion, (ARMS, 1)))
    )


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'joint_low': (0.0,) * 6}, 'joint_low is .*; 7 finite angles'),
        ({'joint_high': (float('nan'),) * 7}, 'joint_high is .*; 7 finite angles'),
        ({'joint_margin': 0.0}, 'joint_margin is 0.0'),
        ({'joint_high': JOINT_LIMITS.joint_low}, 'leave no room .* in joint'),
    ],
)
def test_invalid_joint_limits_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        JointLimits(**{**vars(JOINT_LIMITS), **changes})


def test_controller_without_bounds_moves_home():
    """A controller without bounds limits the end effector only."""
    arm = JointedArm(bounds=None)
    assert arm.come_home() == ''
    assert arm.controller.mode == Mode.READY
