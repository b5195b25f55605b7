# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Limits apply to any pose; a gap in them lets the arm crash into the table."""

from dataclasses import replace

from arm_strategies import HOME, LIMITS, assert_inside, poses, tilt, turns, vectors
from hypothesis import given
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError


@given(poses)
def test_any_pose_is_clamped_into_box_and_cone_and_stays_there(pose):
    inside = LIMITS.clamped(pose)
    assert_inside(inside)
    translation, rotation = inside.to(LIMITS.clamped(inside))
    assert np.linalg.norm(translation) == 0
    assert np.linalg.norm(rotation) < 1e-6


@given(poses)
def test_clamping_rotates_no_further_than_to_the_edge_of_the_cone(pose):
    _, rotation = pose.to(LIMITS.clamped(pose))
    assert np.linalg.norm(rotation) == pytest.approx(
        max(0, tilt(pose) - LIMITS.max_tilt), abs=1e-6
    )


def test_straight_up_is_clamped_into_the_cone():
    assert_inside(LIMITS.clamped(Pose(HOME.position, Rotation.identity())))


@given(poses, vectors, turns)
def test_to_and_translated_are_inverse_across_half_turns(pose, translation, turn):
    moved, back = pose.to(pose.translated(translation, turn))
    np.testing.assert_allclose(moved, translation, atol=1e-9)
    assert np.linalg.norm(back) <= np.pi + 1e-9
    between = (Rotation.from_rotvec(back) * Rotation.from_rotvec(turn).inv()).magnitude()
    assert between < 1e-6
    twist = pose.twist_to(pose.translated(translation, turn), 0.5)
    np.testing.assert_allclose(twist * 0.5, [*moved, *back], atol=1e-9)


@given(poses, vectors, turns)
def test_the_lead_of_a_target_is_limited(measured, translation, turn):
    inside = LIMITS.clamped(measured)
    target = LIMITS.limit_lead(inside, inside.translated(translation, turn))
    lead, turned = inside.to(target)
    assert np.linalg.norm(lead) <= LIMITS.max_lead + 1e-9
    assert np.linalg.norm(turned) <= LIMITS.max_lead_turn * 1.001
    assert_inside(target)


def test_a_quaternion_that_is_no_rotation_is_refused():
    with pytest.raises(ConfigError, match='length 0.5; 1 is needed'):
        Pose.from_quaternion(np.zeros(3), [0, 0, 0, 0.5])
    with pytest.raises(ConfigError, match='length nan'):
        Pose.from_quaternion(np.zeros(3), [0, 0, float('nan'), 1])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'box_low': (0.3, 0.3, 0.0)}, 'not below box_high'),
        ({'box_low': (0.3, float('nan'), 0.0)}, 'three finite numbers'),
        ({'max_tilt': 2.0}, 'from 0 to pi/2'),
        ({'max_speed': 0.0}, 'max_speed is 0.0'),
        ({'max_acceleration': float('inf')}, 'max_acceleration is inf'),
    ],
)
def test_invalid_limits_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(LIMITS, **changes)


def test_a_lower_corner_at_zero_is_a_limit():
    limits = replace(LIMITS, box_low=(0.3, -0.3, 0.0))
    low = limits.clamped(Pose(np.array([0.5, 0.0, -0.1]), HOME.rotation))
    assert low.position[2] == 0
