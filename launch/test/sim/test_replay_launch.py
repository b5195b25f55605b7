# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A recorded episode replayed in the simulator: the same commands give the same states."""

import graph
import numpy as np

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode

CAMERAS = ['front', 'wrist']


def kept(bags):
    """Return the one complete episode; on a busy machine aborted ones may precede it."""
    *broken, entry = list_episodes(bags)
    assert all(one.aborted for one in broken) and not entry.aborted
    return entry


def test_a_replay_in_the_simulator_is_the_same_episode(tmp_path):
    bags, again = tmp_path / 'bags', tmp_path / 'again'
    with graph.RunningLaunch(
        'collect.launch.py', tmp_path / 'log', tasks='drawer-close', episodes=1, seed=3, bags=bags
    ) as launch:
        assert launch.wait(120) == 0
    entry = kept(bags)
    with graph.RunningLaunch(
        'replay.launch.py', tmp_path / 'log', bag=bags / entry.episode_id, bags=again
    ) as launch:
        assert launch.wait(120) == 0
    replayed = kept(again)
    assert replayed.sources == ('replay',) and replayed.success == entry.success
    first, second = (
        read_episode(root / one.episode_id, CAMERAS)
        for root, one in ((bags, entry), (again, replayed))
    )
    count = len(first.actions)
    np.testing.assert_array_equal(second.actions[:count], first.actions)
    np.testing.assert_array_equal(second.states[:count], first.states)
    for camera in CAMERAS:
        np.testing.assert_array_equal(second.images[camera][:count], first.images[camera])
