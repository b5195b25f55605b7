# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real franky against a simulated Panda over its protocol: motion, stop, lost connection."""

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from arm_settings import GAINS, LIMITS
import numpy as np
import pytest

from irevla_control.arm.controller import FaultCode
from irevla_control.arm.setpoint import Setpoint
from irevla_control.franka.franka_arm import ArmError, FrankaArm
from irevla_sim.panda.process import PandaProcess

PERIOD_S = 0.01
# On a busy machine the simulated time is slower than the clock.
WAIT_S = 20
CLIENT = Path(__file__).parent / 'moving_client.py'


@pytest.fixture
def arm(panda):
    arm = FrankaArm(panda.address, GAINS, realtime=False)
    yield arm
    rest(arm)
    del arm


def rest(arm):
    arm.rest()
    wait_for(lambda: arm.read() and arm.resting)


def wait_for(condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, f'not within {WAIT_S} s'
        time.sleep(PERIOD_S)


def arrived(pose, target):
    translation, rotation = pose.to(target)
    return np.linalg.norm(translation) < 0.005 and np.linalg.norm(rotation) < 0.05


def follow(arm, setpoint, seconds):
    """Send a setpoint for a while; return the measured poses."""
    poses = []
    for _ in range(round(seconds / PERIOD_S)):
        poses.append(arm.read().pose)
        setpoint.advance(PERIOD_S)
        arm.follow(setpoint)
        time.sleep(PERIOD_S)
    return poses


def test_the_arm_starts_without_a_jump_and_follows_its_setpoint(arm):
    start = arm.read().pose
    setpoint = Setpoint(LIMITS, 0.05, start)
    poses = follow(arm, setpoint, 0.5)
    assert max(np.linalg.norm(start.to(pose)[0]) for pose in poses) < 0.002
    for _ in range(5):
        setpoint.step(np.array([0.01, 0.01, -0.01]), np.array([0, 0, 0.05]), arm.read().pose)
        follow(arm, setpoint, 0.1)
    wait_for(lambda: arrived(follow(arm, setpoint, 0.2)[-1], setpoint.target))
    assert np.linalg.norm(start.to(setpoint.target)[0]) > 0.08


def test_at_rest_the_arm_keeps_its_pose_and_can_start_again(panda, arm):
    follow(arm, Setpoint(LIMITS, 0.05, arm.read().pose), 0.3)
    rest(arm)
    before = panda.joints()
    time.sleep(0.5)
    assert np.abs(panda.joints() - before).max() < 0.002
    follow(arm, Setpoint(LIMITS, 0.05, arm.read().pose), 0.3)


def test_a_start_while_the_arm_brakes_is_refused(arm):
    setpoint = Setpoint(LIMITS, 0.05, arm.read().pose)
    follow(arm, setpoint, 0.2)
    arm.rest()
    with pytest.raises(ArmError, match='wait until it rests'):
        arm.follow(setpoint)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
def test_a_killed_or_frozen_client_leaves_a_safe_arm(panda, number):
    client = subprocess.Popen(
        [sys.executable, CLIENT, panda.address], stdout=subprocess.PIPE, text=True
    )
    try:
        assert 'moving' in client.stdout.readline()
        wait_for(lambda: panda.speed() > 0.05)
        os.kill(client.pid, number)
        panda.rests_within(WAIT_S)
        before = panda.joints()
        time.sleep(0.5)
        assert np.abs(panda.joints() - before).max() < 0.002
        if number == signal.SIGSTOP:
            os.kill(client.pid, signal.SIGCONT)
            assert 'communication_constraints_violation' in client.stdout.read()
    finally:
        client.kill()
        client.wait()
        client.stdout.close()
    arm = FrankaArm(panda.address, GAINS, realtime=False)
    arm.recover()
    follow(arm, Setpoint(LIMITS, 0.05, arm.read().pose), 0.2)
    rest(arm)


def test_a_lost_robot_is_a_fault_until_it_is_connected_again():
    panda = PandaProcess()
    arm = FrankaArm(panda.address, GAINS, realtime=False)
    setpoint = Setpoint(LIMITS, 0.05, arm.read().pose)
    follow(arm, setpoint, 0.2)
    panda.kill()
    with pytest.raises(ArmError) as found:
        for _ in range(1000):
            follow(arm, setpoint, PERIOD_S)
    assert found.value.code in (FaultCode.CONNECTION, FaultCode.CONTROL)
    assert arm.resting
    with pytest.raises(ArmError):
        arm.recover()
    panda.start()
    arm.recover()
    follow(arm, Setpoint(LIMITS, 0.05, arm.read().pose), 0.2)
    rest(arm)
    panda.stop()


def test_a_missing_robot_is_reported_with_a_remedy():
    with pytest.raises(ArmError, match='is it switched on, unlocked, with FCI active'):
        FrankaArm('127.9.9.9', GAINS, realtime=False)
