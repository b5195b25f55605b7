# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Joining by stamp: an old image with a new state would be a wrong training example."""

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from irevla_control.observation import ObservationBuffer, action_problem, rotation_to_columns

IMAGE = np.zeros((2, 2, 3), np.uint8)
STATE = np.zeros(10)


@given(
    st.permutations([(part, stamp) for part in ('front', 'wrist', 'state') for stamp in (1, 2)])
)
def test_exact_joining_never_mixes_stamps_in_any_order_of_arrival(arrivals):
    buffer = ObservationBuffer(('front', 'wrist'))
    for part, stamp in arrivals:
        value = np.full(10, stamp) if part == 'state' else np.full_like(IMAGE, stamp)
        observation = buffer.add(part, stamp, value)
        if observation is not None:
            assert (
                {observation.stamp}
                == set(observation.state)
                == set(np.unique([*observation.images.values()]))
            )


def test_an_observation_is_given_once():
    buffer = ObservationBuffer(('front',))
    buffer.add('state', 7, STATE)
    assert buffer.add('front', 7, IMAGE).stamp == 7
    assert buffer.add('front', 7, IMAGE) is None
    assert buffer.add('state', 7, STATE) is None


def test_skew_joins_sensors_with_different_stamps():
    buffer = ObservationBuffer(('front', 'wrist'), max_skew_s=0.02)
    buffer.add('wrist', 90_000_000, IMAGE)
    buffer.add('state', 104_000_000, STATE)
    assert buffer.add('front', 105_000_000, IMAGE).stamp == 105_000_000
    buffer.add('state', 150_000_000, STATE)
    assert buffer.add('front', 151_000_000, IMAGE) is None, 'the wrist image is 61 ms old'


def test_no_sample_after_the_stamp_joins_so_that_a_bag_gives_the_same():
    buffer = ObservationBuffer(('front', 'wrist'), max_skew_s=0.05)
    for stamp in (70, 80, 90, 100, 110, 120):
        buffer.add('state', stamp * 1_000_000, np.full(10, stamp))
    buffer.add('wrist', 75_000_000, np.full_like(IMAGE, 75))
    # The image arrives later than the state.
    observation = buffer.add('front', 101_000_000, IMAGE)
    assert observation.state[0] == 100
    assert observation.images['wrist'].max() == 75


def test_missing_parts_are_named():
    buffer = ObservationBuffer(('front', 'wrist'))
    buffer.add('front', 1, IMAGE)
    assert buffer.missing() == ['wrist', 'state']


def test_after_clearing_stamps_may_be_older():
    buffer = ObservationBuffer(('front',))
    buffer.add('state', 9, STATE)
    buffer.add('front', 9, IMAGE)
    buffer.clear()
    buffer.add('state', 1, STATE)
    assert buffer.add('front', 1, IMAGE).stamp == 1


def test_a_restarted_environment_may_set_its_clock_back():
    buffer = ObservationBuffer(('front', 'wrist'))
    for stamp in (8, 9, 1, 2):
        buffer.add('front', stamp, IMAGE)
        buffer.add('state', stamp, STATE)
        assert buffer.add('wrist', stamp, IMAGE).stamp == stamp


def test_unknown_part_is_refused_by_name():
    with pytest.raises(ValueError, match='side'):
        ObservationBuffer(('front',)).add('side', 1, IMAGE)


@given(
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1)
)
def test_rotation_columns_are_orthonormal_and_equal_for_both_signs(quaternion):
    quaternion = np.array(quaternion) / np.linalg.norm(quaternion)
    columns = rotation_to_columns(quaternion).reshape(2, 3)
    assert np.allclose(columns @ columns.T, np.eye(2), atol=1e-9)
    assert np.allclose(rotation_to_columns(-quaternion).reshape(2, 3), columns)


def test_rotation_columns_of_a_quarter_turn_about_z():
    half = np.sqrt(0.5)
    assert np.allclose(rotation_to_columns(np.array([0, 0, half, half])), [0, 1, 0, -1, 0, 0])


@pytest.mark.parametrize(
    'action, word',
    [
        (np.zeros(4), 'shape'),
        (np.full(7, np.nan), 'finite'),
        (np.array([0, 0, 0, 0, 0, 0, 1.2]), 'gripper'),
    ],
)
def test_unusable_actions_are_named(action, word):
    assert word in action_problem(action)


def test_a_usable_action_has_no_problem():
    assert action_problem(np.array([0.01, 0, 0, 0, 0, 0, 1.0])) == ''
