# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The replay returns stored episodes, each action with its observation, even after a kill."""

import errno
import json
import os
from pathlib import Path
import random
import signal
import subprocess
import sys
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from latent_episodes import ACTIONS, STATES, TOKENS, WIDTH, episode, open_replay
import numpy as np
import pytest

from irevla_control.checks.durability import durable_replaces
from irevla_control.errors import ConfigError

EPISODES = st.lists(
    st.tuples(
        st.integers(1, 9),
        st.booleans(),
        st.booleans(),
        st.sets(st.integers(0, 8), max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


def brute_force(episodes, steps, discount, demonstrations):
    """Return {(stamp): (latent, action, reward, discount, next latent)} of all transitions."""
    found = {}
    for one, demonstration in episodes:
        count = len(one.actions)
        for start in range(count):
            is_demonstration = demonstration or one.human[start]
            if demonstrations is not None and is_demonstration != demonstrations:
                continue
            stop = min(start + steps, count)
            reward = sum(discount ** (k - start) * one.rewards[k] for k in range(start, stop))
            ended = stop == count and one.terminated
            if not ended and stop >= len(one.latents):
                continue
            found[int(one.stamps[start])] = (
                one.latents[start],
                one.actions[start],
                reward,
                0.0 if ended else discount ** (stop - start),
                None if ended else one.latents[stop],
            )
    return found


@settings(max_examples=60, deadline=None)
@given(EPISODES, st.integers(1, 4), st.sampled_from([None, True, False]))
def test_transitions_are_those_of_the_newest_episodes(tmp_path_factory, plan, steps, kind):
    """Each action has its own observation, in interventions too."""
    replay = open_replay(tmp_path_factory.mktemp('replay'), capacity=25)
    made = []
    for seed, (length, closed, terminated, human, demonstration) in enumerate(plan):
        one = episode(
            length,
            seed + 1,
            closed=closed,
            terminated=terminated,
            human=[step for step in human if step < length],
        )
        replay.add(one, demonstration)
        made.append((one, demonstration))
    kept = made[len(made) - replay.episodes :]
    expected = brute_force(kept, steps, 0.9, kind)
    rows = replay.usable(steps, kind)
    drawn = replay.transitions(rows, steps, 0.9)
    assert len(rows) == len(expected)
    for index, row in enumerate(rows):
        latent, action, reward, discount, following = expected[int(replay.stamps(row))]
        np.testing.assert_array_equal(replay.latents[row], latent)
        np.testing.assert_array_equal(replay.actions(row), action)
        assert drawn.rewards[index] == pytest.approx(reward)
        assert drawn.discounts[index] == pytest.approx(discount)
        if following is not None:
            np.testing.assert_array_equal(replay.latents[drawn.next_rows[index]], following)


def test_new_episodes_replace_the_oldest(tmp_path):
    replay = open_replay(tmp_path, capacity=20)
    for seed in range(7):
        replay.add(episode(4, seed))
    assert replay.episodes == 4
    assert sorted(set(replay.stamps(replay.usable(1)) // 1000)) == [3, 4, 5, 6]


def test_a_reopened_replay_has_the_same_transitions(tmp_path):
    first = open_replay(tmp_path)
    for seed in range(3):
        first.add(episode(5, seed, human=[1]), demonstration=seed == 1)
    again = open_replay(tmp_path)
    for kind in (None, True, False):
        np.testing.assert_array_equal(again.usable(3, kind), first.usable(3, kind))
    np.testing.assert_array_equal(again.latents, first.latents)
    assert len(again) == 15


def test_shorter_latents_are_padded_with_zeros(tmp_path):
    replay = open_replay(tmp_path, tokens=TOKENS + 2)
    span = replay.add(episode(2))
    assert not replay.latents[span, TOKENS:].any()
    assert replay.latents[span, :TOKENS].all()


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'backbone_hash': 'other'}, 'backbone_hash'),
        ({'capacity': 41}, 'capacity'),
        ({'tokens': 9}, 'tokens'),
    ],
)
def test_another_model_or_shape_is_refused(tmp_path, changes, words):
    open_replay(tmp_path).add(episode())
    with pytest.raises(ConfigError, match=words):
        open_replay(tmp_path, **changes)


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'rewards': np.zeros(3, np.float32)}, '3 rewards'),
        ({'latents': np.zeros((9, TOKENS, WIDTH), np.float16)}, '9 latents'),
        ({'actions': np.full((4, ACTIONS), np.nan, np.float32)}, 'actions that are not finite'),
        ({'proprioception': np.zeros((4, STATES), np.float32)}, '4 states'),
        ({'actions': np.zeros((0, ACTIONS), np.float32)}, '0 actions'),
    ],
)
def test_an_episode_with_inconsistent_arrays_is_refused(changes, words):
    with pytest.raises(ConfigError, match=words):
        episode(**changes)


