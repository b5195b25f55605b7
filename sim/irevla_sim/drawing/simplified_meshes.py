# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Meshes with fewer triangles for drawing; the model, and so its physics, keeps its own."""

from collections.abc import Mapping
import functools
from pathlib import Path

import mujoco
import numpy as np

# Model fields that hold meshes; they are changed only while a mesh is uploaded.
MESH_FIELDS = (
    'mesh_vert',
    'mesh_normal',
    'mesh_face',
    'mesh_facenormal',
    'mesh_facenum',
    'mesh_graph',
)
STL_HEADER = 80
STL_TRIANGLE = np.dtype([('normal', '<f4', 3), ('corners', '<f4', (3, 3)), ('unused', '<u2')])


def simplify(
    vertices: np.ndarray, faces: np.ndarray, cell_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a mesh with one vertex for each occupied cell of a grid.

    The vertex of a cell is the point with the least squared distance to the planes of the
    triangles that touch the cell, so that edges and round surfaces keep their place.

    Args:
        vertices: (V, 3) [m].
        faces: (F, 3) indices of vertices.
        cell_m: edge of a cell [m].

    Returns:
        vertices (W, 3), their normals (W, 3), faces (G, 3); W <= V and G <= F.

    """
    vertices = vertices.astype(np.float64)
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    # Each triangle counts with its area, which is the length of this vector.
    weighted = np.cross(b - a, c - a)
    area = np.linalg.norm(weighted, axis=1)
    normals = weighted / np.maximum(area, 1e-20)[:, None]
    cells = np.floor((vertices - vertices.min(axis=0)) / cell_m).astype(np.int64)
    _, cluster = np.unique(cells, axis=0, return_inverse=True)
    cluster = cluster.reshape(-1)
    size = cluster.max() + 1
    corners = cluster[faces]

    def gather(values: np.ndarray) -> np.ndarray:
        total = np.zeros((size, *values.shape[1:]))
        for corner in range(3):
            np.add.at(total, corners[:, corner], values)
        return total

    count = np.bincount(cluster, minlength=size)
    mean = np.stack([np.bincount(cluster, axis, size) / count for axis in vertices.T], axis=1)
    matrix = gather(weighted[:, :, None] * normals[:, None, :])
    height = gather(weighted * np.einsum('ij,ij->i', normals, a)[:, None])
    # Flat directions keep the mean of the cell's vertices.
    inverse = np.linalg.pinv(matrix, rcond=1e-2, hermitian=True)
    offset = np.einsum('kij,kj->ki', inverse, height - np.einsum('kij,kj->ki', matrix, mean))
    offset[np.abs(offset).max(axis=1) > cell_m] = 0
    normal = gather(weighted)
    normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-20)[:, None]
    a, b, c = corners.T
    solid = corners[(a != b) & (b != c) & (c != a)]
    # Equal triangles begin at their least corner, so that each is kept once.
    turned = (solid.argmin(axis=1)[:, None] + np.arange(3)) % 3
    return mean + offset, normal, np.unique(np.take_along_axis(solid, turned, 1), axis=0)


def simplify_before_compiling(spec: mujoco.MjSpec, cells_m: Mapping[str, float]) -> None:
    """Replace meshes of a model that no part collides with.

    Args:
        spec: changed in place; the files of its meshes are binary STL.
        cells_m: name of a mesh to its cell [m].

    """
    folder = Path(spec.modelfiledir) / spec.meshdir
    for mesh in spec.meshes:
        if mesh.name in cells_m:
            points, normals, faces = _simplify_file(folder / mesh.file, cells_m[mesh.name])
            mesh.file, mesh.smoothnormal = '', False
            mesh.uservert, mesh.usernormal = points.ravel(), normals.ravel()
            mesh.userface = faces.ravel()


@functools.cache
def _simplify_file(path: Path, cell_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    content = path.read_bytes()
    number = int.from_bytes(content[STL_HEADER : STL_HEADER + 4], 'little')
    triangles = np.frombuffer(content, STL_TRIANGLE, number, STL_HEADER + 4)['corners']
    vertices, faces = np.unique(triangles.reshape(-1, 3), axis=0, return_inverse=True)
    return simplify(vertices, faces.reshape(-1, 3), cell_m)


def upload_simplified(
    model: mujoco.MjModel, context: mujoco.MjrContext, cells_m: Mapping[str, float]
) -> None:
    """Replace what a context draws of meshes; `cells_m` has the cell [m] of each by its name.

    A mesh with a convex hull is drawn as its hull (`renderer.Renderer`), so this is simplified.
    """
    kept = {name: getattr(model, name).copy() for name in MESH_FIELDS}
    for mesh in range(model.nmesh):
        if model.mesh(mesh).name in cells_m:
            _write(model, mesh, cells_m[model.mesh(mesh).name])
            mujoco.mjr_uploadMesh(model, context, mesh)
    for name, values in kept.items():
        getattr(model, name)[:] = values


def _write(model: mujoco.MjModel, mesh: int, cell_m: float) -> None:
    """Write a simplified mesh or hull in the place of the original, which is not smaller."""
    vertex, face = model.mesh_vertadr[mesh], model.mesh_faceadr[mesh]
    faces = model.mesh_face[face : face + model.mesh_facenum[mesh]]
    graph = model.mesh_graphadr[mesh]
    if graph >= 0:
        # MuJoCo's layout: numbers of vertices and faces, 3 numbers for each vertex, 3 for each
        # face, then the vertices of the faces.
        vertices, number = model.mesh_graph[graph : graph + 2]
        faces = model.mesh_graph[graph + 2 + 3 * vertices + 3 * number :][: 3 * number]
    points, normals, faces = _simplify_once(
        model.mesh_vert[vertex : vertex + model.mesh_vertnum[mesh]].tobytes(),
        faces.tobytes(),
        cell_m,
    )
    model.mesh_vert[vertex : vertex + len(points)] = points
    if graph >= 0:
        model.mesh_graph[graph : graph + 2] = 0, len(faces)
        model.mesh_graph[graph + 2 + 3 * len(faces) :][: faces.size] = faces.reshape(-1)
        return
    normal = model.mesh_normaladr[mesh]
    model.mesh_normal[normal : normal + len(normals)] = normals
    model.mesh_facenum[mesh] = len(faces)
    model.mesh_face[face : face + len(faces)] = faces
    model.mesh_facenormal[face : face + len(faces)] = faces


@functools.cache
def _simplify_once(
    vertices: bytes, faces: bytes, cell_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # The scenes of all tasks have the same arm.
    return simplify(
        np.frombuffer(vertices, np.float32).reshape(-1, 3),
        np.frombuffer(faces, np.int32).reshape(-1, 3),
        cell_m,
    )
