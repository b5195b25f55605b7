# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The cameras of the Panda's scene: drawn from its shared state, seen through the SDK."""

import atexit
import threading
import time

import mujoco
import numpy as np
import pyrealsense2 as rs

from irevla_control.cameras.settings import CameraError
from irevla_sim.panda.scene import CAMERAS, PandaScene
from irevla_sim.panda.shared_scene import SharedScene
from irevla_sim.panda.software_camera import SoftwareCamera

# What a D435 offers too, and less for who has two cores: width, height [pixels], frames/s.
MODES = [(width, height, fps) for width, height in ((640, 480), (424, 240), (320, 240))
         for fps in (6, 10, 15, 30)]
# The arm as it collides has 250 times fewer triangles than the arm as it looks.
DRAWN_GROUPS = (0, 3)
# Columns of which one is noisy.
NOISY = 8
# Between two looks whether a picture is due [s].
SHORTEST_S, IDLE_S = 0.001, 0.02


class SceneCameras:
    """Draws what each opened camera sees, in a thread of its own, until it is closed."""

    def __init__(self, shared: SharedScene) -> None:
        """Look at the scene of a simulated robot."""
        self._shared = shared
        model = PandaScene().model_alone()
        self._model, self._data = model, mujoco.MjData(model)
        # The wrist's first: what belongs to the leading camera's picture, as launched the front's,
        # is there when that comes.
        self._cameras = {
            name: SoftwareCamera(name, MODES, np.deg2rad(model.camera(name).fovy[0]))
            for name in CAMERAS}
        self._random = np.random.default_rng()
        self.unplugged: set[str] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name='scene-cameras', daemon=True)
        # Python that ends while a thread draws crashes, whatever kept `close` from being called.
        atexit.register(self.close)
        self._thread.start()

    def find(self, serial: str) -> rs.device:
        """Return a camera, whose serial number is its name.

        Raises:
            CameraError: there is none, or it is unplugged.

        """
        plugged = [name for name in self._cameras if name not in self.unplugged]
        if serial not in plugged:
            raise CameraError(f'no camera has serial {serial}; connected are '
                              f'{", ".join(plugged) or "none"}')
        return self._cameras[serial].device

    def close(self) -> None:
        """End the drawing."""
        self._ending.set()
        self._thread.join()
        atexit.unregister(self.close)

    def _run(self) -> None:
        """Draw, in the one thread that owns the drawing context.

        The pace is that of the scene's time: where a busy machine lets the scene fall behind,
        pictures and what answers them slow down with it, and the arm does all that it is told.
        Pictures of the same rate are of the same instants.
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
                    # Late pictures are left out, not made up for.
                    period = int(now * fps)
                    if period == drawn[name]:
                        wait_s = min(wait_s, max((period + 1) / fps - now, SHORTEST_S))
                        continue
                    drawn[name], wait_s = period, SHORTEST_S
                    if view is None or view.size != (width, height):
                        # One at a time: two of different sizes spoil each other's pictures.
                        if view is not None:
                            view.close()
                        view = View(self._model, width, height)
                        # That took long.
                        taken_s, now = self._look()
                    camera.show(self._noisy(view.draw(self._data, name)), taken_s)
            except (FileNotFoundError, TimeoutError):
                # The simulated robot is gone: no pictures instead of old ones.
                continue
        if view is not None:
            view.close()

    def _noisy(self, picture: np.ndarray) -> np.ndarray:
        """Return a picture with noise in its last bits: two of a real sensor are never equal."""
        some = picture[:, ::NOISY]
        some ^= self._random.integers(0, 2, some.shape, np.uint8)
        return picture

    def _look(self) -> tuple[float, float]:
        """Take over the scene as it is; return Unix time and the scene's time [s]."""
        taken_s = time.time()
        now, self._data.qpos[:] = self._shared.read()
        mujoco.mj_kinematics(self._model, self._data)
        mujoco.mj_camlight(self._model, self._data)
        return taken_s, now


class View:
    """Draws a model in one size, without shadows and reflections."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        self.size = width, height
        self._renderer = mujoco.Renderer(model, height, width)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = [group in DRAWN_GROUPS
                                     for group in range(len(self._option.geomgroup))]
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION,
                     mujoco.mjtRndFlag.mjRND_SKYBOX):
            self._renderer.scene.flags[flag] = False

    def draw(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """Return the picture uint8 (height, width, 3) RGB of a camera."""
        self._renderer.update_scene(data, camera, self._option)
        return self._renderer.render()

    def close(self) -> None:
        """Free what the drawing library holds."""
        self._renderer.close()
