# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Bags state their format: older formats are read exactly, newer formats refused in one line."""

from pathlib import Path
import re
import shutil

from left_files import leave_alone
from mcap.reader import make_reader
import numpy as np
from played_episode import play
import pytest
from recordings import bag_messages, recording
import yaml

from irevla_control.bags.index import entry_from_bag, list_episodes, read_index, rebuild_index
from irevla_control.bags.layout import EPISODE_METADATA, FORMAT
from irevla_control.bags.reader import read_episode, read_observations
from irevla_control.errors import BagError
from irevla_control.lerobot.export import export
from irevla_control.lerobot.reader import read_lerobot
from irevla_control.observation import rotation_to_columns
from irevla_control.recording.episode_recording import STAGING
from irevla_control.recording.recovery import recover_folders, recover_staged

ROOT = Path(__file__).parents[1] / 'format_1'
CAMERAS = ('front', 'wrist')
STEPS, SIZE = 3, 16


def assert_as_recorded(episode):
    """Compare with the values that the program that made the fixture recorded."""
    steps = np.arange(STEPS)
    assert (episode.episode_id, episode.task, episode.instruction, episode.seed) == (
        'lift_0',
        'lift',
        'lift the red cube',
        7,
    )
    np.testing.assert_array_equal(episode.stamps, 1_700_000_000 * 10**9 + steps * 10**8)
    for number, camera in enumerate(CAMERAS):
        for step in steps:
            image = np.full((SIZE, SIZE, 3), 40 * step + 10 * number, np.uint8)
            image[step, 2] = 250, 3, number
            np.testing.assert_array_equal(episode.images[camera][step], image)
    columns = rotation_to_columns(np.array([1.0, 0, 0, 0]))
    np.testing.assert_allclose(
        episode.states, [[0.5, 0.01 * step, 0.25, *columns, 0.25 * step] for step in steps]
    )
    actions = np.array([[0.01 * step, 0.02, -0.03, 0.1, 0, -0.1, 0.5] for step in steps])
    np.testing.assert_allclose(episode.actions, actions)
    np.testing.assert_allclose(episode.labels, actions + 0.001)
    np.testing.assert_array_equal(episode.sources, [1] * STEPS)
    np.testing.assert_array_equal(episode.rewards, [0, 0, 1])
    assert episode.success and episode.terminated and not episode.aborted
    assert episode.dropped == 0


def test_a_bag_of_format_1_is_read_as_it_was_recorded():
    assert_as_recorded(read_episode(ROOT / 'lift_0', CAMERAS))
    observations = read_observations(ROOT / 'lift_0', CAMERAS)
    np.testing.assert_array_equal(observations.success, [False] * STEPS + [True])


def test_an_index_of_format_1_is_read_and_rebuilt_from_its_bags(tmp_path):
    shutil.copytree(ROOT, tmp_path / 'root')
    (entry,) = list_episodes(tmp_path / 'root')
    assert (entry.episode_id, entry.steps, entry.dropped, entry.success, entry.cameras) == (
        'lift_0',
        STEPS,
        0,
        True,
        list(CAMERAS),
    )
    assert entry.topics['/policy_step']['messages'] == STEPS
    assert rebuild_index(tmp_path / 'root') == [entry]
    assert read_index(tmp_path / 'root') == read_index(ROOT)


def test_new_episode_is_recorded_in_a_root_of_format_1(tmp_path):
    shutil.copytree(ROOT, tmp_path / 'root')
    with recording(tmp_path / 'root') as run:
        run.play(play())
        assert not run.problems
    assert [each.episode_id for each in list_episodes(tmp_path / 'root')] == ['lift_0', 'reach_0']


def test_a_bag_of_format_1_is_exported(tmp_path):
    export([ROOT], tmp_path / 'dataset')
    (episode,) = read_lerobot(tmp_path / 'dataset', CAMERAS)
    for name in ('states', 'actions', 'labels'):
        np.testing.assert_allclose(
            getattr(episode, name), getattr(read_episode(ROOT / 'lift_0', CAMERAS), name), 1e-6
        )


def test_recovered_episode_of_format_1_keeps_its_format(tmp_path):
    whole = (ROOT / 'lift_0' / 'lift_0_0.mcap').read_bytes()
    (tmp_path / STAGING / 'lift_0').mkdir(parents=True)
    torn = tmp_path / STAGING / 'lift_0' / 'lift_0_0.mcap'
    last = bag_messages(ROOT / 'lift_0')[-1][1]
    torn.write_bytes(whole[: whole.index(last) + len(last)])
    entries, problems, _ = recover_staged(tmp_path)
    assert not problems and entries[0].recovered and entries[0].steps == STEPS
    assert bag_messages(tmp_path / 'lift_0') == bag_messages(ROOT / 'lift_0')
    assert 'format' not in metadata(tmp_path / 'lift_0')[1]
    assert_as_recorded(read_episode(tmp_path / 'lift_0', CAMERAS))


def metadata(folder):
    """Return a bag's metadata from its MCAP file and from metadata.yaml."""
    with next(folder.glob('*.mcap')).open('rb') as file:
        record = next(
            each.metadata
            for each in make_reader(file).iter_metadata()
            if each.name == EPISODE_METADATA
        )
    text = (folder / 'metadata.yaml').read_text()
    return record, yaml.safe_load(text)['rosbag2_bagfile_information']['custom_data']


def test_new_bag_states_its_format_in_mcap_and_metadata_yaml(tmp_path):
    with recording(tmp_path) as run:
        run.play(play())
    assert [each['format'] for each in metadata(tmp_path / 'reach_0')] == [str(FORMAT)] * 2


@pytest.mark.parametrize(
    ('stated', 'message'),
    [
        (str(FORMAT + 1), rf'a bag of format {FORMAT + 1}, this irevla reads 1 to {FORMAT}; '),
        ('x', "format is 'x' in its metadata"),
        ('0', "format is '0'"),
        ('²', "format is '²'"),
    ],
)
def test_bag_of_a_newer_format_is_refused_in_one_line_by_all_readers(
    tmp_path, monkeypatch, stated, message
):
    monkeypatch.setattr('irevla_control.bags.writer.FORMAT', stated)
    folder = tmp_path / 'reach_0'
    with recording(tmp_path) as run:
        run.play(play())
    for read in (
        lambda: read_episode(folder, ('corner',)),
        lambda: entry_from_bag(folder),
        lambda: read_observations(folder, ()),
    ):
        with pytest.raises(BagError, match=message) as caught:
            read()
        assert str(folder) in str(caught.value) and '\n' not in str(caught.value)
    file = folder / 'reach_0_0.mcap'
    cut = file.read_bytes()[:-9]
    file.write_bytes(cut)
    leave_alone(file)
    done = recover_folders(tmp_path, [folder])
    assert re.search(message, done.problems[0]) and file.read_bytes() == cut
