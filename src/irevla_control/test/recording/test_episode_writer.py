# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Episodes of arrays are written as bags that the reader returns unchanged."""

from dataclasses import fields, replace

import numpy as np
from played_episode import CAMERAS, play
import pytest

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.episode import Episode, Observations
from irevla_control.errors import BagError, ConfigError
from irevla_control.recording.episode_writer import write_episode


def episode(**changes):
    played = play(steps=4)
    final = Observations(
        'reach_0',
        ('reach the »red« ball',),
        played.stamps[-1:] + 100_000_000,
        {camera: images[-1:] for camera, images in played.images.items()},
        played.states[-1:],
        np.array([True]),
    )
    columns = {
        name: getattr(played, name)
        for name in ('stamps', 'images', 'states', 'actions', 'labels', 'sources', 'rewards')
    }
    return Episode(
        episode_id='reach_0',
        task='reach',
        instruction='reach the »red« ball',
        seed=3,
        terminated=True,
        success=True,
        final=final,
        **{**columns, **changes},
    )


def assert_same(found, written):
    for field in fields(Episode):
        old, new = getattr(written, field.name), getattr(found, field.name)
        if field.name == 'images':
            for camera in CAMERAS:
                np.testing.assert_array_equal(new[camera], old[camera])
        elif field.name == 'final':
            np.testing.assert_allclose(new.states, old.states, atol=1e-6)
            assert new.stamps == old.stamps and new.success.all()
        elif field.name == 'states':
            np.testing.assert_allclose(new, old, atol=1e-6)
        elif isinstance(old, np.ndarray):
            np.testing.assert_array_equal(new, old, field.name)
        else:
            assert new == old, field.name


def test_the_reader_returns_what_was_written(tmp_path):
    written = episode()
    folder = write_episode(tmp_path, written)
    assert folder == tmp_path / 'reach_0'
    assert_same(read_episode(folder, CAMERAS, final=True), written)
    (entry,) = list_episodes(tmp_path)
    assert (entry.task, entry.seed, entry.success, entry.steps) == ('reach', 3, True, 4)
    assert not entry.failed and not entry.aborted


def test_an_episode_without_rewards_labels_and_a_last_observation(tmp_path):
    plain = episode()
    plain = replace(plain, labels=plain.actions, rewards=np.empty(0, np.float32), final=None)
    found = read_episode(write_episode(tmp_path, plain), CAMERAS, final=True)
    np.testing.assert_array_equal(found.labels, plain.actions)
    assert np.isnan(found.rewards).all() and found.final is None and len(found.stamps) == 4


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'images': {}}, 'no images'),
        ({'stamps': np.array([3, 2, 1, 0])}, 'stamps must be at least one'),
        ({'actions': np.zeros((3, 7))}, '3 actions at 4 stamps'),
        ({'actions': np.full((4, 7), 2.0)}, 'actions, step 0: gripper opening 2.0'),
        ({'states': np.zeros((4, 10))}, 'step 0.*first two columns of a rotation'),
        ({'images': {'corner': np.zeros((4, 3, 8, 8), np.uint8)}}, "camera 'corner' are uint8"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_nothing_is_written(changes, words, tmp_path):
    with pytest.raises(ConfigError, match=f'episode reach_0.*{words}'):
        write_episode(tmp_path / 'bags', episode(**changes))
    assert not (tmp_path / 'bags').exists()


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'stamps': np.array([0])}, 'final: its stamp 0 must be after the last step'),
        ({'images': {}}, 'final has images of no camera; those of corner, gripper are needed'),
        ({'images': {camera: np.zeros((1, 8, 8, 3)) for camera in CAMERAS}}, 'are float64'),
        (
            {'images': {camera: np.zeros((0, 8, 8, 3), np.uint8) for camera in CAMERAS}},
            '0 corner at 1 stamps',
        ),
        ({'states': np.zeros((1, 10))}, 'step 0.*first two columns of a rotation'),
        ({'states': np.zeros((0, 10))}, '0 states at 1 stamps'),
    ],
)
def test_a_last_observation_that_does_not_fit_is_refused(changes, words, tmp_path):
    with pytest.raises(ConfigError, match=f'episode reach_0.*{words}'):
        write_episode(
            tmp_path / 'bags', replace(episode(), final=replace(episode().final, **changes))
        )
    assert not (tmp_path / 'bags').exists()


def test_an_episode_that_exists_is_not_replaced(tmp_path):
    folder = write_episode(tmp_path, episode())
    before = next(folder.glob('*.mcap')).read_bytes()
    with pytest.raises(BagError, match='reach_0 exists already'):
        write_episode(tmp_path, episode(sources=np.ones(4, np.uint8)))
    assert next(folder.glob('*.mcap')).read_bytes() == before
