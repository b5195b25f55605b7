# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The table's tasks and their scripted experts, without physics; its layouts, with the model."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_sim.panda.scene import PandaScene
from irevla_sim.panda.table import objects
from irevla_sim.panda.table.experts import (
    LONGEST,
    STEP,
    TURN,
    Phase,
    PickExpert,
    angle_to,
    expert_for,
)
from irevla_sim.panda.table.objects import BLOCKS, FIXTURES, NEW, POSITIONS, THINGS, UNSEEN
from irevla_sim.panda.table.tasks import (
    APART,
    FIXTURE_REGIONS,
    REGION,
    TASKS,
    Kind,
    random_layout,
    table_task,
)

HOME = Pose(np.array([0.45, 0.0, 0.3]), Rotation.from_quat([1, 0, 0, 0]))
OPEN, CLOSED = 0.04, 0.0
GRASPED_WITHIN = 0.02


def index(joint):
    return objects._NUMBERS[joint]


class Table:
    """A hand that executes commands exactly; what it grasps moves with it."""

    def __init__(self, task, seed=0, slips=False):
        self.task, self.hand, self.slips = task, HOME, slips
        self.positions = np.zeros(POSITIONS)
        # Quaternions without a rotation, of the objects that the task does not need.
        self.positions[objects.ROBOT + 3 :: objects.PER_THING][: len(THINGS)] = 1
        self.state = objects.TableState(self.positions)
        layout = random_layout(task, seed)
        for name, (x, y, yaw) in layout.things.items():
            place, _ = self.state.thing(name)
            place[:] = x, y, THINGS[name].height
            first = objects.ROBOT + objects.PER_THING * list(THINGS).index(name) + 3
            turned = Rotation.from_rotvec([0, 0, yaw])
            self.positions[first : first + 4] = np.roll(turned.as_quat(), 1)
        for name, place in layout.fixtures.items():
            self.positions[[index(joint) for joint in FIXTURES[name][:2]]] = place

    def step(self, action):
        before = self.hand
        self.hand = self.hand.translated(action[:3], action[3:6])
        moved = self.hand.position - before.position
        closed = action[6] == 0
        self.positions[objects.FINGERS] = CLOSED if closed else OPEN
        if self.task.thing:
            place, rotation = self.state.thing(self.task.thing)
            expert = PickExpert(self.task.thing)
            near = np.linalg.norm(before.position - place) < GRASPED_WITHIN
            across = abs(angle_to(self.hand, rotation, expert.symmetric)) < 0.2
            if closed and near and across and not self.slips:
                place += moved
        if self.task.kind == Kind.OPEN:
            near = np.linalg.norm(before.position - self.state.handle) < GRASPED_WITHIN
            self.positions[index('drawer')] -= moved[0] * (near and closed)
        if self.task.kind == Kind.PRESS:
            over = np.linalg.norm(self.state.fixture('button') - self.hand.position[:2]) < 0.015
            below = objects.BUTTON_HEIGHT - self.hand.position[2]
            if closed and over and below > 0:
                self.positions[index('button')] = -below


@pytest.mark.parametrize('name', TASKS)
def test_the_expert_does_every_task_from_any_layout(name):
    for seed in range(5):
        table = Table(TASKS[name], seed)
        expert = expert_for(TASKS[name], noise_std=0.3, seed=seed)
        assert not TASKS[name].done(table.state)
        for _ in range(120):
            command, label = expert.act(table.hand, table.state)
            assert np.linalg.norm(label[:3]) <= STEP + 1e-9 and abs(label[5]) <= TURN
            assert np.linalg.norm(command[:3]) <= LONGEST + 1e-9
            table.step(command)
            if TASKS[name].done(table.state):
                break
        assert TASKS[name].done(table.state), (seed, expert.phase)


@pytest.mark.parametrize('name', ['pick-carrot', 'place-red-block'])
def test_an_object_that_slips_is_picked_again(name):
    table = Table(TASKS[name], slips=True)
    expert = expert_for(TASKS[name])
    while expert.phase != Phase.LIFT:
        table.step(expert.act(table.hand, table.state)[0])
    for _ in range(4):
        table.step(expert.act(table.hand, table.state)[0])
    assert expert.phase in (Phase.APPROACH, Phase.DESCEND)
    table.slips = False
    for _ in range(150):
        table.step(expert.act(table.hand, table.state)[0])
        if TASKS[name].done(table.state):
            break
    assert TASKS[name].done(table.state)


def test_a_placed_object_counts_only_when_released():
    table = Table(TASKS['place-red-block'])
    place, _ = table.state.thing('red block')
    place[:2] = table.state.fixture('plate')
    table.positions[objects.FINGERS] = CLOSED
    assert not table.task.done(table.state)
    table.positions[objects.FINGERS] = OPEN
    assert table.task.done(table.state)
    place[0] += objects.PLATE_RADIUS + 0.01
    assert not table.task.done(table.state)


