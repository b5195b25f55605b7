# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""With chunks a row of the replay has what was executed from one latent to another."""

from hypothesis import given, settings
from hypothesis import strategies as st
from latent_episodes import ACTIONS, STATES, TOKENS, WIDTH, episode
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_learner.replay.latent_replay import LatentReplay

DISCOUNT = 0.9


def chunked(one, passes):
    """Return the episode with latents of these observations only, and of its last one."""
    passes = np.array(passes)
    kept = [*passes, *range(len(one.actions), len(one.latents))]
    changes = {'latents': one.latents[kept], 'proprioception': one.proprioception[kept]}
    return episode_with(one, changes | {'encoded': passes})


def episode_with(one, changes):
    return type(one)(**{name: getattr(one, name) for name in one.__dataclass_fields__} | changes)


def open_chunked(folder, size, capacity=60):
    return LatentReplay(
        folder,
        backbone_hash='abc',
        tokens=TOKENS,
        width=WIDTH,
        state_size=STATES,
        action_size=ACTIONS,
        capacity=capacity,
        chunk_size=size,
    )


def test_a_transition_goes_from_one_pass_to_the_next(tmp_path):
    one = episode(7, 1)
    one = episode_with(one, {'rewards': np.arange(1, 8, dtype=np.float32)})
    replay = open_chunked(tmp_path, 3)
    replay.add(chunked(one, [0, 3, 6]))
    np.testing.assert_array_equal(replay.usable(1), [0, 1, 2])
    drawn = replay.transitions(np.array([0, 1, 2]), 1, DISCOUNT)
    np.testing.assert_array_equal(drawn.next_rows, [1, 2, 3])
    np.testing.assert_allclose(drawn.rewards, [1 + 0.9 * 2 + 0.81 * 3, 4 + 0.9 * 5 + 0.81 * 6, 7])
    np.testing.assert_allclose(drawn.discounts, [0.9**3, 0.9**3, 0.9])
    np.testing.assert_array_equal(replay.actions(0), one.actions[:3].ravel())
    np.testing.assert_array_equal(replay.proprioception(3), one.proprioception[7])
    # The last chunk has one action; the others were not executed.
    np.testing.assert_array_equal(replay.actions(2), [*one.actions[6], 0, 0, 0, 0])
    np.testing.assert_array_equal(
        replay.executed(np.array([1, 2])), [[True] * 6, [True] * 2 + [False] * 4]
    )


def test_two_rows_of_a_transition_have_the_actions_of_both(tmp_path):
    one = episode_with(episode(6, 1), {'rewards': np.ones(6, np.float32)})
    replay = open_chunked(tmp_path, 2)
    replay.add(chunked(one, [0, 2, 4]))
    drawn = replay.transitions(np.array([0, 1, 2]), 2, DISCOUNT)
    np.testing.assert_array_equal(drawn.next_rows, [2, 3, 3])
    np.testing.assert_allclose(drawn.rewards, [sum(0.9**step for step in range(4))] * 2 + [1.9])
    np.testing.assert_allclose(drawn.discounts, [0.9**4, 0.9**4, 0.9**2])


def test_what_a_person_did_within_a_chunk_counts(tmp_path):
    """The person acts at observations 2 to 4 of a chunk of 4; each next one has a pass."""
    one = episode(8, 2, human=[2, 3, 4])
    replay = open_chunked(tmp_path, 4)
    replay.add(chunked(one, [0, 3, 4, 5]))
    rows = np.arange(4)
    lengths = replay.executed(rows).reshape(4, 4, ACTIONS).all(2).sum(1)
    # From observation 0 on to that of number 4; from 3 and 4 to the last one with a pass.
    np.testing.assert_array_equal(lengths, [4, 2, 4, 3])
    np.testing.assert_array_equal(replay.actions(0), one.actions[:4].ravel())
    np.testing.assert_array_equal(replay.transitions(rows, 1, 1.0).next_rows, [2, 3, 4, 4])
    np.testing.assert_array_equal(replay.usable(1, demonstrations=True), [0, 1, 2])


def test_success_within_a_chunk_ends_its_value(tmp_path):
    one = episode(5, 3, closed=True, terminated=True)
    replay = open_chunked(tmp_path, 3)
    replay.add(chunked(one, [0, 3]))
    drawn = replay.transitions(np.array([0, 1]), 1, DISCOUNT)
    np.testing.assert_allclose(drawn.discounts, [0.9**3, 0])
    np.testing.assert_allclose(drawn.rewards, [0, 0.9])


def test_without_the_last_latent_its_value_is_not_used(tmp_path):
    replay = open_chunked(tmp_path, 3)
    replay.add(chunked(episode(5, 3, closed=True), [0, 3]))
    np.testing.assert_array_equal(replay.usable(1), [0])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 9), st.integers(2, 4), st.booleans())
def test_each_observation_of_a_demonstration_begins_a_chunk(tmp_path_factory, steps, size, ended):
    one = episode(steps, 4, terminated=ended)
    replay = open_chunked(tmp_path_factory.mktemp('replay'), size)
    replay.add(one, demonstration=True)
    rows = replay.usable(1, demonstrations=True)
    np.testing.assert_array_equal(rows, np.arange(steps))
    drawn = replay.transitions(rows, 1, DISCOUNT)
    for row in rows:
        stop = min(row + size, steps)
        over = ended and stop == steps
        assert drawn.next_rows[row] == (row if over else stop)
        assert drawn.discounts[row] == pytest.approx(0 if over else DISCOUNT ** (stop - row))
        own = one.actions[row:stop].ravel()
        np.testing.assert_array_equal(replay.actions(row)[: len(own)], own)
        rewards = [DISCOUNT**step * one.rewards[row + step] for step in range(stop - row)]
        assert drawn.rewards[row] == pytest.approx(sum(rewards))


def test_a_replay_is_continued_and_belongs_to_one_chunk_size(tmp_path):
    replay = open_chunked(tmp_path, 3)
    replay.add(chunked(episode(7, 1), [0, 3, 6]))
    rows = np.arange(3)
    before = replay.transitions(rows, 1, DISCOUNT)
    again = open_chunked(tmp_path, 3)
    np.testing.assert_array_equal(again.executed(rows), replay.executed(rows))
    np.testing.assert_array_equal(again.transitions(rows, 1, DISCOUNT).rewards, before.rewards)
    with pytest.raises(ConfigError, match='chunk_size'):
        open_chunked(tmp_path, 2)


def test_more_actions_than_a_chunk_has_are_refused(tmp_path):
    with pytest.raises(ConfigError, match='4 actions from one latent to the next'):
        open_chunked(tmp_path, 3).add(chunked(episode(7, 1), [0, 4, 6]))


def test_latents_of_no_observation_are_refused():
    one = episode(4, 1)
    for passes in ([0, 2, 2], [1, 2, 3], [0, 2, 4]):
        with pytest.raises(ConfigError, match='increasing numbers from 0 on'):
            chunked(one, passes)
