# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A replay sends every recorded command once, at its time."""

import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_control.teleop.replay import Replay

MS = 1_000_000
ACTIONS = np.arange(28.0).reshape(4, 7) / 100
STAMPS = 5_000 * MS + 100 * MS * np.arange(4)


def test_without_a_pace_each_observation_gets_one_action_and_then_zero_motion():
    replay = Replay(ACTIONS, STAMPS, paced=False)
    np.testing.assert_array_equal([replay.answer(stamp) for stamp in (3, 9, 10, 99)], ACTIONS)
    np.testing.assert_array_equal(replay.answer(100), [0] * 6 + [ACTIONS[-1, 6]])
    replay.restart()
    np.testing.assert_array_equal(replay.answer(200), ACTIONS[0])


def test_a_faster_camera_leaves_images_unanswered():
    replay = Replay(ACTIONS, STAMPS, paced=True)
    given = [replay.answer(70_000 * MS + ms * MS) for ms in range(0, 340, 33)]
    np.testing.assert_array_equal([one for one in given if one is not None][:4], ACTIONS)
    assert [one is not None for one in given[:5]] == [True, False, True, False, False]


def test_a_slower_camera_gets_every_action_later():
    replay = Replay(ACTIONS, STAMPS, paced=True)
    np.testing.assert_array_equal([replay.answer(ms * MS) for ms in (0, 250, 500, 750)], ACTIONS)


def test_an_episode_without_commands_is_refused():
    with pytest.raises(ConfigError, match='no commands'):
        Replay(np.empty((0, 7)), np.empty(0, np.int64), paced=False)
    with pytest.raises(ConfigError, match='cannot be replayed: robot_state is 3.0 ms older'):
        Replay(np.empty((0, 7)), np.empty(0, np.int64), paced=False,
               unjoined='robot_state is 3.0 ms older than the observation')
