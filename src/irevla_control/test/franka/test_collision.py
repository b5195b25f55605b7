# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A controller that presses harder than the collision thresholds would trigger reflexes."""

import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_control.franka.collision import CollisionThresholds

BOUND = np.array([54.0, 54.0, 54.0, 16.2, 16.2, 16.2])
AT_JOINTS = np.array([17.0, 17.0, 18.0, 26.0, 16.0, 16.0, 16.0])


def test_a_bound_below_the_thresholds_is_accepted():
    assert CollisionThresholds().check(BOUND, AT_JOINTS, allowed=False) == ''


@pytest.mark.parametrize(
    ('changes', 'text'),
    [
        (
            {'collision_force': (60.0, 60.0, 53.0, 25.0, 25.0, 25.0)},
            'reports a collision above collision_force',
        ),
        ({'collision_force': (60.0, 60.0, 60.0, 25.0, 25.0, 16.0)}, 'turn_stiffness'),
        ({'collision_torque': (20.0,) * 7}, 'reports a collision above collision_torque'),
    ],
)
def test_a_bound_above_the_thresholds_is_refused_unless_allowed(changes, text):
    thresholds = CollisionThresholds(**changes)
    with pytest.raises(ConfigError, match=text):
        thresholds.check(BOUND, AT_JOINTS, allowed=False)
    assert text in thresholds.check(BOUND, AT_JOINTS, allowed=True)


@pytest.mark.parametrize(
    'changes',
    [
        {'collision_force': (60.0,) * 3},
        {'collision_torque': (20.0,) * 6 + (0.0,)},
        {'collision_torque': (float('nan'),) * 7},
    ],
)
def test_invalid_thresholds_are_refused_by_name(changes):
    with pytest.raises(ConfigError, match=f'{next(iter(changes))} is .* above 0 are needed'):
        CollisionThresholds(**changes)
