# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Textures that take little memory: each picture once, and no larger than needed."""

import functools
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image


def share_textures(spec: mujoco.MjSpec, folder: Path, size: int) -> None:
    """Keep one texture for each picture and kind; delete the others and those without a file.

    Args:
        spec: changed in place, before it is compiled.
        folder: where the model's pictures are.
        size: largest edge of a texture [pixels].

    """
    kept: dict[tuple[str, int], str] = {}
    names: dict[str, str] = {}
    for texture in spec.textures:
        key = (texture.file, int(texture.type))
        if not texture.file or key in kept:
            names[texture.name] = kept.get(key, '')
            texture.delete()
            continue
        names[texture.name] = kept[key] = texture.name
        height, width, pixels = _picture(folder / texture.file, size)
        texture.file, texture.nchannel = '', 3
        texture.height, texture.width, texture.data = height, width, pixels
    for material in spec.materials:
        material.textures = [names.get(name, '') for name in material.textures]


@functools.cache
def _picture(path: Path, size: int) -> tuple[int, int, bytes]:
    with Image.open(path) as picture:
        picture = picture.convert('RGB')
        if max(picture.size) > size:
            picture.thumbnail((size, size), Image.Resampling.BOX)
        pixels = np.asarray(picture)
    return pixels.shape[0], pixels.shape[1], pixels.tobytes()
