# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The largest force of a blocked arm: the safety of people beside it depends on it."""

from dataclasses import replace

from arm_strategies import vectors
from hypothesis import given
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_control.franka.gains import FEEDFORWARD_SHARE, ArmGains

GAINS = ArmGains(
    stiffness=1000.0,
    turn_stiffness=60.0,
    damping_ratio=1.5,
    error_clip=(0.03, 0.02, 0.03),
    turn_error_clip=(0.15, 0.15, 0.1),
    posture_stiffness=5.0,
    posture=(0.0,) * 7,
)


@given(vectors, vectors)
def test_the_force_of_damping_stays_below_the_spring_s(velocity, angular_velocity):
    force = GAINS.damping * GAINS.feedforward(velocity, 3 * angular_velocity)
    assert np.linalg.norm(force[:3]) <= FEEDFORWARD_SHARE * GAINS.spring[:3].min() + 1e-9
    assert np.linalg.norm(force[3:]) <= FEEDFORWARD_SHARE * GAINS.spring[3:].min() + 1e-9
    assert (np.abs(force) + GAINS.spring <= GAINS.bound + 1e-9).all()


def test_the_feedforward_of_a_slow_setpoint_is_its_velocity():
    feedforward = GAINS.feedforward(np.array([0.1, 0, -0.05]), np.array([0.1, 0.2, 0]))
    np.testing.assert_array_equal(feedforward, [0.1, 0, -0.05, 0.1, 0.2, 0])


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'posture': (0.0,) * 6}, 'posture'),
        ({'error_clip': (0.1, 0.1)}, 'error_clip'),
        ({'stiffness': 0.0}, 'stiffness is 0.0'),
        ({'damping_ratio': -1.0}, 'damping_ratio'),
    ],
)
def test_invalid_gains_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(GAINS, **changes)
