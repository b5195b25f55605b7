# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated robots behind the same interface as the real one; directly here, what they share.

May import: irevla_control.
"""

import os

from gymnasium import register

# MuJoCo and Mesa read these when they are first imported: draw without a screen, and in the
# calling thread, since helper threads cost more than they give on images this small.
os.environ.setdefault('MUJOCO_GL', 'osmesa')
os.environ.setdefault('LP_NUM_THREADS', '0')

# `gymnasium.make('irevla_sim:MetaWorld-v0')` gives the environment to who does not import us.
register('MetaWorld-v0', 'irevla_sim.metaworld.metaworld_env:MetaWorldEnv')
