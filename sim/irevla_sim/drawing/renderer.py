# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fast rendering of a model: no shadows, no multisampling, fixed parts drawn once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import functools
from types import MappingProxyType

import mujoco
import numpy as np

from irevla_control.errors import ConfigError
from irevla_sim.drawing.simplified_meshes import upload_simplified
from irevla_sim.drawing.visible_scene import VisibleScene

HALF_TURN = np.array([0.0, 0.0, 0.0, 1.0])
MOVING = mujoco.mjtCatBit.mjCAT_DYNAMIC | mujoco.mjtCatBit.mjCAT_DECOR


@dataclass(frozen=True)
class Camera:
    """A view of the scene.

    Attributes:
        source: the model's name of the camera.
        upside_down: whether the model mounts the camera upside down.
        shows_arm: whether the arm's links are drawn; false for a camera that cannot see them.

    """

    source: str
    upside_down: bool = False
    shows_arm: bool = True


def find_camera(name: str, cameras: Mapping[str, Camera]) -> Camera:
    """Return a camera by name.

    Raises:
        ConfigError: the name is unknown.

    """
    if name not in cameras:
        raise ConfigError(f'unknown camera {name!r}; known: {", ".join(cameras)}')
    return cameras[name]


def place_cameras(
    model: mujoco.MjModel,
    cameras: Mapping[str, Camera],
    offsets: Mapping[str, Sequence[float]],
) -> None:
    """Turn cameras of a model upright and move them by their offsets (x, y, z) [m], once.

    Raises:
        ConfigError: a camera is unknown.

    """
    for camera in cameras.values():
        if camera.upside_down:
            view = model.camera(camera.source)
            mujoco.mju_mulQuat(view.quat, view.quat.copy(), HALF_TURN)
    for name, offset in offsets.items():
        model.camera(find_camera(name, cameras).source).pos += offset


@functools.cache
def _gl_context() -> mujoco.GLContext:
    # One per process: with one each, closing a renderer would free objects of another.
    return mujoco.GLContext(1, 1)


class Renderer:
    """Renders one model; renderers may be closed in any order, all in one thread."""

    def __init__(
        self,
        model: mujoco.MjModel,
        size: int,
        cameras: Mapping[str, Camera],
        cells_m: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Prepare to render a model, whose drawing quality this changes.

        Args:
            model: its cameras are upright (`place_cameras`).
            size: images have ``size`` x ``size`` pixels.
            cameras: by the name that `render` takes.
            cells_m: meshes that are drawn with one vertex for each cell of a size [m].

        """
        self._model = model
        self._cameras = cameras
        self._size = size
        model.vis.quality.shadowsize = 0
        model.vis.quality.offsamples = 0
        # Bands of triangles of round solids along their axis; more change nearly no pixel.
        model.vis.quality.numstacks = 8
        model.vis.global_.offwidth = model.vis.global_.offheight = size
        _gl_context().make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        upload_simplified(model, self._context, cells_m)
        self._visible = VisibleScene(model)
        self._rectangle = mujoco.MjrRect(0, 0, size, size)
        self._ids = {name: model.camera(one.source).id for name, one in cameras.items()}
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
        find_camera(name, self._cameras)
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
                self._model.light_active,
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
        self._visible.fill(data, self._ids[name], categories, self._cameras[name].shows_arm)
        mujoco.mjr_render(self._rectangle, self._visible.scene, self._context)
        picture = np.empty((self._size, self._size, 3), np.uint8)
        mujoco.mjr_readPixels(picture, depth, self._rectangle, self._context)
        return picture
