# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The setpoint's path is smooth and bounded, and it reaches the target."""

from dataclasses import replace

from arm_strategies import HOME, LIMITS, assert_inside, poses, tilt, turns, vectors
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from irevla_control.arm.minimum_jerk import MinimumJerk
from irevla_control.arm.setpoint import Setpoint

DT = 0.01
CORNERS = np.ones(3), -np.ones(3)
deltas = st.lists(
    st.tuples(vectors.map(lambda v: 0.05 * v), turns.map(lambda t: 0.06 * t)),
    min_size=1,
    max_size=12,
)


def follow(setpoint, deltas, ticks=10):
    """Command a delta every 0.1 s, then wait 2 s; return pose and velocities of every tick."""
    path = []
    for translation, turn in deltas:
        setpoint.step(translation, turn, setpoint.pose)
        path += [
            (setpoint.advance(DT), setpoint.velocity, setpoint.angular_velocity)
            for _ in range(ticks)
        ]
    path += [
        (setpoint.advance(DT), setpoint.velocity, setpoint.angular_velocity) for _ in range(200)
    ]
    return path


@settings(max_examples=25, deadline=None)
@given(deltas)
def test_speed_and_acceleration_stay_bounded_and_the_target_is_reached(deltas):
    setpoint = Setpoint(LIMITS, 0.05, HOME)
    path = follow(setpoint, deltas)
    speeds = np.array([[0, 0, 0, 0, 0, 0], *(np.concatenate(state[1:]) for state in path)])
    assert np.linalg.norm(speeds[:, :3], axis=1).max() <= LIMITS.max_speed + 1e-9
    assert np.linalg.norm(speeds[:, 3:], axis=1).max() <= LIMITS.max_turn_speed + 1e-9
    # At the border the limits outrank the acceleration.
    free = (
        np.array(
            [
                LIMITS.contains(state[0].translated(1e-6 * corner, np.zeros(3)))
                and tilt(state[0]) < LIMITS.max_tilt - 1e-6
                for state in path
                for corner in CORNERS
            ]
        )
        .reshape(-1, 2)
        .all(axis=1)
    )
    changes = np.diff(speeds, axis=0)[free] / DT
    assert np.linalg.norm(changes[:, :3], axis=1).max(initial=0) <= LIMITS.max_acceleration + 1e-6
    assert (
        np.linalg.norm(changes[:, 3:], axis=1).max(initial=0)
        <= LIMITS.max_turn_acceleration + 1e-6
    )
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
    assert 0 < np.linalg.norm(first.to(HOME)[0]) <= LIMITS.max_acceleration * DT**2 + 1e-12


@settings(max_examples=15, deadline=None)
@given(poses)
def test_from_any_pose_the_setpoint_moves_inside_the_limits(pose):
    setpoint = Setpoint(LIMITS, 0.05, pose)
    for _ in range(1500):
        setpoint.advance(DT)
    assert_inside(setpoint.pose, slack=1e-3)


def wide_limits(speed, acceleration):
    """Limits without a border nearby, equal for translation [m] and rotation [rad]."""
    return replace(
        LIMITS,
        box_low=(-99, -99, -99),
        box_high=(99, 99, 99),
        max_lead=50.0,
        max_lead_turn=3.0,
        max_step=20.0,
        max_step_turn=3.0,
        max_speed=speed,
        max_turn_speed=speed,
        max_acceleration=acceleration,
        max_turn_acceleration=acceleration,
    )


# Log-uniform, so that tests reach each branch of the control law and each border between two.
scales = st.floats(-2, 1).map(lambda exponent: 10**exponent)


@settings(max_examples=100, deadline=None)
@given(
    distance=scales,
    speed=scales,
    acceleration=scales,
    response_s=scales | st.just(0.0),
    dt=st.floats(-3, -1).map(lambda exponent: 10**exponent),
    start=st.floats(0, 1),
    heading=st.floats(0, 2 * np.pi),
    turns=st.booleans(),
)
def test_a_target_at_rest_is_never_overshot(
    distance, speed, acceleration, response_s, dt, start, heading, turns
):
    distance = min(distance, 3.0) if turns else distance
    line = np.array([0, 0, 1.0]) if turns else np.array([np.cos(heading), 0, np.sin(heading)])
    setpoint = Setpoint(wide_limits(speed, acceleration), response_s, HOME)
    goal = HOME.translated(
        *((np.zeros(3), distance * line) if turns else (distance * line, np.zeros(3)))
    )
    allowed = min(distance / max(response_s, dt), np.sqrt(acceleration * distance), speed)
    before = start * (allowed + acceleration * dt)
    setpoint.velocity, setpoint.angular_velocity = (
        (np.zeros(3), before * line) if turns else (before * line, np.zeros(3))
    )
    left, rounding = distance, 1e-9 * (1 + distance)
    for _ in range(60):
        pose = setpoint.advance(dt, goal)
        errors = pose.to(goal)
        now = errors[turns] @ line
        assert -rounding <= now <= left + rounding
        assert np.linalg.norm(errors[turns] - now * line) <= rounding
        velocity = (setpoint.angular_velocity if turns else setpoint.velocity) @ line
        assert -rounding <= velocity <= speed + rounding
        assert abs(velocity - before) <= acceleration * dt * (1 + 1e-9) + rounding
        left, before = now, velocity


@settings(max_examples=100, deadline=None)
@given(
    distance=scales,
    speed=scales,
    acceleration=scales,
    response_s=st.floats(-2, 0).map(lambda exponent: 10**exponent),
    steps=st.lists(st.floats(0.001, 0.01), min_size=1, max_size=20),
)
def test_steps_of_different_lengths_do_not_overshoot(
    distance, speed, acceleration, response_s, steps
):
    """A command causes a tick within a period, so a short step follows a long one."""
    setpoint = Setpoint(wide_limits(speed, acceleration), response_s, HOME)
    goal = HOME.translated(np.array([distance, 0, 0]), np.zeros(3))
    before, rounding = 0.0, 1e-9 * (1 + distance)
    for number in range(200):
        dt = steps[number % len(steps)]
        left = goal.position[0] - setpoint.advance(dt, goal).position[0]
        assert left >= -rounding
        velocity = setpoint.velocity[0]
        assert velocity <= speed + rounding
        assert abs(velocity - before) <= acceleration * dt * (1 + 1e-9) + rounding
        before = velocity


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
