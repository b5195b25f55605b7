# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fast rendering of a Meta-World scene: no shadows, no multisampling, a simplified arm."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import functools

import mujoco
import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.metaworld.simplified_meshes import upload_simplified
from irevla_sim.metaworld.visible_scene import ARM_GROUP, VisibleScene

HALF_TURN = np.array([0.0, 0.0, 0.0, 1.0])
# The arm's finest meshes, all far from the workspace, are drawn as solids of the same size.
SOLIDS = {
    'head': mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    'l1': mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    'l0': mujoco.mjtGeom.mjGEOM_CAPSULE,
    'base': mujoco.mjtGeom.mjGEOM_CYLINDER,
    'pedestal': mujoco.mjtGeom.mjGEOM_CYLINDER,
}
# Its other meshes are drawn with one vertex for each cell of this size [m].
LINK_CELLS = dict.fromkeys(('l2', 'l3', 'l4', 'l5'), 0.01) | {'l6': 0.006, 'eGripperBase': 0.006}
MOVING = mujoco.mjtCatBit.mjCAT_DYNAMIC | mujoco.mjtCatBit.mjCAT_DECOR


@dataclass(frozen=True)
class Camera:
    """A view of the scene.

    Attributes:
        source: Meta-World's name of the camera.
        upside_down: whether Meta-World mounts the camera upside down.
        shows_arm: whether the arm's links are drawn; false for a camera that cannot see them.

    """

    source: str
    upside_down: bool = False
    shows_arm: bool = True


# Not corner2, at (0.75, 0.075, 0.7) m, for `front`: objects are very small in its images.
CAMERAS = {
    'front': Camera('corner4', upside_down=True),
    'wrist': Camera('gripperPOV', shows_arm=False),
    'corner': Camera('corner', upside_down=True),
    'corner2': Camera('corner2', upside_down=True),
    'corner3': Camera('corner3', upside_down=True),
    'topview': Camera('topview'),
    'behind_gripper': Camera('behindGripper'),
}


def find_camera(name: str) -> Camera:
    """Return a camera by name.

    Raises:
        ConfigError: the name is unknown.

    """
    if name not in CAMERAS:
        raise ConfigError(f'unknown camera {name!r}; known: {", ".join(CAMERAS)}')
    return CAMERAS[name]


def prepare_model(
    model: mujoco.MjModel, offsets: Mapping[str, Sequence[float]], show_goal: bool = False
) -> None:
    """Make a model fast to render and its views upright; its physics does not change.

    Args:
        model: changed in place, once, before a `Renderer` is created.
        offsets: camera name to its offset (x, y, z) [m].
        show_goal: whether the goal's marker is drawn; a policy could use it in place of the
            instruction.

    Raises:
        ConfigError: a camera is unknown.

    """
    model.vis.quality.shadowsize = 0
    model.vis.quality.offsamples = 0
    # Bands of triangles of round solids along their axis; more change nearly no pixel.
    model.vis.quality.numstacks = 8
    for camera in CAMERAS.values():
        if camera.upside_down:
            view = model.camera(camera.source)
            mujoco.mju_mulQuat(view.quat, view.quat.copy(), HALF_TURN)
    for name, offset in offsets.items():
        model.camera(find_camera(name).source).pos += offset
    for site in range(model.nsite):
        if 'goal' in model.site(site).name and not show_goal:
            model.site(site).rgba[3] = 0
    for geom in np.flatnonzero(model.geom_type == mujoco.mjtGeom.mjGEOM_MESH):
        mesh = model.mesh(model.geom_dataid[geom]).name
        if mesh in SOLIDS or mesh in LINK_CELLS:
            model.geom_group[geom] = ARM_GROUP
        if mesh in SOLIDS:
            x, y, z = model.geom_aabb[geom, 3:]
            kind = SOLIDS[mesh]
            model.geom_type[geom] = kind
            radius = (x + y) / 2
            model.geom_size[geom] = {
                mujoco.mjtGeom.mjGEOM_ELLIPSOID: (x, y, z),
                mujoco.mjtGeom.mjGEOM_CAPSULE: (radius, z - radius, 0),
                mujoco.mjtGeom.mjGEOM_CYLINDER: (radius, z, 0),
            }[kind]


