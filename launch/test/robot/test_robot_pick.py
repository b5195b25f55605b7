# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted pick with fake hardware: recorded, exported, replayed; and a scripted person."""

import graph
import numpy as np
import pytest

from irevla_bringup.play.shipped import CHECKPOINT, POLICY
from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.lerobot.export import export
from irevla_control.lerobot.reader import read_lerobot
from irevla_msgs.msg import EndEffectorCommand

pytestmark = pytest.mark.alone
CAMERAS = ['front', 'wrist']


def demonstrated(folder, **arguments):
    """Record one demonstration; return its entry and the folder of the bags."""
    bags = folder / 'bags'
    with graph.RunningLaunch(
        'teleop.launch.py',
        folder / 'log',
        use_fake_hardware='true',
        episodes=1,
        image_size=84,
        fps=10,
        bags=bags,
        **arguments,
    ) as launch:
        assert launch.wait(240) == 0
    return list_episodes(bags)[-1], bags


@pytest.mark.timeout(600)
def test_a_scripted_pick_is_recorded_and_replayed(tmp_path):
    """The replay moves as the recording did, from the same arrangement."""
    again = tmp_path / 'again'
    entry, bags = demonstrated(
        tmp_path, operator='scripted', robot_ip='127.0.3.1', tasks='pick-carrot', linger=3
    )
    episode = read_episode(bags / entry.episode_id, CAMERAS)
    assert entry.success and entry.sources == ('expert',)
    # The second camera may be late on a busy machine.
    assert len(episode.stamps) >= 15 and episode.dropped < 0.2 * len(episode.stamps)
    assert episode.images['wrist'].shape[1:] == (84, 84, 3)
    assert episode.states[-1, 2] > episode.states[:, 2].min() + 0.05, 'the object was lifted'
    export([bags], tmp_path / 'dataset')
    [loaded] = read_lerobot(tmp_path / 'dataset', CAMERAS)
    np.testing.assert_array_equal(loaded.stamps, episode.stamps)
    for camera in CAMERAS:
        np.testing.assert_array_equal(loaded.images[camera], episode.images[camera])
    with graph.RunningLaunch(
        'replay.launch.py',
        tmp_path / 'log',
        on='robot',
        use_fake_hardware='true',
        robot_ip='127.0.3.1',
        operator='scripted',
        bag=bags / entry.episode_id,
        fps=10,
        bags=again,
    ) as launch:
        assert launch.wait(240) == 0
    replayed = list_episodes(again)[-1]
    assert replayed.seed == entry.seed and replayed.sources == ('replay',)
    # Without cameras no observation is incomplete, so no command is left out.
    commanded = read_episode(bags / entry.episode_id, ())
    repeated = read_episode(again / replayed.episode_id, ())
    np.testing.assert_allclose(repeated.actions[:10], commanded.actions[:10], atol=1e-9)
    # The replay goes down and up as the recording did; the grasp itself may fail.
    low, lowest = commanded.states[:, :3], np.argmin(commanded.states[:, 2])
    closest = np.linalg.norm(repeated.states[:, :3] - low[lowest], axis=1).min()
    assert closest < 0.02


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_a_scripted_person_takes_over_with_the_mouse_and_succeeds(tmp_path):
    """The policy of another robot does not succeed; after its first commands the person acts."""
    bags, params = tmp_path / 'bags', tmp_path / 'patient.yaml'
    params.write_text('/**/scripted_person: {ros__parameters: {patience: 8, noise_std: 0.0}}')
    with graph.RunningLaunch(
        'robot.launch.py',
        tmp_path / 'log',
        use_fake_hardware='true',
        operator='scripted_person',
        robot_ip='127.0.3.2',
        checkpoint=POLICY / CHECKPOINT,
        tasks='pick-carrot',
        episodes=1,
        fps=10,
        params_file=params,
        bags=bags,
    ) as launch:
        assert launch.wait(240) == 0
    entry = list_episodes(bags)[-1]
    episode = read_episode(bags / entry.episode_id, ())
    assert entry.success and set(entry.sources) == {'policy', 'teleop'}
    taught = episode.sources == EndEffectorCommand.SOURCE_TELEOP
    first = int(taught.argmax())
    assert 8 <= first < 30, 'the policy acts first'
    # The person keeps the arm, also while the fingers close.
    assert taught[first:].mean() > 0.9
    assert episode.actions[-1, 6] == 0


@pytest.mark.timeout(600)
def test_a_scripted_person_demonstrates_with_the_mouse(tmp_path):
    entry, bags = demonstrated(
        tmp_path, operator='scripted_person', robot_ip='127.0.3.3', tasks='press-button'
    )
    assert entry.success and entry.sources == ('teleop',)
    actions = read_episode(bags / entry.episode_id, ()).actions
    # The fingers close before they press.
    assert actions[-1, 6] == 0 and len(actions) > 8
