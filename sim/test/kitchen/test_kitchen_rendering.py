# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The kitchen's images are upright, show what tasks need, and are those of the stock model."""

import mujoco
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_sim.kitchen.rendering import CAMERAS, PARTS, Renderer, add_cameras, prepare_spec
from irevla_sim.kitchen.stock_model import read_stock_model

SIZE = 84
RED, YELLOW, GREEN, MAGENTA = (0.8, 0.05, 0.05, 1), (0.9, 0.8, 0, 1), (0, 1, 0, 1), (1, 0, 1, 1)
LAMP_OFF, LAMP_ON = {}, {'light_switch': -0.7, 'light_joint': -0.05}
ALL_OPEN = {
    'microwave': -1.5,
    'slide_cabinet': 0.4,
    'left_hinge_cabinet': -1.4,
    'right_hinge_cabinet': 1.2,
    'knob_Joint_1': -1.5,
    'bottom_right_burner': -0.009,
} | LAMP_ON


class Kitchen:
    """A prepared model with coloured parts, its state and its renderer."""

    def __init__(self, colours=(), offsets=(), prepare=prepare_spec):
        spec = read_stock_model()
        prepare(spec, dict(offsets))
        for name, colour in dict(colours).items():
            spec.material(name).rgba = colour
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        self.renderer = Renderer(self.model, SIZE)

    def picture(self, camera, joints=(), arm=()):
        mujoco.mj_resetDataKeyframe(self.model, self.data, 0)
        for name, position in dict(joints).items():
            self.data.joint(name).qpos[0] = position
        for number, change in dict(arm).items():
            self.data.qpos[number] += change
        mujoco.mj_forward(self.model, self.data)
        return self.renderer.render(self.data, camera).astype(int)


@pytest.fixture(scope='module')
def kitchen():
    made = Kitchen()
    yield made
    made.renderer.close()


@pytest.fixture(scope='module')
def coloured():
    made = Kitchen({'knobs': GREEN, 'kettle_white': MAGENTA, 'slide_door': RED})
    yield made
    made.renderer.close()


def changed(one, two):
    """Return which pixels (y, x) differ to the eye."""
    return np.abs(one - two).max(axis=-1) > 12


def green(picture):
    red, green, blue = np.moveaxis(picture, -1, 0)
    return green > 1.4 * np.maximum(red, blue) + 10


def magenta(picture):
    red, green, blue = np.moveaxis(picture, -1, 0)
    return np.minimum(red, blue) > 1.4 * green + 10


def row(mask):
    assert mask.sum() >= 4
    return np.nonzero(mask)[0].mean()


@pytest.mark.parametrize('camera', CAMERAS)
def test_images_are_upright_and_not_mirrored(coloured, camera):
    picture = coloured.picture(camera)
    assert picture.shape == (SIZE, SIZE, 3)
    assert row(green(picture)) < row(magenta(picture)) - 5
    if camera != 'wrist':
        red, others = picture[..., 0], picture[..., 1:].max(axis=-1)
        door = (red > 1.5 * others + 20) & ~magenta(picture)
        # The slide door is to the right of the middle of knobs and kettle.
        assert np.nonzero(door)[1].max() > np.nonzero(magenta(picture))[1].mean() + 5


def test_each_task_s_part_is_seen_by_the_front_camera(kitchen):
    closed = kitchen.picture('front')
    for joint, position in ALL_OPEN.items():
        if joint in ('light_joint', 'bottom_right_burner', 'right_hinge_cabinet'):
            continue
        count = changed(closed, kitchen.picture('front', {joint: position})).sum()
        assert count >= 4, joint


def test_an_open_microwave_changes_the_picture_near_it_only(kitchen):
    change = changed(kitchen.picture('front'), kitchen.picture('front', {'microwave': -1.5}))
    rows, columns = np.nonzero(change)
    assert change.sum() > 100
    assert columns.max() < SIZE / 2
    assert rows.min() > SIZE / 3


def test_red_and_yellow_doors_differ_clearly(coloured):
    yellow = Kitchen({'slide_door': YELLOW, 'knobs': GREEN, 'kettle_white': MAGENTA})
    pictures = [made.picture('front') for made in (coloured, yellow)]
    door = changed(*pictures)
    assert door.sum() > 150
    red, gold = (picture[door].mean(axis=0) for picture in pictures)
    assert red[0] > 3 * red[1]
    assert gold[1] > 0.6 * gold[0] > 3 * gold[2]
    assert np.nonzero(door)[0].max() < SIZE / 2
    yellow.renderer.close()


@pytest.mark.parametrize('part', PARTS)
def test_a_part_s_colour_changes_that_part_only(part, kitchen):
    model = kitchen.model
    bodies, _ = PARTS[part]
    number = model.mat(part).id
    of_part = {model.body(body).name for body in model.geom_bodyid[model.geom_matid == number]}
    assert of_part == set(bodies)


def test_the_lamp_is_on_only_while_its_switch_is(kitchen):
    dark, bright = (kitchen.picture('front', joints) for joints in (LAMP_OFF, LAMP_ON))
    lit = changed(dark, bright)
    assert lit.sum() > 40
    assert (bright - dark)[lit].mean() > 20
    np.testing.assert_array_equal(kitchen.picture('front'), dark)


