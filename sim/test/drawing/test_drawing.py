# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parts and meshes are found and simplified without a change of what one sees."""

import mujoco
import numpy as np
import pytest

from irevla_sim.drawing.simplified_meshes import simplify
from irevla_sim.drawing.visible_scene import VisibleScene


@pytest.mark.parametrize(
    ('part', 'transparent'),
    [
        ('<geom size="1" rgba="1 0 0 0.5"/>', True),
        ('<geom size="1" material="glass"/>', True),
        # A part's own colour goes before that of its material.
        ('<geom size="1" material="solid" rgba="1 0 0 0.5"/>', True),
        ('<geom size="1" material="glass" rgba="1 0 0 1"/>', False),
        ('<geom size="1" material="glass" rgba="1 0 0 0"/>', False),
        ('<geom size="1" material="glass" group="4"/>', False),
        ('<site size="1" material="glass"/>', True),
        ('<site size="1" material="glass" rgba="1 0 0 1"/>', False),
    ],
)
def test_transparent_parts_are_found_as_mujoco_colours_them(part, transparent):
    model = mujoco.MjModel.from_xml_string(f"""
        <mujoco><asset><material name="glass" rgba="0 0 1 0.3"/><material name="solid"/></asset>
        <worldbody><geom size="1"/>{part}</worldbody></mujoco>""")
    data, visible = mujoco.MjData(model), VisibleScene(model)
    assert visible.has_transparent_parts() == transparent
    mujoco.mj_forward(model, data)
    mujoco.mjv_updateScene(
        *(model, data, mujoco.MjvOption(), None, mujoco.MjvCamera()),
        *(mujoco.mjtCatBit.mjCAT_ALL, visible.scene),
    )
    shown = visible.scene.geoms[: visible.scene.ngeom]
    assert any(0 < one.rgba[3] < 1 for one in shown) == transparent


def test_a_simplified_ball_stays_a_ball_with_fewer_triangles():
    turn, height = np.meshgrid(np.linspace(0, 2 * np.pi, 97), np.linspace(-1, 1, 49)[1:-1])
    ring = np.sqrt(1 - height**2)
    ball = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=-1).reshape(-1, 3)
    index = np.arange(len(ball)).reshape(height.shape)
    one, two, three, four = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate(
        [np.stack([one, two, three], -1), np.stack([one, three, four], -1)]
    ).reshape(-1, 3)
    vertices, normals, simple = simplify(ball.astype(np.float32), faces, 0.25)
    assert len(simple) < len(faces) / 5
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1, atol=0.02)
    assert (np.einsum('ij,ij->i', normals, vertices) > 0.95).all()
    assert len(np.unique(simple, axis=0)) == len(simple)
