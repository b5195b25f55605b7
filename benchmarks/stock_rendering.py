# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stock Meta-World: for each line on stdin, render a burst and print its time per frame [s]."""

import sys
import time

from metaworld.env_dict import ALL_V3_ENVIRONMENTS

task, camera, image_size, frames = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
env = ALL_V3_ENVIRONMENTS[task](
    render_mode='rgb_array', camera_name=camera, width=image_size, height=image_size
)
env._freeze_rand_vec = False
env._set_task_called = True
env.reset()
for _ in sys.stdin:
    start = time.perf_counter()
    for _ in range(frames):
        assert env.render().shape == (image_size, image_size, 3)
    print((time.perf_counter() - start) / frames, flush=True)