@pytest.mark.parametrize(
    'changes, words',
    [
        (
            {'latents': np.zeros((5, TOKENS + 1, WIDTH), np.float16)},
            'latents of 4 tokens .* of 3, .*: the instruction is longer; give .* the same',
        ),
        ({'latents': np.zeros((5, TOKENS, WIDTH + 1), np.float16)}, 'one replay is for one model'),
        ({'actions': np.zeros((4, 1), np.float32)}, r'action of \(1,\)'),
        ({'proprioception': np.zeros((5, 9), np.float32)}, r'proprioception of \(9,\)'),
    ],
)
def test_an_episode_of_other_sizes_is_refused_and_stored_ones_stay(tmp_path, changes, words):
    replay = open_replay(tmp_path, capacity=5)
    replay.add(episode())
    with pytest.raises(ConfigError, match=words):
        replay.add(episode(**changes))
    assert len(replay) == 4


def test_a_foreign_state_is_refused_by_name(tmp_path):
    (tmp_path / 'replay.json').write_text('{"episodes": 3}')
    with pytest.raises(ConfigError, match='replay.json is no state of a replay'):
        open_replay(tmp_path)


def test_leftover_episodes_after_the_newest_are_removed_before_newer_ones(tmp_path):
    replay = open_replay(tmp_path, capacity=25)
    for seed, length in enumerate((10, 10, 5, 10, 10, 6)):
        replay.add(episode(length, seed, closed=True, terminated=True))
    assert [int(replay.stamps(span.start)) // 1000 for span in replay.spans] == [4, 5]


def test_an_episode_longer_than_the_replay_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='raise its capacity'):
        open_replay(tmp_path, capacity=5).add(episode(9))


ADDING = """
import itertools, sys
from latent_episodes import episode, open_replay
replay = open_replay(sys.argv[1], capacity=60)
for seed in itertools.count():
    replay.add(episode(5, seed))
    print(seed, flush=True)
"""


def test_kill_9_loses_at_most_the_newest_episode(tmp_path):
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, '-c', ADDING, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        added = [process.stdout.readline() for _ in range(9)]
        time.sleep(random.uniform(0, 0.02))
        process.send_signal(signal.SIGKILL)
        added += process.communicate()[0].split()
        done = int(added[-1])
        replay = open_replay(tmp_path, capacity=60)
        newest = replay.spans[-1]
        seed = int(replay.stamps(newest.start) // 1000)
        assert seed in (done, done + 1)
        assert replay.episodes >= 8
        for span in replay.spans:
            expected = episode(5, int(replay.stamps(span.start) // 1000))
            np.testing.assert_array_equal(replay.latents[span], expected.latents)
            np.testing.assert_array_equal(
                replay.actions(slice(span.start, span.stop - 1)), expected.actions
            )
    assert set(json.loads((tmp_path / 'replay.json').read_text())) >= {'backbone_hash', 'episodes'}


def test_a_full_disk_is_reported_when_the_replay_is_created(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch, pytest.raises(ConfigError, match='No space left.*lower'):
        patch.setattr(os, 'posix_fallocate', full)
        open_replay(tmp_path)
    assert not list(tmp_path.iterdir())
    with durable_replaces(*(tmp_path / name for name in ('latents.bin', 'rows.bin'))):
        replay = open_replay(tmp_path)
    blocks = sum(path.stat().st_blocks * 512 for path in tmp_path.glob('*.bin'))
    assert blocks >= replay.latents.nbytes, 'the disk space is not preallocated'


def test_a_missing_file_is_named(tmp_path):
    open_replay(tmp_path).add(episode(5))
    (tmp_path / 'latents.bin').unlink()
    with pytest.raises(ConfigError, match='latents.bin is missing'):
        open_replay(tmp_path)


def test_a_truncated_array_is_refused_by_its_size(tmp_path):
    open_replay(tmp_path).add(episode(5))
    path = tmp_path / 'latents.bin'
    size = path.stat().st_size
    os.truncate(path, size - 8)
    with pytest.raises(ConfigError, match=f'latents.bin has {size - 8} bytes, {size} are needed'):
        open_replay(tmp_path)
    assert path.stat().st_size == size - 8, 'the refused file was changed'
