# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What scenes of a MuJoCo model share: their renderer."""

from collections.abc import Callable

import mujoco
import numpy as np

from irevla_sim.drawing.renderer import Renderer


class DrawnScene:
    """Creates its renderer for the first image, because a scene without cameras needs none."""

    def __init__(
        self,
        model: mujoco.MjModel,
        data: mujoco.MjData,
        renderer: Callable[[mujoco.MjModel, int], Renderer],
        image_size: int,
    ) -> None:
        """Draw a state of a model.

        Args:
            model: complete; a renderer may change its drawing.
            data: what is drawn.
            renderer: creates a renderer, for the model and the size.
            image_size: height and width of the images [pixels].

        """
        self.model, self.data = model, data
        self._create_renderer, self._image_size = renderer, image_size
        self._renderer: Renderer | None = None

    def render(self, camera: str) -> np.ndarray:
        """Return a camera's upright image, uint8 (size, size, 3) RGB.

        Raises:
            ConfigError: the camera is unknown.

        """
        if self._renderer is None:
            self._renderer = self._create_renderer(self.model, self._image_size)
        return self._renderer.render(self.data, camera)

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