def test_the_wrist_camera_moves_with_the_hand_and_sees_its_fingers(kitchen):
    home, turned = (kitchen.picture('wrist', arm={0: angle}) for angle in (0.0, 0.3))
    change = changed(home, turned)
    assert change.mean() > 0.3
    closed, opened = (kitchen.picture('wrist', arm={7: gap, 8: gap}) for gap in (0.0, 0.04))
    fingers = changed(closed, opened)
    assert fingers.mean() > 0.03
    # The fingers are below the middle, one on each side.
    assert np.nonzero(fingers)[0].mean() > SIZE / 2
    columns = np.nonzero(fingers)[1]
    assert columns.min() < SIZE / 2 < columns.max()


def test_what_the_fingers_touch_is_not_cut_open_by_the_wrist_camera(kitchen):
    spec = read_stock_model()
    prepare_spec(spec)
    spec.body('panda0_link7').add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE,
        size=(0.03, 0, 0),
        pos=(0.06, -0.06, 0.15),
        rgba=GREEN,
        contype=0,
        conaffinity=0,
        mass=0,
    )
    model = spec.compile()
    data, renderer = mujoco.MjData(model), Renderer(model, SIZE)
    mujoco.mj_resetDataKeyframe(model, data, 0)
    mujoco.mj_forward(model, data)
    ball = data.geom_xpos[model.geom_type == mujoco.mjtGeom.mjGEOM_SPHERE]
    distance = np.linalg.norm(ball - data.cam_xpos[model.camera('wrist').id], axis=1).min()
    assert 0.04 < distance < 0.07
    assert green(renderer.render(data, 'wrist').astype(int)).mean() > 0.2
    renderer.close()


@pytest.mark.parametrize('camera', CAMERAS)
def test_a_state_has_one_picture_however_it_was_reached(kitchen, camera):
    expected = kitchen.picture(camera)
    kitchen.picture(camera, ALL_OPEN, {0: 0.4, 3: 0.3})
    np.testing.assert_array_equal(kitchen.picture(camera), expected)
    fresh = Kitchen()
    np.testing.assert_array_equal(fresh.picture(camera), expected)
    fresh.renderer.close()


@pytest.mark.parametrize('camera', CAMERAS)
def test_a_kept_background_and_hidden_parts_change_no_pixel(kitchen, camera):
    renderer = kitchen.renderer
    assert renderer._layers
    picture = kitchen.picture(camera, ALL_OPEN)
    visible = renderer._visible
    radii = visible._radii.copy()
    renderer._layers, visible._radii[:] = False, np.inf
    plain = kitchen.picture(camera, ALL_OPEN)
    renderer._layers, visible._radii[:] = True, radii
    np.testing.assert_array_equal(plain, picture)


def test_goal_marks_and_shapes_to_collide_with_are_not_drawn(kitchen):
    def mark(spec, offsets):
        prepare_spec(spec, offsets)
        for site in spec.sites:
            site.rgba, site.size = MAGENTA, (0.1, 0.1, 0.1)
        for geom in spec.geoms:
            if geom.group >= 3:
                geom.rgba = MAGENTA

    marked = Kitchen(prepare=mark)
    for camera in CAMERAS:
        np.testing.assert_array_equal(marked.picture(camera), kitchen.picture(camera))
    marked.renderer.close()


def test_images_are_nearly_those_of_the_stock_model_without_effects(kitchen):
    spec = read_stock_model()
    add_cameras(spec)
    model = spec.compile()
    model.vis.quality.offsamples = 0
    data = mujoco.MjData(model)
    with mujoco.Renderer(model, SIZE, SIZE) as stock:
        for camera in ('front', 'wrist'):
            # The lamp is on in both: without shadows the stock model's is never off.
            picture = kitchen.picture(camera, ALL_OPEN)
            data.qpos[:] = kitchen.data.qpos
            mujoco.mj_forward(model, data)
            stock.update_scene(data, camera)
            stock.scene.flags[:] = 0
            change = np.abs(stock.render().astype(int) - picture)
            assert change.mean() < 5, camera
            assert (change.max(axis=-1) > 40).mean() < 0.05, camera


def test_physics_is_that_of_the_stock_model(kitchen):
    models = read_stock_model().compile(), kitchen.model
    states = []
    for model in models:
        data = mujoco.MjData(model)
        mujoco.mj_resetDataKeyframe(model, data, 0)
        data.ctrl[:] = 0.3
        mujoco.mj_step(model, data, 60)
        states.append(np.concatenate([data.qpos, data.qvel]))
    np.testing.assert_array_equal(*states)


def test_an_offset_moves_its_camera_only(kitchen):
    moved = Kitchen(offsets={'front': (0.2, 0.0, 0.1)})
    assert changed(moved.picture('front'), kitchen.picture('front')).mean() > 0.2
    np.testing.assert_array_equal(moved.picture('left'), kitchen.picture('left'))
    moved.renderer.close()
    with pytest.raises(ConfigError, match="unknown camera 'back'; known: front, wrist"):
        prepare_spec(read_stock_model(), {'back': (0, 0, 0)})


def test_textures_are_shared_and_small(kitchen):
    assert kitchen.model.ntex == 4
    assert kitchen.model.tex_data.nbytes < 1e6
