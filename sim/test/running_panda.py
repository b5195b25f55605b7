# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated Panda in a process of its own, and what the tests ask of it."""

import itertools
import os
import subprocess
import sys
import time

import numpy as np

from irevla_control.arm_limits import ArmLimits
from irevla_control.franka_arm import ArmGains
from irevla_sim.panda_scene import HOME_JOINTS
from irevla_sim.shared_scene import SharedScene

LIMITS = ArmLimits(
    box_low=(0.25, -0.35, 0.01), box_high=(0.7, 0.35, 0.6), max_tilt=0.4, max_step=0.05,
    max_step_turn=0.3, max_lead=0.1, max_lead_turn=0.5, max_speed=0.3, max_turn_speed=1.2,
    max_acceleration=3.0, max_turn_acceleration=12.0)
GAINS = ArmGains(stiffness=1500.0, turn_stiffness=80.0, damping_ratio=1.5,
                 error_clip=(0.03, 0.03, 0.03), turn_error_clip=(0.2, 0.2, 0.2),
                 posture_stiffness=5.0, posture=HOME_JOINTS)
ARM_JOINTS = slice(0, 7)
numbers = itertools.count(1)


class RunningPanda:
    """`python -m irevla_sim.panda_physics` at an address of its own."""

    def __init__(self, lost_packets: int = 200) -> None:
        number = next(numbers)
        self.address = f'127.{1 + os.getpid() % 200}.{os.getpid() // 200 % 250}.{number}'
        self.name = f'test-{os.getpid()}-{number}'
        self._lost_packets = lost_packets
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, '-m', 'irevla_sim.panda_physics', '--address', self.address,
             '--name', self.name, '--lost-packets', str(self._lost_packets)],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert self.address in line, line
        self.scene = SharedScene(self.name)

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(10) == 0
        self.process.stdout.close()

    def joints(self) -> np.ndarray:
        return self.scene.read()[1][ARM_JOINTS]

    def speed(self, over_s: float = 0.05) -> float:
        """Return the largest speed of a joint [rad/s] over a while of simulated time."""
        first_s, first = self.scene.read()
        end = time.monotonic() + 20
        while True:
            now_s, now = self.scene.read()
            if now_s - first_s >= over_s:
                return np.abs(now - first)[ARM_JOINTS].max() / (now_s - first_s)
            assert time.monotonic() < end, 'the simulated time stands still'
            time.sleep(0.002)

    def rests_within(self, seconds: float) -> float:
        """Return after how long all joints stand still [s]."""
        began = time.monotonic()
        while self.speed() > 0.01:
            assert time.monotonic() - began < seconds, f'it moves after {seconds} s'
        return time.monotonic() - began
