# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The rule for names of tasks, applied before anything moves."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from irevla_control.episodes.episode_runner_node import read_tasks
from irevla_control.episodes.robot_episode_node import read_instructions
from irevla_control.errors import ConfigError
from irevla_control.task_name import check_task_name


@pytest.mark.parametrize('name', ['pick-eggplant', 'drawer_open', 'Pick.2', '_x', 'a' * 100])
def test_a_valid_name_is_accepted(name):
    assert check_task_name(name, 'here') == name


@pytest.mark.parametrize(
    ('name', 'near'),
    [
        ('pick eggplant', 'pick-eggplant'),
        ('a/b', 'a-b'),
        ('../up', 'up'),
        ('.hidden', 'hidden'),
        ('-x', 'x'),
        ('aubergine épaisse', 'aubergine-paisse'),
        ('new\n', 'new'),
        ('a' * 101, 'a' * 100),
        ('', 'pick-carrot'),
        ('..', 'pick-carrot'),
    ],
)
def test_an_invalid_name_is_refused_with_the_nearest_valid_one(name, near):
    with pytest.raises(ConfigError, match='here: .* cannot name a recording') as error:
        check_task_name(name, 'here')
    assert str(error.value).endswith(f"such as '{near}'")


@given(st.text(max_size=120))
def test_every_accepted_name_is_a_folder_name(name):
    try:
        check_task_name(name, 'here')
    except ConfigError:
        return
    folder = f'{name}-9007199254740992-1900000000000000000_0.mcap'
    assert '/' not in folder and name[0] not in '.-' and len(folder.encode()) < 255


@pytest.mark.parametrize(
    ('read', 'entries'),
    [
        (read_instructions, ['lift: do it', 'pick eggplant: pick up the eggplant']),
        (lambda entries: read_tasks(entries, 1), ['lift', 'pick eggplant:5']),
    ],
)
def test_robot_and_runner_refuse_an_invalid_name_at_their_start(read, entries):
    with pytest.raises(ConfigError, match="parameter tasks has 'pick eggplant:.*'pick-eggplant'"):
        read(entries)
