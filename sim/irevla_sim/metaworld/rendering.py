# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Fast rendering of a Meta-World scene: no shadows, no multisampling, a simplified arm."""

from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

from irevla_sim.drawing import renderer
from irevla_sim.drawing.renderer import Camera, place_cameras
from irevla_sim.drawing.visible_scene import ARM_GROUP

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
    place_cameras(model, CAMERAS, offsets)
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


class Renderer(renderer.Renderer):
    """Renders one model that `prepare_model` changed."""

    def __init__(self, model: mujoco.MjModel, size: int) -> None:
        """Render ``size`` x ``size`` pixels."""
        super().__init__(model, size, CAMERAS, LINK_CELLS)
