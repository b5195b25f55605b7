# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The kitchen's catalogue: the tasks of the paper, what variants hold out, and bad entries."""

import itertools

import pytest

from irevla_control.errors import ConfigError
from irevla_sim.kitchen.tasks import load_catalogue
from irevla_sim.simulator.tasks import tasks_of_split

CATALOGUE = load_catalogue()


def test_the_tasks_of_the_paper_are_there():
    assert tasks_of_split('expert', CATALOGUE) == [
        *('microwave-open', 'knob-on', 'light-on', 'slide-door-open', 'left-door-open')
    ]
    assert CATALOGUE['slide-door-open-red'].split == 'rl'
    assert CATALOGUE['slide-door-open-yellow'].split == 'held_out'
    assert len(tasks_of_split('rl', CATALOGUE)) >= 3
    assert len(tasks_of_split('held_out', CATALOGUE)) >= 5


def overlap(one, other):
    axes = set(one) & set(other)
    return all(one[axis][0] <= other[axis][1] and other[axis][0] <= one[axis][1] for axis in axes)


def test_places_of_held_out_tasks_are_apart_from_trained_ones():
    trained = [task for task in CATALOGUE.values() if task.split != 'held_out']
    held_out = [task for task in CATALOGUE.values() if task.split == 'held_out']
    for one, other in itertools.product(held_out, trained):
        if one.base == other.base:
            assert not overlap(one.variant.position, other.variant.position), (one, other)


def test_each_variant_says_what_it_holds_out():
    variants = [task for task in CATALOGUE.values() if task.split != 'expert']
    texts = [task.text for task in variants]
    assert all(text.endswith('.') for text in texts) and len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ('entry', 'problem'),
    [
        ('{base: knob-on, opened: "far"}', "opened 'far'; expected a number"),
        ('{base: knob-on, opened: 0}', 'opened 0; use a number from -3 to 3, not 0'),
        ('{base: knob-on, stay: 0}', 'stay 0; use a whole number'),
        ('{base: knob-on, success_share: 1.2}', 'success_share 1.2; use a number from 0.1 to 1'),
        ('{base: knob-on, joint: elbow}', "joint 'elbow'; use one of microwave"),
        ('{base: knob-on, joint: [a]}', r"joint \['a'\]; use one of microwave"),
        ('{base: knob-on, joint: {a: 1}}', "joint {'a': 1}; use one of microwave"),
        ('{base: knob-on, handle: {body: x, point: [.nan, 0, 0]}}', 'handle .*nan.*within 2 m'),
        ('{base: knob-on, handle: {body: x, point: [0, .inf, 0]}}', 'handle .*inf.*within 2 m'),
        ('{base: knob-on, handle: {body: x}}', 'handle .*; expected {body: name, point'),
        ('{base: knob-on, handle: {body: x, point: [1, 2, three]}}', 'handle .*expected'),
        ('{base: knob-on, position: {u: [0, 1]}}', 'position u: .* use x or y or z'),
        ('{base: knob-on, seat: 3}', "unknown field 'seat'"),
        ('{base: knob-of}', "unknown task 'knob-of'; did you mean knob-on"),
        ('{instruction: sit, joint: microwave, opened: 1}', 'no "handle"'),
        ('open it', 'expected'),
    ],
)
def test_a_bad_entry_names_file_task_and_value(tmp_path, entry, problem):
    file = tmp_path / 'own.yaml'
    file.write_text(f'mine: {entry}\n')
    with pytest.raises(ConfigError, match=f'{file}, mine: .*{problem}'):
        load_catalogue([file])
