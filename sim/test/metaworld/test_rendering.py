# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Images that are drawn fast show what MuJoCo draws by itself."""

import mujoco
import numpy as np
import pytest

from irevla_sim.metaworld.rendering import ARM_GROUP, CAMERAS, Renderer
from irevla_sim.metaworld.scene import Scene
from irevla_sim.metaworld.tasks import load_catalogue

CATALOGUE = load_catalogue()
MOVES = np.random.default_rng(0).uniform([-1, -1, -1, -1], [1, 1, 0.2, 1], (3, 4))


def moments(scene):
    """Play a few moves of different layouts; yield after each."""
    for seed, move in enumerate(MOVES):
        scene.reset(seed)
        yield
        for _ in range(12):
            scene.step(move)
        yield


def draw_plainly(scene, name, size, context):
    """Return an image as MuJoCo draws it: all parts, at once, with their own meshes."""
    model, camera = scene.model, CAMERAS[name]
    mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
    drawn = mujoco.MjvScene(model, maxgeom=1000)
    for flag in ('SHADOW', 'REFLECTION', 'SKYBOX'):
        drawn.flags[getattr(mujoco.mjtRndFlag, f'mjRND_{flag}')] = False
    option, view = mujoco.MjvOption(), mujoco.MjvCamera()
    option.flags[mujoco.mjtVisFlag.mjVIS_CONVEXHULL] = True
    option.geomgroup[ARM_GROUP] = camera.shows_arm
    view.type = mujoco.mjtCamera.mjCAMERA_FIXED
    view.fixedcamid = model.camera(camera.source).id
    mujoco.mjv_updateScene(
        model, scene.data, option, None, view, mujoco.mjtCatBit.mjCAT_ALL, drawn
    )
    picture, rectangle = np.empty((size, size, 3), np.uint8), mujoco.MjrRect(0, 0, size, size)
    mujoco.mjr_render(rectangle, drawn, context)
    mujoco.mjr_readPixels(picture, None, rectangle, context)
    return picture[::-1].astype(int)


@pytest.mark.parametrize(
    ('task', 'size'), [('drawer-open', 224), ('window-open', 84), ('peg-insert-side', 84)]
)
def test_images_are_nearly_those_that_mujoco_draws_by_itself(task, size):
    """Policies that learned from images of earlier versions must work as before."""
    scene = Scene(CATALOGUE[task], size)
    scene.reset(0)
    scene.render('front')
    # The number of earlier versions.
    scene.model.vis.quality.numstacks = 16
    context = mujoco.MjrContext(scene.model, mujoco.mjtFontScale.mjFONTSCALE_50)
    changes = {'front': [], 'wrist': []}
    for _ in moments(scene):
        for name, found in changes.items():
            picture = scene.render(name)
            found.append(np.abs(draw_plainly(scene, name, size, context) - picture))
    context.free()
    scene.close()
    for name, mean, share in (('front', 0.7, 0.016), ('wrist', 0.3, 0.01)):
        change = np.stack(changes[name])
        assert change.mean() < mean, name
        assert (change.max(axis=-1) > 8).mean() < share, name


@pytest.mark.parametrize('task', ['door-open', 'button-press-new', 'coffee-pull', 'reach'])
def test_a_kept_background_and_hidden_parts_change_no_pixel(task):
    scene = Scene(CATALOGUE[task], 84)
    for number, _ in enumerate(moments(scene)):
        pictures = {name: scene.render(name) for name in CAMERAS}
        renderer = scene._renderer
        assert renderer._layers
        visible = renderer._visible
        renderer._layers, radii = False, visible._radii.copy()
        visible._radii[:] = np.inf
        for name, picture in pictures.items():
            np.testing.assert_array_equal(scene.render(name), picture, f'{name} {number}')
        renderer._layers, visible._radii[:] = True, radii
    scene.close()


def test_transparent_parts_are_drawn_together_with_what_is_behind_them():
    scene = Scene(CATALOGUE['window-open'], 48)
    scene.reset(0)
    scene.render('front')
    assert not scene._renderer._layers
    scene.close()


def test_the_background_is_drawn_once_for_a_layout(monkeypatch):
    scene = Scene(CATALOGUE['drawer-open'], 48)
    drawn = []
    draw = Renderer._draw

    def count(self, data, name, categories, depth=None):
        drawn.append(categories)
        return draw(self, data, name, categories, depth)

    monkeypatch.setattr(Renderer, '_draw', count)
    for seed in (0, 0, 1):
        scene.reset(seed)
        for move in MOVES:
            scene.render('front')
            scene.step(move)
    assert drawn.count(mujoco.mjtCatBit.mjCAT_STATIC) == 2
    scene.close()


def test_drawing_leaves_the_model_as_it_was():
    scene = Scene(CATALOGUE['drawer-open'], 48)
    scene.reset(0)
    names = [name for name in dir(scene.model) if name.startswith(('mesh_', 'geom_', 'site_'))]
    before = {name: np.copy(getattr(scene.model, name)) for name in names}
    scene.render('front')
    scene.render('wrist')
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(scene.model, name), values, name)
    scene.close()
