# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Cameras and fast rendering of Franka Kitchen: no shadows, an arm of few triangles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import mujoco
import numpy as np

from irevla_sim.drawing import renderer
from irevla_sim.drawing.renderer import Camera
from irevla_sim.drawing.simplified_meshes import simplify_before_compiling
from irevla_sim.drawing.textures import share_textures
from irevla_sim.drawing.visible_scene import ARM_GROUP, HIDDEN_GROUP

CAMERAS = {
    name: Camera(name) for name in ('front', 'wrist', 'overview', 'left', 'right', 'topview')
}
# Views of the counter: point that is looked at [m], distance [m], azimuth and elevation [deg].
VIEWS = {
    'front': ((-0.45, 0.5, 2.12), 2.1, 76.0, -26.0),
    'overview': ((-0.2, 0.5, 1.9), 3.2, 90.0, -18.0),
    'left': ((-0.3, 0.5, 2.05), 1.9, 60.0, -22.0),
    'right': ((-0.3, 0.5, 2.0), 2.2, 125.0, -25.0),
    'topview': ((-0.3, 0.4, 1.7), 2.2, 90.0, -75.0),
}
VIEW_ANGLE_DEG = 45.0
# The camera on the hand, in the frame of the last link, whose z axis points to the fingertips:
# between the fingers' sides, above the hand when it points to the cabinets.
WRIST_BODY = 'panda0_link7'
WRIST_TURN_DEG = -45.0
WRIST_HEIGHT_M, WRIST_FORWARD_M = 0.09, 0.1
WRIST_TILT_DEG, WRIST_ANGLE_DEG = 15.0, 75.0
# Parts with materials of their own, so that a variant can give each a colour: the part's
# material, its bodies and the model's material that it takes the place of.
PARTS = {
    'slide_door': (('slidelink',), 'M_slide_blue'),
    'left_door': (('hingeleftdoor',), 'M_hinge_blue'),
    'right_door': (('hingerightdoor',), 'M_hinge_blue'),
    'microwave_door': (('microdoorroot',), 'micro_black'),
    'light_switch': (('lightswitchroot',), 'oven_metal'),
    'knobs': (('knob 1', 'knob 2', 'knob 3', 'knob 4'), 'oven_metal'),
}
# The arm's fine meshes, by the beginning of their names, have 134000 triangles; with one vertex
# for each cell of this size [m] they have 7600. Those to collide are convex: too thick.
LINKS, LINK_CELL_M = (*(f'link{number}' for number in range(8)), 'hand'), 0.015
# The lamp of the hood is behind a block until this joint has moved half of its way.
LAMP_JOINT, LAMP_ON_M = 'light_joint', -0.025
# What is drawn, by its distance from the camera [m]: the original's 0.07 would cut open what the
# fingers touch.
NEAREST_M, FARTHEST_M = 0.01, 20.0
# A model's 14 textures take 200 MB of memory to draw, and many are the same picture.
TEXTURE_SIZE = 256
# Dark glass in place of clear glass: what is behind it would have to be drawn together with it.
GLASS, GLASS_COLOUR = 'micro_window', (0.12, 0.12, 0.12, 1.0)


def prepare_spec(
    spec: mujoco.MjSpec, offsets: Mapping[str, Sequence[float]] = MappingProxyType({})
) -> None:
    """Add cameras and the parts' materials to a kitchen's model; make it fast to draw.

    Its physics stays.

    Args:
        spec: changed in place, once, before it is compiled.
        offsets: camera name to its offset (x, y, z) [m]; the wrist's in the frame of the last
            link, whose z axis points to the fingertips.

    Raises:
        ConfigError: a camera is unknown.

    """
    add_cameras(spec)
    for name, offset in offsets.items():
        source = renderer.find_camera(name, CAMERAS).source
        camera = next(one for one in spec.cameras if one.name == source)
        camera.pos = camera.pos + np.asarray(offset)
    simplify_before_compiling(spec, {f'{link}_viz': LINK_CELL_M for link in LINKS})
    for part, (bodies, name) in PARTS.items():
        _copy_material(spec, name, part)
        for body in bodies:
            for geom in spec.body(body).geoms:
                if geom.material == name:
                    geom.material = part
    spec.material(GLASS).rgba = GLASS_COLOUR
    share_textures(spec, Path(spec.modelfiledir) / spec.texturedir, TEXTURE_SIZE)


def add_cameras(spec: mujoco.MjSpec) -> None:
    """Add the cameras to a kitchen's model before it is compiled."""
    for name, (point, distance, azimuth, elevation) in VIEWS.items():
        turn, lift = np.deg2rad([azimuth, elevation])
        forward = np.array(
            [np.cos(lift) * np.cos(turn), np.cos(lift) * np.sin(turn), np.sin(lift)]
        )
        spec.worldbody.add_camera(
            name=name,
            pos=np.array(point) - distance * forward,
            quat=_facing(np.array([np.sin(turn), -np.cos(turn), 0.0]), forward),
            fovy=VIEW_ANGLE_DEG,
        )
    turn, tilt = np.deg2rad([WRIST_TURN_DEG, WRIST_TILT_DEG])
    up = np.array([np.cos(turn), np.sin(turn), 0.0])
    right = np.array([-np.sin(turn), np.cos(turn), 0.0])
    ahead = np.array([0.0, 0.0, 1.0])
    spec.body(WRIST_BODY).add_camera(
        name='wrist',
        pos=WRIST_HEIGHT_M * up + WRIST_FORWARD_M * ahead,
        quat=_facing(right, np.cos(tilt) * ahead - np.sin(tilt) * up),
        fovy=WRIST_ANGLE_DEG,
    )


def _copy_material(spec: mujoco.MjSpec, name: str, copy: str) -> None:
    source = spec.material(name)
    spec.add_material(
        name=copy,
        textures=source.textures,
        texuniform=source.texuniform,
        texrepeat=source.texrepeat,
        rgba=source.rgba,
        shininess=source.shininess,
        specular=source.specular,
    )


def _facing(right: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Return the quaternion (w, x, y, z) of a camera, which looks along its negative z axis."""
    matrix = np.stack([right, np.cross(right, forward), -forward], axis=1)
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, matrix.ravel())
    return quaternion


class Renderer(renderer.Renderer):
    """Renders one model that was compiled after `prepare_spec`."""

    def __init__(self, model: mujoco.MjModel, size: int) -> None:
        """Render ``size`` x ``size`` pixels; of the model only its drawing is changed."""
        # Triangles around a round solid; more change nearly no pixel.
        model.vis.quality.numslices = 16
        model.vis.map.znear = NEAREST_M / model.stat.extent
        model.vis.map.zfar = FARTHEST_M / model.stat.extent
        # Groups from 3 on are shapes to collide with and markers of goals.
        model.geom_group[model.geom_group >= ARM_GROUP] = HIDDEN_GROUP
        model.site_group[:] = HIDDEN_GROUP
        self._lamp = int(np.flatnonzero(model.light_directional == 0)[0])
        self._lamp_joint = model.joint(LAMP_JOINT).qposadr[0]
        super().__init__(model, size, CAMERAS)

    def render(self, data: mujoco.MjData, name: str) -> np.ndarray:
        """Return the upright image of a camera, uint8 (size, size, 3) RGB.

        Raises:
            ConfigError: the camera is unknown.

        """
        # No shadows are drawn, so the block that covers the lamp cannot make it dark.
        self._model.light_active[self._lamp] = data.qpos[self._lamp_joint] < LAMP_ON_M
        return super().render(data, name)
