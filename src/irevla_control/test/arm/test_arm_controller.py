# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Modes of the arm: what moves it, what stops it, and how it resumes."""

from arm_strategies import HOME, LIMITS
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from irevla_control.arm.controller import ArmController, ArmTiming, FaultCode, Mode
from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError

DT = 0.01
STEP = np.array([0.01, 0, 0, 0, 0, 0, 1.0])


class Arm:
    """A controller with a clock, on an arm that follows perfectly."""

    def __init__(self, **timing):
        self.controller = ArmController(LIMITS, ArmTiming(**timing))
        self.now, self.stamp = 1000.0, 0
        self.pose = HOME
        self.path = []
        self.blocked = False

    def run(self, seconds):
        for _ in range(round(seconds / DT)):
            self.now += DT
            setpoint = self.controller.tick(self.now, DT, self.pose)
            if setpoint is not None and not self.blocked:
                self.pose = setpoint.pose
            self.path.append(self.pose)

    def command(self, action=STEP, stamp=None, frame='base'):
        self.stamp += 1
        return self.controller.command(
            action, self.stamp if stamp is None else stamp, frame, self.pose, self.now
        )

    def reset(self, home=HOME):
        return self.controller.reset(self.pose, home)


@pytest.fixture
def arm():
    arm = Arm()
    assert arm.reset() == ''
    arm.run(0.4)
    assert arm.controller.mode == Mode.READY
    return arm


def test_nothing_moves_before_a_reset():
    arm = Arm()
    assert 'call go_home' in arm.command()
    arm.run(0.1)
    assert arm.controller.setpoint is None


def test_a_reset_moves_home_and_refuses_commands_until_then():
    arm = Arm()
    arm.pose = Pose(np.array([0.35, 0.2, 0.1]), HOME.rotation * Rotation.from_rotvec([0, 0, 1.0]))
    arm.reset()
    arm.run(0.5)
    assert 'is moving home' in arm.command()
    arm.run(5)
    assert arm.controller.mode in (Mode.READY, Mode.HOLDING)
    translation, rotation = arm.pose.to(HOME)
    assert np.linalg.norm(translation) < 1e-4
    assert np.linalg.norm(rotation) < 1e-3
    steps = np.array([a.to(b)[0] for a, b in zip(arm.path, arm.path[1:])])
    assert np.linalg.norm(steps, axis=1).max() <= LIMITS.max_speed * DT + 1e-9


def test_a_reset_in_full_motion_is_smooth(arm):
    for _ in range(20):
        assert arm.command() == ''
        arm.run(0.02)
    arm.reset()
    arm.run(3)
    speeds = np.diff([pose.position for pose in arm.path], axis=0) / DT
    changes = np.linalg.norm(np.diff(speeds, axis=0), axis=1) / DT
    assert changes.max() <= LIMITS.max_acceleration + 1e-6
    assert np.linalg.norm(arm.pose.position - HOME.position) < 1e-4


def test_the_path_home_waits_for_a_blocked_arm_and_then_fails():
    arm = Arm(held_back_s=2.0)
    arm.pose = Pose(np.array([0.35, 0.2, 0.1]), HOME.rotation)
    arm.reset()
    arm.blocked = True
    arm.run(1.5)
    assert arm.controller.mode == Mode.RESETTING
    # The setpoint brakes beyond the largest lead.
    assert (
        np.linalg.norm(arm.controller.setpoint.position - arm.pose.position)
        < LIMITS.max_lead + 0.03
    )
    arm.blocked = False
    arm.pose = arm.controller.setpoint
    arm.run(4)
    assert np.linalg.norm(arm.pose.position - HOME.position) < 1e-3
    arm.reset()
    arm.blocked = True
    arm.pose = Pose(np.array([0.35, 0.2, 0.1]), HOME.rotation)
    arm.run(2.5)
    assert arm.controller.mode == Mode.FAULT
    assert 'does not follow its path home' in arm.command()


def test_an_arm_that_cannot_reach_home_is_not_ready():
    arm = Arm(held_back_s=1.0)
    arm.controller.reset(arm.pose, HOME)
    for _ in range(300):
        arm.now += DT
        setpoint = arm.controller.tick(arm.now, DT, arm.pose)
        if setpoint is not None:
            arm.pose = Pose(
                setpoint.pose.position + np.array([0.05, 0, 0]), setpoint.pose.rotation
            )
    assert arm.controller.mode == Mode.FAULT


def test_commands_add_up_to_the_pose(arm):
    for _ in range(10):
        assert arm.command() == ''
        arm.run(0.1)
    assert arm.pose.position[0] == pytest.approx(HOME.position[0] + 0.1, abs=0.005)
    assert arm.controller.counts['commands'] == 10


