# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stock Franka Kitchen: for each line on stdin, render a burst and print its time per frame [s].

A line 'stock' draws as the environment does, a line 'plain' its model from the camera `front`
without shadows, reflections and multisampling.
"""

import sys
import time

from gymnasium_robotics.envs.franka_kitchen.kitchen_env import KitchenEnv
import mujoco
import numpy as np

from irevla_sim.kitchen.rendering import add_cameras
from irevla_sim.kitchen.stock_model import read_stock_model

image_size, frames = int(sys.argv[1]), int(sys.argv[2])
env = KitchenEnv(render_mode='rgb_array', width=image_size, height=image_size)
env.reset(seed=0)
spec = read_stock_model()
add_cameras(spec)
model = spec.compile()
model.vis.quality.shadowsize = model.vis.quality.offsamples = 0
data = mujoco.MjData(model)
mujoco.mj_resetDataKeyframe(model, data, 0)
mujoco.mj_forward(model, data)
plain = mujoco.Renderer(model, image_size, image_size)


def draw_plain() -> np.ndarray:
    """Return an image without effects."""
    plain.update_scene(data, 'front')
    plain.scene.flags[:] = 0
    return plain.render()


for line in sys.stdin:
    draw = env.render if line.strip() == 'stock' else draw_plain
    start = time.perf_counter()
    for _ in range(frames):
        assert draw().shape == (image_size, image_size, 3)
    print((time.perf_counter() - start) / frames, flush=True)
