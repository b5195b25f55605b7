# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Parts and meshes are found and simplified without a change of what one sees."""

import mujoco
import numpy as np
from PIL import Image
import pytest

from irevla_sim.drawing.simplified_meshes import simplify, simplify_before_compiling
from irevla_sim.drawing.textures import share_textures
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


def ball(rows=49, columns=97):
    """Return the vertices and faces of a ball of radius 1."""
    turn, height = np.meshgrid(np.linspace(0, 2 * np.pi, columns), np.linspace(-1, 1, rows)[1:-1])
    ring = np.sqrt(1 - height**2)
    points = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=-1).reshape(-1, 3)
    index = np.arange(len(points)).reshape(height.shape)
    one, two, three, four = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate(
        [np.stack([one, two, three], -1), np.stack([one, three, four], -1)]
    ).reshape(-1, 3)
    return points.astype(np.float32), faces


def test_a_simplified_ball_stays_a_ball_with_fewer_triangles():
    points, faces = ball()
    vertices, normals, simple = simplify(points, faces, 0.25)
    assert len(simple) < len(faces) / 5
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 1, atol=0.02)
    assert (np.einsum('ij,ij->i', normals, vertices) > 0.95).all()
    assert len(np.unique(simple, axis=0)) == len(simple)


def test_a_mesh_is_simplified_before_it_is_compiled(tmp_path):
    points, faces = ball()
    # Binary STL: a header, the number of triangles, and for each a normal, corners, two bytes.
    record = np.zeros(
        len(faces), [('normal', '<f4', 3), ('corners', '<f4', (3, 3)), ('no', '<u2')]
    )
    record['corners'] = points[faces]
    (tmp_path / 'ball.stl').write_bytes(
        bytes(80) + len(faces).to_bytes(4, 'little') + record.tobytes()
    )
    (tmp_path / 'model.xml').write_text("""
        <mujoco><asset><mesh name="fine" file="ball.stl"/><mesh name="coarse" file="ball.stl"/>
        </asset><worldbody><geom type="mesh" mesh="fine" contype="0" conaffinity="0"/>
        <geom type="mesh" mesh="coarse" contype="0" conaffinity="0"/></worldbody></mujoco>""")
    spec = mujoco.MjSpec.from_file(str(tmp_path / 'model.xml'))
    simplify_before_compiling(spec, {'coarse': 0.25})
    model = spec.compile()
    fine, coarse = (model.mesh(name).id for name in ('fine', 'coarse'))
    assert model.mesh_facenum[fine] == len(faces)
    assert 50 < model.mesh_facenum[coarse] < len(faces) / 5
    np.testing.assert_allclose(model.geom_aabb[1], model.geom_aabb[0], atol=0.05)


def test_textures_of_the_same_picture_are_one_and_small(tmp_path):
    colours = {'red.png': (250, 10, 10), 'blue.png': (10, 10, 250)}
    for name, colour in colours.items():
        Image.new('RGB', (64, 64), colour).save(tmp_path / name)
    (tmp_path / 'model.xml').write_text("""
        <mujoco><asset>
        <texture name="sky" type="skybox" builtin="flat" width="8" height="48"/>
        <texture name="first" type="cube" file="red.png"/>
        <texture name="same" type="cube" file="red.png"/>
        <texture name="flat" type="2d" file="red.png"/>
        <texture name="other" type="cube" file="blue.png"/>
        <material name="one" texture="first"/><material name="two" texture="same"/>
        <material name="three" texture="other"/><material name="plain"/>
        <material name="floor" texture="flat"/>
        </asset></mujoco>""")
    spec = mujoco.MjSpec.from_file(str(tmp_path / 'model.xml'))
    share_textures(spec, tmp_path, 16)
    model = spec.compile()
    assert model.ntex == 3
    assert set(model.tex_width) == {16}
    seen = {}
    for number in range(model.nmat):
        texture = model.mat_texid[number].max()
        start = model.tex_adr[texture]
        seen[model.mat(number).name] = (
            (texture, *model.tex_data[start : start + 3]) if texture >= 0 else None
        )
    assert seen['one'] == seen['two']
    assert seen['one'][1:] == seen['floor'][1:] == colours['red.png']
    assert seen['floor'][0] != seen['one'][0]
    assert seen['three'][1:] == colours['blue.png']
    assert seen['plain'] is None
