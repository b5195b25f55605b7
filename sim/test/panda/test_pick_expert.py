# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The scripted operator without physics grasps an object across its long side and lifts it."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_sim.panda.pick_expert import (
    FIRST_THING,
    LIFTED,
    PER_THING,
    STEP,
    TURN,
    Phase,
    PickExpert,
    angle_to,
    lifted,
    place_of,
    thing_in,
)
from irevla_sim.panda.scene import THINGS

HOME = Pose(np.array([0.45, 0.0, 0.3]), Rotation.from_quat([1, 0, 0, 0]))


class Table:
    """A hand that executes commands exactly, and an object that moves with a closed hand."""

    def __init__(self, name, place, yaw):
        self.name, self.hand, self.opening = name, HOME, 1.0
        self.positions = np.zeros(FIRST_THING + PER_THING * len(THINGS))
        rotation = Rotation.from_rotvec([0, 0, yaw])
        self.first = FIRST_THING + PER_THING * list(THINGS).index(name)
        self.positions[self.first : self.first + 3] = place
        self.positions[self.first + 3 : self.first + 7] = np.roll(rotation.as_quat(), 1)

    def step(self, action, slips=False):
        before = self.hand
        self.hand = self.hand.translated(action[:3], action[3:6])
        place, rotation = place_of(self.name, self.positions)
        grasped = np.linalg.norm(before.position - place) < 0.02 and action[6] == 0
        across = abs(angle_to(self.hand, rotation, THINGS[self.name].geom == 'box')) < 0.2
        if grasped and across and not slips:
            self.positions[self.first : self.first + 3] += self.hand.position - before.position


@pytest.mark.parametrize('name', THINGS)
def test_every_object_is_lifted_from_any_place(name):
    random = np.random.default_rng(0)
    for seed in range(5):
        place = np.array([*random.uniform([0.42, -0.16], [0.6, 0.16]), THINGS[name].height])
        table = Table(name, place, random.uniform(-np.pi, np.pi))
        expert = PickExpert(name, noise_std=0.3, seed=seed)
        for _ in range(120):
            command, label = expert.act(table.hand, table.positions)
            assert np.linalg.norm(label[:3]) <= STEP + 1e-9 and abs(label[5]) <= TURN
            table.step(command)
            if lifted(name, table.positions):
                break
        assert lifted(name, table.positions), (seed, expert.phase)
        assert table.positions[table.first + 2] > LIFTED


def test_an_object_that_slips_is_picked_again():
    table = Table('carrot', [0.5, 0.1, 0.014], 1.0)
    expert = PickExpert('carrot')
    while expert.phase != Phase.LIFT:
        table.step(expert.act(table.hand, table.positions)[0], slips=True)
    for _ in range(4):
        table.step(expert.act(table.hand, table.positions)[0], slips=True)
    assert expert.phase in (Phase.APPROACH, Phase.DESCEND)
    for _ in range(120):
        table.step(expert.act(table.hand, table.positions)[0])
    assert lifted('carrot', table.positions)


def test_the_fingers_grasp_across_the_long_side():
    for yaw in np.linspace(-3, 3, 13):
        along = Rotation.from_rotvec([0, 0, yaw])
        turned = HOME.translated(np.zeros(3), np.array([0, 0, angle_to(HOME, along, False)]))
        fingers = turned.rotation.as_matrix()[:, 1]
        assert abs(fingers @ along.as_matrix()[:, 0]) < 1e-9
        assert abs(angle_to(HOME, along, symmetric=True)) <= np.pi / 4 + 1e-9


def test_an_instruction_names_one_object():
    assert thing_in('pick up the red block') == 'red block'
    for words in ('pick it up', 'put the carrot on the eggplant'):
        with pytest.raises(ConfigError, match='name one of'):
            thing_in(words)
