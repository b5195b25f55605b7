# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's node at franka-sim, an independent simulator that enforces the robot's limits."""

from contextlib import ExitStack, contextmanager
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from commander import WAIT_S, Commander
import numpy as np
import pytest

from irevla_control.processes import end_with_parent
from irevla_msgs.msg import RobotState
from irevla_sim.circle import circle
from irevla_sim.panda.second_robot import SecondRobot

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
ROOT = Path(__file__).resolve().parents[3]
RADIUS, COUNT, PERIOD_S = 0.05, 100, 0.1


@pytest.fixture(scope='module', autouse=True)
def installed():
    program = [sys.executable, str(ROOT / 'setup/side_environment.py'), 'franka-sim']
    assert subprocess.run(program).returncode == 0


@contextmanager
def graph_at(folder, number, lost_packets=False, **parameters):
    """Run the second robot and the arm's node, in a process of its own as in a lab."""
    address = f'127.{201 + os.getpid() % 50}.{os.getpid() // 50 % 250}.{number}'
    settings = {'robot_ip': address, 'realtime': False, 'gripper': False, **parameters}
    given = []
    for name, value in settings.items():
        text = value if isinstance(value, str) else json.dumps(value)
        given += ['-p', f'{name}:={text}']
    program = [sys.executable, '-m', 'irevla_control.franka.franka_node']
    files = ['--ros-args', '--params-file', str(ROOT / 'config/franka.yaml')]
    with ExitStack() as stack:
        robot = SecondRobot(ROOT, address, folder, lost_packets)
        stack.callback(robot.stop)
        franka = subprocess.Popen([*program, *files, *given], preexec_fn=end_with_parent)
        stack.callback(franka.wait, WAIT_S)
        stack.callback(franka.terminate)
        commander = Commander()
        stack.callback(commander.node.destroy_node)
        commander.until(lambda: commander.states, 60, 'the first state')
        commander.go_home()
        yield robot, commander, franka


def follow_circle(commander):
    """Send a circle of commands for ten seconds; return the positions (n, 3) on the way [m]."""
    del commander.states[:-1]
    for delta in circle(RADIUS, COUNT):
        commander.send(delta)
        commander.run(PERIOD_S)
    position = [message.pose.position for _, message in commander.states]
    return np.array([[p.x, p.y, p.z] for p in position])


def speed(commander):
    """Return the speed over the newest tenth of a second, from positions [m/s].

    The twist of this simulator is a third of it.
    """
    end = commander.states[-1][0]
    recent = [(at, one.pose.position) for at, one in commander.states if at > end - PERIOD_S]
    (first_s, first), (last_s, last) = recent[0], recent[-1]
    moved = np.linalg.norm([last.x - first.x, last.y - first.y, last.z - first.z])
    return moved / max(last_s - first_s, 0.5 * PERIOD_S)


def recover(commander):
    commander.until(lambda: commander.recover().success, WAIT_S, 'the word to recover')
    commander.until(lambda: commander.state.mode == RobotState.MODE_IDLE, WAIT_S, 'recovery')
    commander.go_home()


def test_a_circle_a_stop_and_the_way_home_keep_the_robot_s_limits(ros, tmp_path):
    with graph_at(tmp_path, 1) as (robot, commander, _):
        positions = follow_circle(commander)
        assert commander.state.mode == RobotState.MODE_READY, commander.state.fault_text
        assert np.ptp(positions[:, 0]) == pytest.approx(2 * RADIUS, abs=0.02)
        assert np.ptp(positions[:, 1]) == pytest.approx(2 * RADIUS, abs=0.02)
        # A stop at full speed.
        for _ in range(5):
            commander.send((0.03, 0.02, 0.0))
            commander.run(PERIOD_S)
        assert speed(commander) > 0.1
        commander.stop()
        commander.until(lambda: commander.state.mode == RobotState.MODE_STOPPED, 1, 'the stop')
        commander.until(lambda: speed(commander) < 0.01, 2, 'rest')
        recover(commander)
        follow_circle(commander)
        assert commander.state.mode == RobotState.MODE_READY, commander.state.fault_text
        assert not robot.violations()


def test_a_motion_beyond_the_robot_s_limits_is_a_fault_from_which_it_recovers(ros, tmp_path):
    """Limits of the node above those of the robot: its own reflex ends the motion."""
    wild = {
        'max_speed': 1.5,
        'max_acceleration': 10.0,
        'max_step': 0.2,
        'max_lead': 0.3,
        'stiffness': 3000.0,
        'error_clip': [0.3, 0.3, 0.3],
        'allow_bound_above_collision': True,
    }
    with graph_at(tmp_path, 2, **wild) as (robot, commander, _):
        end = time.monotonic() + WAIT_S
        way = 1
        while commander.state.mode != RobotState.MODE_FAULT:
            assert time.monotonic() < end, 'the robot allowed everything'
            commander.send((0.0, 0.15 * way, 0.0))
            commander.run(0.3)
            way = -way
        assert commander.state.fault == RobotState.FAULT_CONTROL, commander.state.fault_text
        assert robot.violations() and 'violation' in commander.state.fault_text
        recover(commander)


def test_lost_packets_are_a_fault_from_which_it_recovers(ros, tmp_path):
    """A frozen node sends nothing, as after a loose plug or on a machine that swaps."""
    with graph_at(tmp_path, 3, lost_packets=True) as (_, commander, franka):
        commander.send((0.0, 0.02, 0.0))
        commander.run(0.2)
        os.kill(franka.pid, signal.SIGSTOP)
        time.sleep(0.3)
        os.kill(franka.pid, signal.SIGCONT)
        commander.until(lambda: commander.state.mode == RobotState.MODE_FAULT, WAIT_S, 'a fault')
        assert 'communication_constraints_violation' in commander.state.fault_text
        recover(commander)
        # Fewer than in the first test: another packet may be lost on a busy machine.
        commander.send((0.0, 0.02, 0.0))
        commander.run(0.3)
