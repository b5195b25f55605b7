# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Moves a robot back and forth until it is killed; prints why the robot stopped."""

import sys
import time

from arm_settings import GAINS, LIMITS
import numpy as np

from irevla_control.arm.setpoint import Setpoint
from irevla_control.franka.franka_arm import ArmError, FrankaArm

arm = FrankaArm(sys.argv[1], GAINS, realtime=False)
setpoint = Setpoint(LIMITS, 0.05, arm.read().pose)
try:
    for tick in range(100_000):
        if tick % 10 == 0:
            delta = 0.03 if tick // 50 % 2 else -0.03
            setpoint.step(np.array([0, delta, 0]), np.zeros(3), arm.read().pose)
        setpoint.advance(0.01)
        arm.follow(setpoint)
        arm.read()
        if tick == 20:
            print('moving', flush=True)
        time.sleep(0.01)
except ArmError as error:
    print(error, flush=True)