def test_an_object_beside_the_plate_is_placed_again():
    table = Table(TASKS['place-red-block'])
    expert = expert_for(TASKS['place-red-block'])
    while expert.phase != Phase.RELEASE:
        table.step(expert.act(table.hand, table.state)[0])
    table.state.thing('red block')[0][:2] += 0.08
    for _ in range(150):
        table.step(expert.act(table.hand, table.state)[0])
        if table.task.done(table.state):
            break
    assert table.task.done(table.state)


@pytest.mark.parametrize('name', ['pick-carrot', 'open-drawer', 'press-button'])
def test_a_hand_that_is_pushed_aside_rises_and_begins_again(name):
    table = Table(TASKS[name])
    expert = expert_for(TASKS[name])
    while expert.phase != Phase.DESCEND:
        table.step(expert.act(table.hand, table.state)[0])
    table.hand = table.hand.translated(np.array([-0.05, 0.05, 0]), np.zeros(3))
    expert.act(table.hand, table.state)
    assert expert.phase == Phase.APPROACH


def test_the_fingers_grasp_across_the_long_side():
    for yaw in np.linspace(-3, 3, 13):
        along = Rotation.from_rotvec([0, 0, yaw])
        turned = HOME.translated(np.zeros(3), np.array([0, 0, angle_to(HOME, along, False)]))
        fingers = turned.rotation.as_matrix()[:, 1]
        assert abs(fingers @ along.as_matrix()[:, 0]) < 1e-9
        assert abs(angle_to(HOME, along, symmetric=True)) <= np.pi / 4 + 1e-9


def test_a_layout_has_what_the_task_needs():
    for task in TASKS.values():
        for seed in range(50):
            layout = random_layout(task, seed)
            assert layout == random_layout(task, seed)
            assert set(layout.things) == {task.thing} - {''}
            assert set(layout.fixtures) == {task.fixture} - {''} <= set(FIXTURES)
            places = [place[:2] for place in layout.things.values()]
            assert all(((REGION[0] <= place) & (place <= REGION[1])).all() for place in places)
            for name, place in layout.fixtures.items():
                low, high = FIXTURE_REGIONS[name]
                assert ((low <= place) & (place <= high)).all()
            everything = [*places, *layout.fixtures.values()]
            for number, one in enumerate(everything):
                for other in everything[:number]:
                    assert np.linalg.norm(np.subtract(one, other)) >= APART


def test_nothing_is_demonstrated_or_learned_on_unseen_objects():
    assert not set(UNSEEN) & (set(BLOCKS) | set(NEW))
    assert len(UNSEEN) >= 4
    looks = [(thing.geom, thing.size, thing.rgba) for thing in THINGS.values()]
    assert len(set(looks)) == len(looks)


def test_an_unknown_task_is_refused():
    assert table_task('pick-carrot').instruction == 'pick up the carrot'
    with pytest.raises(ConfigError, match="task 'pick-banana' is not one of .* use one of"):
        table_task('pick-banana')


def test_the_scene_has_the_layout_and_keeps_it():
    scene = PandaScene()
    scene.init()
    scene.start()
    assert scene.model.nq == POSITIONS
    for name in ('place-red-block', 'open-drawer', 'press-button', 'pick-lemon'):
        task = TASKS[name]
        layout = random_layout(task, 3)
        scene.arrange(task, 3)
        state = objects.TableState(scene.data.qpos)
        for _ in range(500):
            scene.step()
        for thing in THINGS:
            place, _ = state.thing(thing)
            if thing in layout.things:
                np.testing.assert_allclose(place[:2], layout.things[thing][:2], atol=0.01)
                assert place[2] == pytest.approx(THINGS[thing].height, abs=0.003)
            else:
                assert place[0] > 2
        for fixture in FIXTURES:
            place = layout.fixtures.get(fixture)
            if place is None:
                assert state.fixture(fixture)[0] > 2
            else:
                np.testing.assert_allclose(state.fixture(fixture), place, atol=1e-3)
        assert not task.done(state)


@pytest.mark.parametrize('name', ['eggplant', 'carrot', 'lemon', 'cucumber'])
def test_an_object_that_is_pushed_soon_rests(name):
    scene = PandaScene()
    scene.init()
    scene.start()
    scene.arrange(TASKS[f'pick-{name}'], 0)
    joint, radius = scene.model.joint(name), THINGS[name].height
    before = scene.data.joint(name).qpos[:3].copy()
    start = joint.dofadr[0]
    scene.data.qvel[start : start + 3] = (0.0, 0.2, 0.0)
    turned = scene.data.body(name).xmat.reshape(3, 3).T @ (-0.2 / radius, 0.0, 0.0)
    scene.data.qvel[start + 3 : start + 6] = turned
    for _ in range(2000):
        scene.step()
    moved = scene.data.joint(name).qpos[:3] - before
    assert np.linalg.norm(moved) < 0.1
    assert np.abs(scene.data.joint(name).qvel[:3]).max() < 0.01
