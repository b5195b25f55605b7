# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Simulated robots with the same interface as the real one; the modules here are shared.

May import: irevla_control, irevla_control.parameters.
"""

import os

from gymnasium import register

# Read by MuJoCo and Mesa on import: render without a screen, and in the calling thread, because
# helper threads are slower for such small images.
os.environ.setdefault('MUJOCO_GL', 'osmesa')
os.environ.setdefault('LP_NUM_THREADS', '0')

# Allows `gymnasium.make('irevla_sim:MetaWorld-v0')` and `Kitchen-v0` without an import.
register(
    'MetaWorld-v0',
    'irevla_sim.simulator.simulator_env:SimulatorEnv',
    kwargs={'simulator': 'metaworld'},
)
register(
    'Kitchen-v0',
    'irevla_sim.simulator.simulator_env:SimulatorEnv',
    kwargs={'simulator': 'kitchen'},
)
