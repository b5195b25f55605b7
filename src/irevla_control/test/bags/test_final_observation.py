# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The observation after the last step, which no command answers."""

import numpy as np
from played_episode import CAMERAS, play
import pytest
from recordings import recording

from irevla_control.bags.reader import read_episode, read_observations
from irevla_control.episode import parts_of


def record(root, wire):
    with recording(root, max_dropped_share=1.0) as run:
        for topic, _, data in wire:
            run.take(topic, data)
            run.update()
    return root / 'reach_0'


def test_it_is_the_last_of_all_observations_and_no_step(tmp_path):
    played = play(steps=3)
    bag = record(tmp_path, played.wire)
    plain, episode = read_episode(bag, CAMERAS), read_episode(bag, CAMERAS, final=True)
    assert plain.final is None
    observed = read_observations(bag, CAMERAS)
    final = episode.final
    assert final.stamps.tolist() == [played.end] and final.success.tolist() == [True]
    assert final.instructions == (episode.instruction,)
    np.testing.assert_array_equal(final.states, observed.states[3:])
    for camera in CAMERAS:
        np.testing.assert_array_equal(final.images[camera], observed.images[camera][3:])
        np.testing.assert_array_equal(episode.images[camera], played.images[camera])
    for name in ('stamps', 'states', 'actions', 'labels', 'rewards'):
        np.testing.assert_array_equal(getattr(episode, name), getattr(plain, name))
    assert episode.dropped == 0


@pytest.mark.parametrize('missing', ['/camera/gripper/image_raw', '/robot_state', '/episode'])
def test_there_is_none_where_a_part_of_it_is_missing(tmp_path, missing):
    played = play(steps=3)
    bag = record(
        tmp_path,
        [each for each in played.wire if each[:2] != (missing, played.end)],
    )
    episode = read_episode(bag, CAMERAS, final=True)
    assert episode.final is None and len(episode.stamps) == 3


def test_it_may_share_the_state_of_the_last_step(tmp_path):
    played = play(steps=3)
    bag = record(
        tmp_path, [each for each in played.wire if each[:2] != ('/robot_state', played.end)]
    )
    episode = read_episode(bag, CAMERAS, max_skew_s=0.1, final=True)
    np.testing.assert_array_equal(episode.states, played.states)
    np.testing.assert_array_equal(episode.final.states, played.states[2:])


def test_of_several_instructions_the_last_part_has_it(tmp_path):
    played = play(steps=4)
    texts = iter(['reach', 'reach', 'lift', 'lift', 'lift'])
    for topic, _, message in played.messages:
        if topic == '/episode':
            message.instruction = next(texts)
    parts = parts_of(read_episode(record(tmp_path, played.wire), CAMERAS, final=True))
    assert [part.final is not None for part in parts] == [False, True]
