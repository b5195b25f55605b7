# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The setpoint's path is smooth and bounded, and it reaches the target."""

from arm_strategies import HOME, LIMITS, assert_inside, poses, tilt, turns, vectors
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from irevla_control.arm.minimum_jerk import MinimumJerk
from irevla_control.arm.setpoint import Setpoint

DT = 0.01
CORNERS = np.ones(3), -np.ones(3)
deltas = st.lists(st.tuples(vectors.map(lambda v: 0.05 * v), turns.map(lambda t: 0.06 * t)),
                  min_size=1, max_size=12)


def follow(setpoint, deltas, ticks=10):
    """Give a delta each 0.1 s, and 2 s more; return poses and velocities of every tick."""
    path = []
    for translation, turn in deltas:
        setpoint.step(translation, turn, setpoint.pose)
        path += [(setpoint.advance(DT), setpoint.velocity, setpoint.angular_velocity)
                 for _ in range(ticks)]
    path += [(setpoint.advance(DT), setpoint.velocity, setpoint.angular_velocity)
             for _ in range(200)]
    return path


@settings(max_examples=25, deadline=None)
@given(deltas)
def test_speed_and_acceleration_stay_bounded_and_the_target_is_reached(deltas):
    setpoint = Setpoint(LIMITS, 0.05, HOME)
    path = follow(setpoint, deltas)
    speeds = np.array([[0, 0, 0, 0, 0, 0], *(np.concatenate(one[1:]) for one in path)])
    assert np.linalg.norm(speeds[:, :3], axis=1).max() <= LIMITS.max_speed + 1e-9
    assert np.linalg.norm(speeds[:, 3:], axis=1).max() <= LIMITS.max_turn_speed + 1e-9
    # At the border the limits outrank the acceleration.
    free = np.array([LIMITS.contains(one[0].translated(1e-6 * corner, np.zeros(3)))
                     and tilt(one[0]) < LIMITS.max_tilt - 1e-6
                     for one in path for corner in CORNERS]).reshape(-1, 2).all(axis=1)
    changes = np.diff(speeds, axis=0)[free] / DT
    assert np.linalg.norm(changes[:, :3], axis=1).max(initial=0) <= LIMITS.max_acceleration + 1e-6
    assert np.linalg.norm(changes[:, 3:], axis=1).max(
        initial=0) <= LIMITS.max_turn_acceleration + 1e-6
    translation, rotation = setpoint.pose.to(setpoint.target)
    assert np.linalg.norm(translation) < 1e-4
    assert np.linalg.norm(rotation) < 1e-3
    for pose, *_ in path:
        assert_inside(pose)
    assert_inside(setpoint.target)


def test_the_setpoint_starts_without_a_jump():
    setpoint = Setpoint(LIMITS, 0.05, HOME)
    assert setpoint.advance(DT).to(HOME)[0] == pytest.approx(np.zeros(3))
    setpoint.step(np.array([0.02, 0, 0]), np.zeros(3), HOME)
    first = setpoint.advance(DT)
    assert 0 < np.linalg.norm(first.to(HOME)[0]) <= LIMITS.max_acceleration * DT ** 2 + 1e-12


@settings(max_examples=15, deadline=None)
@given(poses)
def test_from_any_pose_the_setpoint_moves_inside_the_limits(pose):
    setpoint = Setpoint(LIMITS, 0.05, pose)
    for _ in range(1500):
        setpoint.advance(DT)
    assert_inside(setpoint.pose, slack=1e-3)


def test_braking_does_not_reverse_the_motion():
    setpoint = Setpoint(LIMITS, 0.05, HOME)
    for _ in range(30):
        setpoint.step(np.array([0.02, 0, 0]), np.array([0, 0, 0.1]), setpoint.pose)
        setpoint.advance(DT)
    assert setpoint.velocity[0] > 0.1
    setpoint.brake()
    speeds = []
    for _ in range(100):
        setpoint.advance(DT)
        speeds.append(setpoint.velocity[0])
    assert min(speeds) > -1e-3
    assert abs(speeds[-1]) < 1e-3
    assert np.linalg.norm(setpoint.angular_velocity) < 1e-2


def test_the_lead_over_a_blocked_arm_is_limited():
    setpoint = Setpoint(LIMITS, 0.05, HOME)
    for _ in range(50):
        setpoint.step(np.array([0.02, 0, 0]), np.zeros(3), HOME)
        setpoint.advance(0.1)
    assert setpoint.pose.position[0] - HOME.position[0] <= LIMITS.max_lead + 1e-9


@settings(max_examples=25, deadline=None)
@given(poses, poses)
def test_the_path_home_is_smooth_and_reaches_its_end(start, end):
    path = MinimumJerk(start, end, LIMITS)
    assert_inside(path.end)
    assert path.at(-1).to(start)[0] == pytest.approx(np.zeros(3), abs=1e-9)
    assert path.at(path.duration_s + 1) is path.end
    times = np.arange(0, path.duration_s + 2 * DT, DT)
    steps = [path.at(a).to(path.at(b)) for a, b in zip(times, times[1:])]
    assert max(np.linalg.norm(step) for step, _ in steps) <= LIMITS.max_speed * DT * 1.001
    assert max(np.linalg.norm(turn) for _, turn in steps) <= LIMITS.max_turn_speed * DT * 1.001
