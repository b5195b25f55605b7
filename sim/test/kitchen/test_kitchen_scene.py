# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The kitchen's physics: layouts by seed, the suite's action, joint limits, success."""

import gymnasium
import mujoco
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.kitchen.arm import HOME, JOINTS, METRES_PER_STEP
from irevla_sim.kitchen.inverse_kinematics import joint_velocities
from irevla_sim.kitchen.scene import ACTION_REPEAT, Scene
from irevla_sim.kitchen.tasks import load_catalogue

CATALOGUE = load_catalogue()
STILL = np.zeros(7)


@pytest.fixture(scope='module')
def scene():
    built = Scene(CATALOGUE['slide-door-open'], 48)
    yield built
    built.close()


def play(scene, seed, decisions=6):
    random = np.random.default_rng(1)
    states = [scene.reset(seed)]
    for _ in range(decisions):
        action = np.append(random.uniform(-0.03, 0.03, 6), random.uniform())
        states.append(scene.execute(action)[0])
    return np.stack(states), scene.data.qpos.copy(), scene.model.body_pos.copy()


def test_a_seed_determines_the_episode_bit_for_bit(scene):
    first = play(scene, 3)
    other = play(scene, 4)
    again = play(scene, 3)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    assert all(not np.array_equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize('name', CATALOGUE)
def test_no_part_begins_inside_another(name):
    scene = Scene(CATALOGUE[name], 48)
    for seed in range(40):
        scene.reset(seed)
        assert scene.data.contact.dist.min(initial=0.0) > -0.003, seed


def test_the_kettle_begins_at_rest(scene):
    for seed in range(3):
        scene.reset(seed)
        start = scene.data.body('kettle').xpos.copy()
        scene.execute(STILL)
        np.testing.assert_allclose(scene.data.body('kettle').xpos, start, atol=2e-4)


def test_pictures_and_velocities_are_of_the_state_after_a_decision(scene):
    scene.reset(0)
    for _ in range(2):
        scene.execute(np.array([0.04, 0.03, 0, 0, 0, 0.1, 1]))
    twist, picture = scene.robot()['twist'], scene.render('wrist')
    mujoco.mj_forward(scene.model, scene.data)
    np.testing.assert_array_equal(scene.robot()['twist'], twist)
    np.testing.assert_array_equal(scene.render('wrist'), picture)


def test_another_scene_has_the_same_episode(scene):
    fresh = Scene(CATALOGUE['slide-door-open'], 48)
    for one, two in zip(play(scene, 3), play(fresh, 3), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_task_is_within_its_range_of_places(scene):
    stock = np.array([0.607, 0.108, 0.8])
    offsets = np.array([scene.reset(seed)[8:11] - stock for seed in range(30)])
    # The door is ajar by at most 2 cm.
    assert (np.abs(offsets[:, 0]) < 0.031).all() and np.ptp(offsets[:, 0]) > 0.03
    assert (offsets[:, 1] > -0.05).all() and (offsets[:, 1] < 0.031).all()


def test_the_hand_moves_as_commanded_and_holds_its_place(scene):
    """The arm carries its weight, and a command of the largest size is reached but for a lag."""
    start = scene.reset(0)
    for _ in range(5):
        held = scene.execute(STILL)[0]
    np.testing.assert_allclose(held[:7], start[:7], atol=1e-3)
    reach = METRES_PER_STEP * ACTION_REPEAT
    for axis, sign in ((0, 1), (1, -1), (2, 1)):
        before = scene.reset(0)[:3]
        action = STILL.copy()
        action[axis] = sign * reach
        for _ in range(4):
            scene.execute(action)
        for _ in range(3):
            after = scene.execute(STILL)[0][:3]
        expected = np.zeros(3)
        expected[axis] = sign * 4 * reach
        np.testing.assert_allclose(after - before, expected, atol=4e-3)


def test_a_rotation_turns_the_hand_about_the_base_axis(scene):
    scene.reset(0)
    before = scene.robot()
    for _ in range(4):
        scene.execute(np.array([0, 0, 0, 0, 0, 0.1, 0]))
    for _ in range(3):
        scene.execute(STILL)
    after = scene.robot()
    turned, turn, rotation = np.empty(4), np.empty(4), np.empty(3)
    mujoco.mju_negQuat(turned, before['quaternion'][[3, 0, 1, 2]])
    mujoco.mju_mulQuat(turn, after['quaternion'][[3, 0, 1, 2]], turned)
    mujoco.mju_quat2Vel(rotation, turn, 1.0)
    np.testing.assert_allclose(rotation, [0, 0, 0.4], atol=0.03)
    np.testing.assert_allclose(after['position'], before['position'], atol=4e-3)


def test_the_gripper_opens_and_closes(scene):
    scene.reset(0)
    openings = [scene.execute(np.append(STILL[:6], 1.0))[0][7] for _ in range(10)]
    closed = [scene.execute(STILL)[0][7] for _ in range(10)]
    assert openings[-1] > 0.95 and closed[-1] < 0.05
    assert (np.diff(openings[:4]) > 0.01).all() and (np.diff(closed[:4]) < -0.01).all()


@pytest.mark.parametrize('direction', [(1, 0, 0), (0, 1, 0), (0, 0, 1), (-1, 0, 0), (0, -1, 1)])
def test_joints_stay_within_their_limits(scene, direction):
    """The target stays at the hand, so that an unreachable command has no effect later."""
    scene.reset(0)
    limits = scene.model.jnt_range[:JOINTS]
    action = np.array([*np.multiply(direction, 1.0), 0, 0, 3.0, 0.0])
    for _ in range(30):
        scene.execute(action)
        joints = scene.data.qpos[:JOINTS]
        assert (joints > limits[:, 0]).all() and (joints < limits[:, 1]).all()
    before = scene.robot()['position']
    back = np.array([*np.multiply(direction, -0.03), 0, 0, 0, 0])
    for _ in range(4):
        scene.execute(back)
    assert (scene.robot()['position'] - before) @ back[:3] > 0


def test_inverse_kinematics_gives_the_twist_and_keeps_limits():
    random = np.random.default_rng(0)
    jacobian, wanted = random.normal(size=(6, 7)), random.uniform(-0.3, 0.3, 7)
    twist, wide = jacobian @ wanted, np.full(7, 10.0)
    free = joint_velocities(jacobian, twist, np.zeros(7), -wide, wide)
    np.testing.assert_allclose(jacobian @ free, twist, atol=0.02)
    narrow = np.full(7, np.abs(free).max() * 0.7)
    limited = joint_velocities(jacobian, twist, np.zeros(7), -narrow, narrow)
    assert (np.abs(limited) <= narrow + 1e-12).all()
    clipped = np.clip(free, -narrow, narrow)
    errors = [np.linalg.norm(jacobian @ one - twist) for one in (limited, clipped)]
    assert errors[0] < errors[1]


def test_a_posture_is_approached_without_moving_the_hand(scene):
    scene.reset(0)
    distance = [np.abs(scene.data.qpos[:JOINTS] - HOME).max()]
    start = scene.robot()['position']
    for _ in range(20):
        scene.execute(STILL)
        np.testing.assert_allclose(scene.robot()['position'], start, atol=2e-3)
    distance.append(np.abs(scene.data.qpos[:JOINTS] - HOME).max())
    assert distance[1] < distance[0]


def test_success_needs_the_share_of_the_way_and_five_decisions(scene):
    joint = scene.model.joint('slide_cabinet').qposadr[0]

    def decisions(share, number):
        scene.reset(0)
        results = []
        for _ in range(number):
            scene.data.qpos[joint] = share * 0.37
            results.append(scene.execute(STILL)[1])
        return results

    assert decisions(0.92, 6) == [False] * 4 + [True] * 2
    assert not any(decisions(0.88, 6))
    scene.reset(0)
    for share in (0.95, 0.95, 0.95, 0.95, 0.5, 0.95, 0.95):
        scene.data.qpos[joint] = share * 0.37
        assert not scene.execute(STILL)[1]


def test_the_state_is_in_the_frame_of_the_base(scene):
    scene.reset(0)
    robot = scene.robot()
    hand = scene.data.site('end_effector').xpos
    # The base looks along the world's y axis, and stands 1.8 m high.
    np.testing.assert_allclose(robot['position'], [hand[1], -hand[0], hand[2] - 1.8], atol=2e-3)
    np.testing.assert_allclose(np.linalg.norm(robot['quaternion']), 1.0)
    assert robot['twist'].shape == (6,) and robot['joint_velocity'].shape == (7,)


@pytest.mark.parametrize(
    ('entry', 'problem'),
    [
        ('colours: {slide_dor: [1, 0, 0, 1]}', "no material 'slide_dor'; use slide_door"),
        ('colours: {3: [1, 0, 0, 1]}', "no material '3'"),
        ('sizes: {slide_door: [1, 2, 1]}', 'remove "sizes"'),
        ('opened: 0.5', 'opened 0.5; the joint slide_cabinet moves from 0 to 0.44'),
        ('opened: -0.1', 'opened -0.1; the joint slide_cabinet moves from 0 to 0.44'),
        (
            'joint: knob_Joint_4, opened: -0.9, handle: {body: knob 4, point: [0, 0, 0.1]}',
            r'handle \(0.0, 0.0, 0.1\); the point is on the axis of the joint knob_Joint_4',
        ),
    ],
)
def test_a_task_that_does_not_fit_the_kitchen_is_refused(tmp_path, entry, problem):
    file = tmp_path / 'own.yaml'
    file.write_text(f'mine: {{base: slide-door-open, {entry}}}\n')
    with pytest.raises(ConfigError, match=f'task mine: .*{problem}'):
        Scene(load_catalogue([file])['mine'], 48)


def test_the_environment_is_registered():
    env = gymnasium.make('irevla_sim:Kitchen-v0', disable_env_checker=True, cameras=())
    _, info = env.reset(seed=1, options={'task': 'light-on'})
    assert info['instruction'] == 'switch on the light'
    assert env.unwrapped.horizon == 80
    assert env.action_space.high[0] == pytest.approx(METRES_PER_STEP * ACTION_REPEAT)
    env.close()
