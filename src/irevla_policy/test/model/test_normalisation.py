# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_policy.model.normalisation import Statistics


def columns(size):
    """Return a strategy for (N, size) data in which some columns never vary."""
    numbers = st.floats(-10, 10, width=32)
    return (
        st.integers(2, 12)
        .flatmap(
            lambda count: st.tuples(
                arrays(np.float64, (count, size), elements=numbers), arrays(np.bool_, (size,))
            )
        )
        .map(lambda parts: np.where(parts[1], parts[0][:1], parts[0]))
    )


quick = settings(max_examples=60, deadline=None)


@quick
@given(columns(10), columns(7))
def test_sizes_count_the_dimensions_that_vary(states, actions):
    result = Statistics.from_data(states, actions)
    assert result.normalise_state(states).shape == (len(states), result.state_size)
    assert result.normalise_action(actions).shape == (len(actions), result.action_size)
    assert result.action_size == (np.ptp(actions, axis=0) > 1e-6).sum()


@quick
@given(columns(10), columns(7))
def test_states_are_standardised_and_actions_range_from_minus_one_to_one(states, actions):
    result = Statistics.from_data(states, actions)
    normal = result.normalise_state(states)
    np.testing.assert_allclose(normal.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(normal.std(0), 1, atol=1e-3)
    scaled = result.normalise_action(actions)
    if result.action_size:
        np.testing.assert_allclose(scaled.min(0), -1, atol=1e-6)
        np.testing.assert_allclose(scaled.max(0), 1, atol=1e-6)


@quick
@given(columns(10), columns(7))
def test_denormalised_actions_equal_the_original_actions(states, actions):
    result = Statistics.from_data(states, actions)
    back = result.denormalise_action(result.normalise_action(actions))
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, actions, atol=1e-5)


@quick
@given(columns(10), columns(7), st.data())
def test_every_network_output_stays_in_the_demonstrated_range(states, actions, data):
    result = Statistics.from_data(states, actions)
    output = data.draw(
        arrays(np.float32, (3, result.action_size), elements=st.floats(width=32, allow_nan=False))
    )
    action = result.denormalise_action(output)
    assert action.shape == (3, 7)
    assert (action >= actions.min(0)).all()
    assert (action <= actions.max(0)).all()


@quick
@given(columns(10), columns(7))
def test_statistics_are_exactly_the_same_after_json(states, actions):
    result = Statistics.from_data(states, actions)
    again = Statistics.from_dict(json.loads(json.dumps(result.to_dict())))
    for name in ('state_mean', 'state_std', 'action_low', 'action_high'):
        assert (getattr(again, name) == getattr(result, name)).all()


def test_constant_dimensions_are_filled_with_their_constant():
    actions = np.random.default_rng(0).uniform(-1, 1, (20, 7))
    actions[:, 3:6] = [0.1, 0.2, 0.3]
    result = Statistics.from_data(np.random.default_rng(1).normal(size=(20, 10)), actions)
    assert result.action_size == 4
    np.testing.assert_array_equal(result.denormalise_action(np.zeros(4))[3:6], [0.1, 0.2, 0.3])


def test_statistics_cannot_be_changed():
    result = Statistics.from_data(np.ones((2, 10)), np.ones((2, 7)))
    with pytest.raises(ValueError, match='read-only'):
        result.state_mean[0] = 3


@pytest.mark.parametrize(
    ('states', 'actions', 'message'),
    [
        (np.ones((2, 9)), np.ones((2, 7)), 'states of shape'),
        (np.ones((2, 10)), np.ones((2, 6)), 'actions of shape'),
        (np.ones((0, 10)), np.ones((0, 7)), 'states of shape'),
        (np.ones(10), np.ones((2, 7)), 'states of shape'),
        (np.full((2, 10), np.nan), np.ones((2, 7)), 'not finite'),
        (np.ones((2, 10)), np.full((2, 7), np.inf), 'not finite'),
    ],
)
def test_unusable_data_is_refused(states, actions, message):
    with pytest.raises(ConfigError, match=message):
        Statistics.from_data(states, actions)


@pytest.mark.parametrize(
    'changes',
    [
        {'state_mean': [0] * 9},
        {'state_std': [-1] * 10},
        {'action_low': [2] * 7},
        {'action_high': ['x'] * 7},
        {'action_high': [float('nan')] * 7},
        {'more': 1},
    ],
)
def test_unusable_stored_statistics_are_refused(changes):
    good = Statistics.from_data(np.ones((2, 10)), np.ones((2, 7))).to_dict()
    with pytest.raises(ConfigError, match='statistics'):
        Statistics.from_dict(good | changes)
