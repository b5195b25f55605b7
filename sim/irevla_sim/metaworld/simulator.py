# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Meta-World as a simulator of the suite."""

from irevla_sim.metaworld.actions import ACTION_REPEAT, METRES_PER_STEP
from irevla_sim.metaworld.expert import ScriptedExpert
from irevla_sim.metaworld.rendering import CAMERAS
from irevla_sim.metaworld.scene import Scene
from irevla_sim.metaworld.tasks import load_catalogue
from irevla_sim.simulator.simulator import Simulator

SIMULATOR = Simulator(
    name='metaworld',
    cameras=tuple(CAMERAS),
    step_s=0.0125,
    action_repeat=ACTION_REPEAT,
    horizon=50,
    reach_m=METRES_PER_STEP,
    load_catalogue=load_catalogue,
    scene=Scene,
    expert=ScriptedExpert,
)
