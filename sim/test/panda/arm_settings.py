# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Limits and gains of the tests on a simulated Panda."""

import numpy as np

from irevla_control.arm.limits import ArmLimits
from irevla_control.franka.gains import ArmGains
from irevla_sim.panda.scene import HOME_JOINTS

LIMITS = ArmLimits(
    box_low=(0.25, -0.35, 0.01),
    box_high=(0.7, 0.35, 0.6),
    max_tilt=0.4,
    max_step=0.05,
    max_step_turn=0.3,
    max_lead=0.1,
    max_lead_turn=0.5,
    max_speed=0.3,
    max_turn_speed=1.2,
    max_acceleration=3.0,
    max_turn_acceleration=12.0,
    max_yaw=np.pi,
)
GAINS = ArmGains(
    stiffness=1500.0,
    turn_stiffness=80.0,
    damping_ratio=1.5,
    error_clip=(0.03, 0.03, 0.03),
    turn_error_clip=(0.2, 0.2, 0.2),
    posture_stiffness=5.0,
    posture=HOME_JOINTS,
)
