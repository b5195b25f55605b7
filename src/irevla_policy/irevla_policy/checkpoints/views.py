# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The reference images of the cameras in a checkpoint, which are optional."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from irevla_control.cameras.picture_files import load_picture, save_picture
from irevla_policy.checkpoints.files import CheckpointError

# Not in the manifest: a policy acts without them, and older checkpoints have none.
_PREFIX = 'view_'


def view_files(folder: Path) -> list[Path]:
    """Return the files of the reference images in a checkpoint."""
    return sorted(folder.glob(f'{_PREFIX}*.png'))


def write_views(folder: Path, views: Mapping[str, np.ndarray]) -> None:
    """Write each camera's reference image, from `reference_view`, to view_<camera>.png."""
    for camera, view in views.items():
        save_picture(folder / f'{_PREFIX}{camera}.png', view)


def read_views(folder: Path) -> dict[str, np.ndarray]:
    """Return each camera's reference image, uint8 (size, size, 4); empty if there are none.

    Raises CheckpointError if a file is not a valid reference image.
    """
    views = {}
    for path in view_files(folder):
        try:
            view = load_picture(path)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f'{path} cannot be read: {error}; copy the checkpoint again, or remove the file'
            ) from error
        if view.shape[2] != 4:
            raise CheckpointError(
                f'{path} does not tell what is static (an alpha channel); copy '
                'the checkpoint again, or remove the file'
            )
        views[path.stem.removeprefix(_PREFIX)] = view
    return views