@functools.cache
def _gl_context() -> mujoco.GLContext:
    # One per process: with one each, closing a renderer would free objects of another.
    return mujoco.GLContext(1, 1)


class Renderer:
    """Renders one model; renderers may be closed in any order, all in one thread."""

    def __init__(self, model: mujoco.MjModel, size: int) -> None:
        """Render ``size`` x ``size`` pixels of a model prepared by `prepare_model`."""
        self._model = model
        self._size = size
        model.vis.global_.offwidth = model.vis.global_.offheight = size
        _gl_context().make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        upload_simplified(model, self._context, LINK_CELLS)
        self._visible = VisibleScene(model)
        self._rectangle = mujoco.MjrRect(0, 0, size, size)
        self._ids = {name: model.camera(one.source).id for name, one in CAMERAS.items()}
        self._backgrounds: dict[str, tuple[bytes, np.ndarray, np.ndarray]] = {}
        # MuJoCo's category of static parts: a mocap body is welded to the world, and moves.
        fixed = (model.body_weldid == 0) & (model.body_mocapid[model.body_rootid] < 0)
        self._fixed_geoms = np.flatnonzero(fixed[model.geom_bodyid])
        self._fixed_sites = np.flatnonzero(fixed[model.site_bodyid])
        # What is behind a transparent part must be drawn together with it.
        self._layers = not self._visible.has_transparent_parts()

    def render(self, data: mujoco.MjData, name: str) -> np.ndarray:
        """Return the upright image of a camera, uint8 (size, size, 3) RGB.

        Raises:
            ConfigError: the camera is unknown.

        """
        find_camera(name)
        _gl_context().make_current()
        # Renderers share the GL context, in which the last one left its buffer bound.
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        if not self._layers or self._model.cam_bodyid[self._ids[name]]:
            return self._draw(data, name, mujoco.mjtCatBit.mjCAT_ALL)[::-1].copy()
        depth = np.empty((self._size, self._size), np.float32)
        picture, distance = self._background(data, name, depth)
        moving = self._draw(data, name, MOVING, depth)
        nearer = np.flatnonzero(depth < distance)
        picture = picture.copy()
        picture.reshape(-1, 3)[nearer] = moving.reshape(-1, 3)[nearer]
        return picture[::-1].copy()

    def close(self) -> None:
        """Free the resources of the rendering library."""
        _gl_context().make_current()
        self._context.free()

    def _background(
        self, data: mujoco.MjData, name: str, depth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return image and depth of what is fixed to the world, drawn again if it changed."""
        number = self._ids[name]
        state = b''.join(
            values.tobytes()
            for values in (
                data.cam_xpos[number],
                data.cam_xmat[number],
                data.geom_xpos[self._fixed_geoms],
                data.geom_xmat[self._fixed_geoms],
                data.site_xpos[self._fixed_sites],
                self._model.geom_rgba,
            )
        )
        known = self._backgrounds.get(name)
        if known is None or known[0] != state:
            picture = self._draw(data, name, mujoco.mjtCatBit.mjCAT_STATIC, depth)
            known = self._backgrounds[name] = (state, picture, depth.copy())
        return known[1:]

    def _draw(
        self, data: mujoco.MjData, name: str, categories: int, depth: np.ndarray | None = None
    ) -> np.ndarray:
        """Return an image, from the lowest row to the highest; write its depth."""
        self._visible.fill(data, self._ids[name], categories, CAMERAS[name].shows_arm)
        mujoco.mjr_render(self._rectangle, self._visible.scene, self._context)
        picture = np.empty((self._size, self._size, 3), np.uint8)
        mujoco.mjr_readPixels(picture, depth, self._rectangle, self._context)
        return picture