@pytest.mark.parametrize(
    ('action', 'stamp', 'frame', 'message'),
    [
        ([np.nan, 0, 0, 0, 0, 0, 1], None, 'base', 'not finite'),
        ([0, 0, 0, 0, 0, 0, 2], None, 'base', 'gripper opening'),
        ([0.06, 0, 0, 0, 0, 0, 1], None, 'base', 'moves 0.06 m, at most 0.05'),
        ([0, 0, 0, 0, 0, 3, 1], None, 'base', 'turns 3 rad, at most 0.2'),
        ([0.01, 0, 0, 0, 0, 0, 1], None, 'world', "frame 'world'"),
        ([0.01, 0, 0, 0, 0, 0, 1], 1, 'base', 'not after 5'),
    ],
)
def test_an_invalid_command_is_refused_counted_and_moves_nothing(
    arm, action, stamp, frame, message
):
    arm.stamp = 4
    assert arm.command(np.zeros(7)) == ''
    before = arm.controller.setpoint
    assert message in arm.command(np.array(action, float), stamp, frame)
    assert arm.controller.counts['commands refused'] == 1
    arm.run(0.2)
    np.testing.assert_array_equal(arm.controller.setpoint.position, before.position)


def test_refused_commands_do_not_reset_the_watchdog(arm):
    for _ in range(50):
        arm.command(np.full(7, np.nan))
        arm.run(0.1)
    assert arm.controller.mode == Mode.HOLDING


def test_missing_commands_lead_to_holding_and_later_to_idle(arm):
    arm.command()
    arm.run(0.1)
    assert np.linalg.norm(arm.path[-1].position - arm.path[-2].position) > 0
    arm.run(0.5)
    assert arm.controller.mode == Mode.HOLDING
    assert arm.path[-1].to(arm.path[-2])[0] == pytest.approx(np.zeros(3), abs=1e-6)
    assert arm.command() == ''
    assert arm.controller.mode == Mode.READY
    arm.run(31)
    assert arm.controller.mode == Mode.IDLE
    assert arm.controller.setpoint is None
    assert arm.controller.counts['stops after silence'] == 1
    assert arm.reset() == ''


def test_many_commands_do_not_exceed_the_largest_speed(arm):
    for _ in range(500):
        assert arm.command() == ''
        arm.run(DT)
    steps = np.diff([pose.position for pose in arm.path], axis=0)
    assert np.linalg.norm(steps, axis=1).max() <= LIMITS.max_speed * DT + 1e-9
    assert arm.pose.position[0] == pytest.approx(LIMITS.box_high[0], abs=1e-3)


def test_a_fault_latches_with_its_first_cause_until_recovery(arm):
    arm.controller.fail(FaultCode.CONTROL, 'joint velocity violation')
    arm.controller.fail(FaultCode.CONNECTION, 'lost')
    assert arm.controller.mode == Mode.FAULT
    assert arm.controller.setpoint is None
    assert 'joint velocity violation' in arm.command()
    assert 'joint velocity violation' in arm.reset()
    assert arm.controller.recover(arm.now) == ''
    assert arm.controller.mode == Mode.IDLE, 'recovery alone does not move the arm'
    assert arm.controller.fault == FaultCode.NONE
    assert arm.reset() == ''


def test_recoveries_have_a_budget():
    arm = Arm(recoveries=2, recovery_window_s=60)
    for _ in range(2):
        arm.controller.fail(FaultCode.CONTROL, 'reflex')
        assert arm.controller.recover(arm.now) == ''
    arm.controller.fail(FaultCode.CONTROL, 'reflex')
    assert '2 recoveries within 60 s' in arm.controller.recover(arm.now)
    assert arm.controller.mode == Mode.FAULT
    arm.now += 61
    assert arm.controller.recover(arm.now) == ''
    assert 'nothing to recover' in arm.controller.recover(arm.now)


def test_the_emergency_stop_takes_precedence_and_uses_no_recovery():
    arm = Arm(recoveries=1)
    for _ in range(3):
        arm.controller.emergency_stop()
        assert 'emergency stop' in arm.reset()
        assert arm.controller.recover(arm.now) == ''
    arm.controller.emergency_stop()
    arm.controller.fail(FaultCode.CONNECTION, 'lost')
    assert arm.controller.mode == Mode.STOPPED
    assert arm.controller.fault == FaultCode.CONNECTION, 'a fault while stopped is reported'


def test_the_last_failed_recovery_is_reported_beside_the_cause(arm):
    arm.controller.fail(FaultCode.CONNECTION, 'cable')
    for attempt in ('first', 'second'):
        arm.controller.note_recovery(f'recovery failed: {attempt}')
    assert arm.controller.fault_text == 'cable; recovery failed: second'


def test_hold_after_s_above_stop_after_s_is_refused():
    with pytest.raises(ConfigError, match='hold_after_s 2.0 and stop_after_s 1.0'):
        ArmTiming(hold_after_s=2.0, stop_after_s=1.0)
