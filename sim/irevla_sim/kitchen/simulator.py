# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka Kitchen as a simulator of the suite."""

from irevla_sim.kitchen.arm import METRES_PER_STEP, STEP_S
from irevla_sim.kitchen.expert import ScriptedExpert
from irevla_sim.kitchen.rendering import CAMERAS
from irevla_sim.kitchen.scene import ACTION_REPEAT, Scene
from irevla_sim.kitchen.tasks import load_catalogue
from irevla_sim.simulator.simulator import Simulator

SIMULATOR = Simulator(
    name='kitchen',
    cameras=tuple(CAMERAS),
    step_s=STEP_S,
    action_repeat=ACTION_REPEAT,
    horizon=80,
    reach_m=METRES_PER_STEP,
    load_catalogue=load_catalogue,
    scene=Scene,
    expert=ScriptedExpert,
)
