# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of an acceptance with an arm that does not move as commanded, and wrong options."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import rclpy
import yaml

from irevla_bringup.acceptance import arm_checks, program
from irevla_bringup.acceptance.arm_checks import ArmChecks
from irevla_bringup.acceptance.cell_checks import CellChecks
from irevla_bringup.acceptance.lab import Lab
from irevla_bringup.acceptance.protocol import CheckError
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_control.parameters.blocks import read_blocks
from irevla_control.ros.qos import EVENT, OBSERVATION
from irevla_msgs.msg import EpisodeState, RobotState

LOW, HIGH = np.array([0.4, -0.1, 0.2]), np.array([0.6, 0.1, 0.4])
HOME = [0.5, 0.0, 0.3]
DOWN = [1.0, 0.0, 0.0, 0.0]


class IdleArm:
    """A lab whose arm got no command for stop_after_s: it takes none before it is home."""

    def __init__(self, stuck=False):
        self.stuck, self.now = stuck, 0.0
        self.left, self.left_at = None, 0.0
        self.state = RobotState(mode=RobotState.MODE_IDLE, gripper=1.0)
        self.pose, self.joint_speed = Pose.from_quaternion(HOME, DOWN), 0.0

    @property
    def arm(self):
        return self.state

    def parameters(self, *names):
        values = {'box_low': LOW, 'box_high': HIGH, 'max_tilt': 0.2, 'gripper': True}
        return {name: values[name] for name in names}

    def go_home(self):
        self.pose = Pose.from_quaternion(HOME, DOWN)
        self.state.mode = RobotState.MODE_READY

    def send(self, translation=(0, 0, 0), rotation=(0, 0, 0), gripper=None):
        self.now += 0.1
        if self.stuck or self.state.mode != RobotState.MODE_READY:
            return
        moved = self.pose.translated(np.array(translation), np.array(rotation))
        tilts = arm_checks.pose_tilt(moved) <= 0.2
        self.pose = Pose(
            np.clip(moved.position, LOW, HIGH), (moved if tilts else self.pose).rotation
        )
        if gripper is not None:
            self.state.gripper = gripper

    def monotonic(self):
        return self.now

    def rest(self):
        self.joint_speed = 0.0


@pytest.fixture
def lab(monkeypatch):
    lab = IdleArm()
    monkeypatch.setattr(arm_checks, 'time', lab)
    return lab


def test_an_arm_that_became_idle_during_a_question_is_sent_home_first(lab):
    measured = ArmChecks(lab).box()
    assert measured['x_low_m'] == LOW[0] and measured['z_high_m'] == HIGH[2]
    lab.state.mode = RobotState.MODE_IDLE
    assert all(angle > 0.1 for angle in ArmChecks(lab).tilt().values())
    lab.state.mode = RobotState.MODE_IDLE
    assert ArmChecks(lab).hand() == {'opening_closed': 0.0, 'opening_open': 1.0}


@pytest.mark.parametrize('name', ['box', 'tilt', 'stop'])
def test_an_arm_that_does_not_move_passes_no_check(lab, name):
    lab.stuck = True
    with pytest.raises(CheckError, match='not move'):
        getattr(ArmChecks(lab), name)()


class Stopped(IdleArm):
    """Moves, and is stopped after ten commands."""

    def __init__(self, speed):
        super().__init__()
        self.last, self.sent = speed, 0

    def send(self, *arguments):
        super().send(*arguments)
        time.sleep(0.01)
        self.sent, self.joint_speed = self.sent + 1, 0.2
        if self.sent == 10:
            position = RobotState().pose
            position.orientation.w = 1.0
            self.left = RobotState(joint_velocity=[self.last] * 7, pose=position)
            self.left_at = time.monotonic()
            self.pose = Pose.from_quaternion([0, 0, 0.01], DOWN)
            self.state.mode = RobotState.MODE_STOPPED


def test_a_stop_of_an_arm_at_rest_is_refused_as_evidence(monkeypatch):
    monkeypatch.setattr(arm_checks, 'STOP', ['echo', 'stopped'])
    measured = ArmChecks(Stopped(0.2)).stop()
    assert measured['program'] == 'stopped' and measured['way_mm'] == 10
    with pytest.raises(CheckError, match='at rest when it was stopped'):
        ArmChecks(Stopped(0.001)).stop()


@pytest.mark.parametrize(
    ('program', 'problem'),
    [(['sleep', '60'], 'does not end'), (['sh', '-c', 'echo broken; exit 3'], 'broken')],
)
def test_a_stop_program_that_fails_fails_the_check(monkeypatch, program, problem):
    monkeypatch.setattr(arm_checks, 'STOP', program)
    monkeypatch.setattr(arm_checks, 'STOPS_WITHIN_S', 0.5)
    with pytest.raises(CheckError, match=problem):
        ArmChecks(Stopped(0.2)).stop()


def options(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['acceptance', '--robot-ip', '1.2.3.4', *arguments])
    return program.parsed()


@pytest.mark.parametrize(
    ('checks', 'missing'),
    [
        ('replay', 'replay needs cameras, mouse, recording'),
        ('mouse', 'mouse needs cameras'),
        ('cameras,recording', 'recording needs cameras, mouse'),
        ('recover', 'recover needs stop'),
    ],
)
def test_checks_without_those_that_they_need_are_refused(monkeypatch, capsys, checks, missing):
    with pytest.raises(SystemExit):
        options(monkeypatch, '--checks', checks)
    assert missing in capsys.readouterr().err


