# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The cameras of the Panda's scene: rendered from its shared state, read through the SDK."""

import atexit
import threading
import time

import mujoco
import numpy as np
import pyrealsense2 as rs

from irevla_control.cameras.settings import CameraError
from irevla_sim.panda.devices.software_camera import SoftwareCamera
from irevla_sim.panda.scene import CAMERAS, PandaScene
from irevla_sim.panda.shared_scene import SharedScene

# Modes of a D435, and smaller ones for machines with two cores: width, height [pixels], fps [Hz].
MODES = [
    (width, height, fps)
    for width, height in ((640, 480), (424, 240), (320, 240))
    for fps in (6, 10, 15, 30)
]
# The collision geometry of the arm has 250 times fewer triangles than the visual one.
DRAWN_GROUPS = (0, 3)
# Noise is added to every NOISY-th column.
NOISY = 8
# Shortest and longest interval between checks whether an image is due [s].
SHORTEST_S, IDLE_S = 0.001, 0.02


class SceneCameras:
    """Renders the image of each opened camera, in its own thread, until it is closed."""

    def __init__(self, shared: SharedScene) -> None:
        """Create the cameras of a simulated robot's scene and start the thread."""
        self._shared = shared
        model = PandaScene().model_alone()
        self._model, self._data = model, mujoco.MjData(model)
        # The wrist camera is rendered first, so that its image is published before that of the
        # front camera, which gives the stamp of an observation in the launch files.
        self._cameras = {
            name: SoftwareCamera(name, MODES, np.deg2rad(model.camera(name).fovy[0]))
            for name in CAMERAS
        }
        self._random = np.random.default_rng()
        self.unplugged: set[str] = set()
        # Cameras whose images are black.
        self.covered: set[str] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name='scene-cameras', daemon=True)
        # Python crashes if it ends while a thread renders, so `close` must always run.
        atexit.register(self.close)
        self._thread.start()

    def find(self, serial: str) -> rs.device:
        """Return the camera with a serial number, which is its name.

        Raises:
            CameraError: there is no such camera, or it is unplugged.

        """
        plugged = [name for name in self._cameras if name not in self.unplugged]
        if serial not in plugged:
            raise CameraError(
                f'no camera has serial {serial}; connected are {", ".join(plugged) or "none"}'
            )
        return self._cameras[serial].device

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join()
        atexit.unregister(self.close)

    def _run(self) -> None:
        """Render, in the thread that owns the GL context.

        Images follow the scene's time: if the scene falls behind on a busy machine, images and
        the commands that answer them slow down too. Cameras with the same rate give images of the
        same instants.
        """
        view: View | None = None
        drawn, wait_s = dict.fromkeys(self._cameras, -1), IDLE_S
        while not self._ending.wait(wait_s):
            wait_s = IDLE_S
            try:
                taken_s, now = self._look()
                for name, camera in self._cameras.items():
                    mode = camera.mode
                    if mode is None or name in self.unplugged:
                        continue
                    width, height, fps = mode
                    # Late images are skipped.
                    period = int(now * fps)
                    if period == drawn[name]:
                        wait_s = min(wait_s, max((period + 1) / fps - now, SHORTEST_S))
                        continue
                    drawn[name], wait_s = period, SHORTEST_S
                    if view is None or view.size != (width, height):
                        # Only one view exists at a time: views of different sizes interfere.
                        if view is not None:
                            view.close()
                        view = View(self._model, width, height)
                        # Creating a view takes long, so the state is read again.
                        taken_s, now = self._look()
                    picture = view.draw(self._data, name)
                    if name in self.covered:
                        picture = np.zeros_like(picture)
                    camera.show(self._noisy(picture), taken_s)
            except (FileNotFoundError, TimeoutError):
                # The simulated robot has ended: no images rather than old ones.
                continue
        if view is not None:
            view.close()

    def _noisy(self, picture: np.ndarray) -> np.ndarray:
        """Return an image with noise in its last bits, because images of a real sensor differ."""
        some = picture[:, ::NOISY]
        some ^= self._random.integers(0, 2, some.shape, np.uint8)
        return picture

    def _look(self) -> tuple[float, float]:
        """Read the scene's state; return Unix time and the scene's time [s]."""
        taken_s = time.time()
        now, self._data.qpos[:] = self._shared.read()
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        return taken_s, now


class View:
    """Renders a model in one size, without shadows and reflections."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        self.size = width, height
        self._renderer = mujoco.Renderer(model, height, width)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = [
            group in DRAWN_GROUPS for group in range(len(self._option.geomgroup))
        ]
        for flag in (
            mujoco.mjtRndFlag.mjRND_SHADOW,
            mujoco.mjtRndFlag.mjRND_REFLECTION,
            mujoco.mjtRndFlag.mjRND_SKYBOX,
        ):
            self._renderer.scene.flags[flag] = False

    def draw(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """Return the image of a camera, uint8 (height, width, 3) RGB."""
        self._renderer.update_scene(data, camera, self._option)
        return self._renderer.render()

    def close(self) -> None:
        """Free the resources of the rendering library."""
        self._renderer.close()
