# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The parts of a model that a camera may see, in an order that is fast to draw.

Leaving out the others changes no pixel.
"""

import mujoco
import numpy as np

ARM_GROUP = 3
# A group that is not drawn.
HIDDEN_GROUP = 5
# MuJoCo's colour of a part that is given none.
DEFAULT_COLOUR = np.array([0.5, 0.5, 0.5, 1.0], np.float32)
STATIC = mujoco.mjtCatBit.mjCAT_STATIC


class VisibleScene:
    """A MuJoCo scene that is filled for one camera at a time."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Read the sizes of a model, which must not change."""
        self.scene = mujoco.MjvScene(model, maxgeom=1000)
        for flag in (
            mujoco.mjtRndFlag.mjRND_SHADOW,
            mujoco.mjtRndFlag.mjRND_REFLECTION,
            mujoco.mjtRndFlag.mjRND_SKYBOX,
        ):
            self.scene.flags[flag] = False
        self._option = mujoco.MjvOption()
        # Colliding meshes (the hand) are drawn as convex hulls, which have far fewer triangles.
        self._option.flags[mujoco.mjtVisFlag.mjVIS_CONVEXHULL] = True
        self._perturbation = mujoco.MjvPerturb()
        self._view = mujoco.MjvCamera()
        self._view.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._model = model
        self._groups = np.concatenate((model.geom_group, model.site_group))
        self._floor = np.concatenate(
            (model.geom_type == mujoco.mjtGeom.mjGEOM_PLANE, np.zeros(model.nsite, bool))
        )
        self._floor_groups = np.where(self._floor, self._groups, HIDDEN_GROUP)
        # The sum of half sizes is more than the radius of any solid of these sizes.
        radius = np.maximum(model.geom_rbound, model.geom_size.sum(axis=1))
        radius = np.concatenate((radius, model.site_size.sum(axis=1)))
        radius[self._floor] = np.inf
        # Half width of the image at distance 1; radii along the pyramid's sides.
        self._slopes = np.tan(np.deg2rad(model.cam_fovy) / 2)
        self._radii = radius * np.sqrt(1 + self._slopes[:, None] ** 2)

    def has_transparent_parts(self) -> bool:
        """Return whether a part that may be drawn is partly transparent."""
        model = self._model
        colours = np.concatenate((model.geom_rgba, model.site_rgba))
        materials = np.concatenate((model.geom_matid, model.site_matid))
        # As in MuJoCo a material (-1: none) gives the colour of a part that has the default's.
        by_material = (materials >= 0) & (colours == DEFAULT_COLOUR).all(axis=1)
        opacity = colours[:, 3]
        opacity[by_material] = model.mat_rgba[materials[by_material], 3]
        drawn = self._groups <= ARM_GROUP
        return bool((drawn & (opacity > 0) & (opacity < 1)).any())

    def fill(self, data: mujoco.MjData, camera: int, categories: int, shows_arm: bool) -> None:
        """Fill the scene with what a camera (its id) may see in a square image.

        Args:
            data: poses of the parts.
            camera: id of the camera.
            categories: `mujoco.mjtCatBit`.
            shows_arm: whether group ARM_GROUP is drawn.

        """
        model, option = self._model, self._option
        self._view.fixedcamid = camera
        option.geomgroup[ARM_GROUP] = shows_arm
        seen = self._seen(data, camera)
        self._show(np.where(seen & ~self._floor, self._groups, HIDDEN_GROUP))
        mujoco.mjv_updateScene(
            model, data, option, self._perturbation, self._view, categories, self.scene
        )
        if categories & STATIC:
            # Last, because most of its pixels, which take longest, are behind other parts.
            self._show(self._floor_groups)
            mujoco.mjv_addGeoms(model, data, option, self._perturbation, STATIC, self.scene)
        self._show(self._groups)

    def _show(self, groups: np.ndarray) -> None:
        self._model.geom_group[:] = groups[: self._model.ngeom]
        self._model.site_group[:] = groups[self._model.ngeom :]

    def _seen(self, data: mujoco.MjData, camera: int) -> np.ndarray:
        """Return which bounding spheres of geoms and sites reach into the camera's pyramid."""
        points = np.concatenate((data.geom_xpos, data.site_xpos)) - data.cam_xpos[camera]
        x, y, z = (points @ data.cam_xmat[camera].reshape(3, 3)).T
        # A camera looks along its negative z axis.
        limit = self._radii[camera] - self._slopes[camera] * z
        return np.maximum(np.abs(x), np.abs(y)) <= limit