def test_groups_of_checks_that_need_no_others_are_accepted(monkeypatch):
    for checks in ('home,box', 'cameras,mouse,recording,replay', 'stop,recover'):
        assert options(monkeypatch, '--checks', checks).checks == checks


def test_an_earlier_run_is_neither_overwritten_nor_replayed(monkeypatch, capsys, tmp_path):
    for name in ('acceptance.json', 'bags'):
        earlier = tmp_path / name
        (earlier / name).mkdir(parents=True)
        with pytest.raises(SystemExit):
            options(monkeypatch, '--output', str(earlier))
        assert f'{earlier} contains {name}' in capsys.readouterr().err
    assert options(monkeypatch).output.name.startswith('acceptance_2')


def test_a_launch_gets_only_blocks_of_nodes_that_it_starts(tmp_path):
    lab, file = tmp_path / 'lab.yaml', tmp_path / 'slow.yaml'
    lab.write_text(
        yaml.safe_dump(
            {
                '/**': {'spacemouse': {'ros__parameters': {'view': 90.0}}},
                '/**/franka': {'ros__parameters': {'max_speed': 1.0, 'max_tilt': 0.1}},
            }
        )
    )
    program.slow_parameters(read_blocks(lab), file, ('spacemouse',))
    (block,) = read_blocks(file)
    assert {entry.name: entry.value for entry in block.entries} == {
        'max_tilt': 0.1,
        **program.SLOW,
    }
    program.slow_parameters(read_blocks(lab), file, ('replay',))
    assert {block.node for block in read_blocks(file)} == {'franka', 'spacemouse'}


@pytest.mark.parametrize('text', ['a: [', '/**/franka:\n', '/**/franka: [1]\n'])
def test_a_params_file_that_cannot_be_read_is_named(monkeypatch, tmp_path, text):
    lab = tmp_path / 'lab.yaml'
    lab.write_text(text)
    with pytest.raises(ConfigError, match='lab.yaml'), contextlib.ExitStack() as stack:
        program.accepted(options(monkeypatch, '--params-file', str(lab)), tmp_path, stack)


@pytest.fixture
def real_lab():
    rclpy.init()
    lab = Lab()
    yield lab
    lab.close()
    rclpy.shutdown()


def test_waiting_ends_when_the_started_process_ends(real_lab, tmp_path):
    log = tmp_path / 'teleop.log'
    with real_lab.running(['sh', '-c', 'exit 3'], log):
        began = time.monotonic()
        with pytest.raises(CheckError, match=f'status 3; {log} says why'):
            real_lab.wait_for_arm()
        assert time.monotonic() - began < 5
    real_lab.until(lambda: True, 'nothing to wait for')


def test_motion_before_the_mouse_check_waits_counts_from_the_start_of_the_episode(
    real_lab, tmp_path
):
    """The messages arrive while the program asks a question and waits for none of them."""
    cell = CellChecks(real_lab, lambda *_: contextlib.nullcontext(), ['front'], 15, tmp_path)
    arm = rclpy.create_node('arm')
    states = arm.create_publisher(RobotState, 'robot_state', OBSERVATION)
    episode = arm.create_publisher(EpisodeState, 'episode', EVENT)
    real_lab.until(
        lambda: states.get_subscription_count() and episode.get_subscription_count(), 'the arm'
    )
    for step in range(20):
        state = RobotState(mode=RobotState.MODE_READY, joint_velocity=[0.0] * 7)
        state.pose.orientation.w, state.pose.position.x = 1.0, 0.005 * step
        states.publish(state)
        time.sleep(0.02)
        if step == 1:
            time.sleep(0.1)
            episode.publish(EpisodeState(episode_id='one', phase=EpisodeState.PHASE_RUNNING))
            time.sleep(0.1)
    way = cell.mouse()['way_mm']
    arm.destroy_node()
    assert way == [90, 0, 0]


def test_a_replay_without_a_recording_or_motion_is_no_defect(real_lab, tmp_path, monkeypatch):
    cell = CellChecks(real_lab, lambda *_: contextlib.nullcontext(), ['front'], 15, tmp_path)
    with pytest.raises(CheckError, match='contains no recording'):
        cell.replay()
    monkeypatch.setattr(cell, '_kept', lambda: type('Entry', (), {'folder': tmp_path}))
    monkeypatch.setattr(
        'irevla_bringup.acceptance.cell_checks.read_episode',
        lambda *_: type('Episode', (), {'states': np.zeros((2, 7))}),
    )
    monkeypatch.setattr(
        real_lab,
        'wait_for_arm',
        lambda: cell._on_episode(EpisodeState(phase=EpisodeState.PHASE_ENDED)),
    )
    with pytest.raises(CheckError, match='before the arm moved'):
        cell.replay()


def test_ctrl_c_during_a_wait_ends_the_program_with_one_line(tmp_path):
    """The arm's node never starts, because `ros2` is a script that only sleeps."""
    (tmp_path / 'ros2').write_text('#!/bin/sh\ntouch $0.began\nexec sleep 60\n')
    (tmp_path / 'ros2').chmod(0o755)
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'irevla_bringup.acceptance.program',
            '--robot-ip',
            '127.0.0.9',
            '--output',
            tmp_path,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'},
        # As for a program that a script starts in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    try:
        end = time.monotonic() + 20
        while not (tmp_path / 'ros2.began').exists() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=20)[0]
    finally:
        process.kill()
    assert process.returncode == 1
    assert 'acceptance: KeyboardInterrupt' in output and 'Traceback' not in output
