# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The catalogue's files, and errors in a user's file."""

from metaworld.env_dict import ALL_V3_ENVIRONMENTS
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.metaworld.tasks import load_catalogue
from irevla_sim.simulator.tasks import find_task, tasks_of_split


def test_every_metaworld_task_has_an_instruction_of_its_own():
    expert = [task for task in load_catalogue().values() if task.split == 'expert']
    assert sorted(task.base for task in expert) == sorted(ALL_V3_ENVIRONMENTS)
    assert len({task.instruction for task in expert}) == 50


def test_held_out_variants_share_no_colour_or_position_with_those_learned():
    catalogue = load_catalogue()
    assert {
        'button-press-new',
        'drawer-open-new',
        'door-open-new',
        'window-open-new',
        'drawer-close-new',
    } == set(tasks_of_split('rl', catalogue))
    held_out = tasks_of_split('held_out', catalogue)
    assert len(held_out) >= 6
    for learned in map(catalogue.get, tasks_of_split('rl', catalogue)):
        for unseen in map(catalogue.get, held_out):
            if unseen.base == learned.base:
                assert unseen.variant != learned.variant
                assert not set(unseen.variant.colours.items()) & set(
                    learned.variant.colours.items()
                )


def test_own_file_adds_and_builds_on_tasks(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text(
        'blue-drawer:\n  base: drawer-open-new\n  instruction: pull the blue drawer\n'
        '  colours: {drawer_beige: [0, 0, 1, 1]}\n'
    )
    catalogue = load_catalogue([own])
    task, base = catalogue['blue-drawer'], catalogue['drawer-open-new']
    assert task.base == 'drawer-open-v3' and task.instruction == 'pull the blue drawer'
    assert task.variant.colours['drawer_beige'] == (0, 0, 1, 1)
    assert task.variant.colours['drawer_white'] == base.variant.colours['drawer_white']
    assert task.variant.position == base.variant.position and task.split == 'rl'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('new: {instruction: go}', 'no "base"'),
        ('new: {base: drawer-opn}', 'did you mean drawer-open'),
        ('new: {base: drawer-open, color: {}}', "unknown field 'color'"),
        ('new: {base: drawer-open, expert_share: 1}', 'expert_share 1; use a number from 0 to'),
        ('new: {base: drawer-open, expert_share: far}', "expert_share 'far'"),
        ('new: {base: drawer-open, split: test}', "split 'test'"),
        ('new: {base: drawer-open, colours: {drawer_beige: [0, 0, 2, 1]}}', 'numbers from 0 to 1'),
        ('new: {base: drawer-open, colours: {drawer_beige: blue}}', "'blue'"),
        ('new: {base: drawer-open, position: {x: [0.2, 0.1]}}', r'\[0.2, 0.1\]'),
        ('new: {base: drawer-open, position: {z: [0.1, 0.2]}}', 'use x or y'),
        ('Own Task: {base: drawer-open}', "'Own Task'"),
        ('own task: {base: drawer-open}', "own.yaml: .* cannot name a recording; .*'own-task'"),
        ('-own: {base: drawer-open}', "'own'"),
        ('new: [', 'own.yaml'),
        ('- drawer-open', 'expected a mapping'),
    ],
)
def test_a_wrong_entry_is_named_with_its_value(tmp_path, text, message):
    own = tmp_path / 'own.yaml'
    own.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_catalogue([own])


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match='absent.yaml'):
        load_catalogue(['absent.yaml'])


def test_an_unknown_name_offers_close_matches():
    with pytest.raises(ConfigError, match='did you mean window-open'):
        find_task('window_open', load_catalogue())
    with pytest.raises(ConfigError, match='known: assembly'):
        find_task('zzz', load_catalogue())
