# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares the views of the cameras with those in the demonstrations of a checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from irevla_control.cameras.picture_files import save_picture
from irevla_control.cameras.view_shift import overlay, view_shift


class ViewCheck:
    """Compares live images with a checkpoint's reference image of each camera.

    Attributes:
        notes: newest finding in words, by camera.
        unknown: cameras without a reference, which are not compared.
        problem: problem of the newest views, or ''.

    """

    def __init__(
        self, views: Mapping[str, np.ndarray], limit: float, folder: Path, cameras: Sequence[str]
    ) -> None:
        """Compare nothing yet.

        Args:
            views: reference images, by camera.
            limit: longest accepted shift [pixels].
            folder: folder for overlays.
            cameras: all cameras of the policy.

        """
        self._views, self._limit, self._folder = views, limit, folder
        self.unknown = [camera for camera in cameras if camera not in views]
        self.notes = {
            **dict.fromkeys(views, 'not compared yet'),
            **dict.fromkeys(self.unknown, 'not compared: the checkpoint has no reference view'),
        }
        self.problem = ''

    def look(self, images: Mapping[str, np.ndarray]) -> None:
        """Compare images uint8 (size, size, 3) RGB, by camera."""
        problems = [
            self._look(camera, image) for camera, image in images.items() if camera in self._views
        ]
        self.problem = '; '.join(filter(None, problems))

    def _look(self, camera: str, image: np.ndarray) -> str:
        view = self._views[camera]
        shift = view_shift(view, image) if image.shape[:2] == view.shape[:2] else None
        if shift is None:
            self.notes[camera] = 'cannot be compared: too little is static, or its size differs'
            return ''
        self.notes[camera] = f'{shift}, likeness {shift.likeness:.2f}'
        problem = shift.problem(self._limit)
        if not problem:
            return ''
        path = self._folder / f'{camera}_overlay.png'
        try:
            save_picture(path, overlay(view, image))
            where = f'look at {path} (red: demonstrations, cyan: now)'
        except OSError as error:
            where = f'its overlay cannot be written: {error}'
        return (
            f'camera {camera} {problem}; {where}, and put it back or record demonstrations again'
        )
