# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""First part of a reset: the fingers open while the arm rests, then it rises; failures of both."""

from dataclasses import replace

from arm_strategies import HOME, LIMITS
import numpy as np
import pytest

from irevla_control.arm.controller import ArmController, ArmTiming, FaultCode, Mode
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import Release

DT, LIFT_M, HELD_BACK_S = 0.01, 0.05, 2.0
LOW = Pose(np.array([0.4, 0.2, 0.05]), HOME.rotation)


class Hand:
    """Opens within half a second of the order, unless it is stuck."""

    patience_s = 3.0

    def __init__(self, stuck=False, busy_s=0.0):
        self.stuck, self.busy_s = stuck, busy_s
        self.complaint = 'the hand refused opening: Command failed!' if stuck else ''
        self.wish, self.done, self.openings = None, None, 0

    def open(self):
        self.wish, self.done, self.openings = True, 0.5, self.openings + 1

    def halt(self):
        self.wish = None

    def run(self):
        self.busy_s -= DT
        if self.done is not None and not self.stuck:
            self.done -= DT

    @property
    def moves(self):
        return self.busy_s > 0 or (self.done is not None and self.done > 0 and not self.stuck)

    @property
    def resting(self):
        return not self.moves

    @property
    def opened(self):
        return self.wish is True and self.done is not None and self.done <= 0


class Arm:
    """A controller on an arm that follows exactly, up to a height at which it is blocked."""

    def __init__(self, hand, pose=LOW, limits=LIMITS):
        self.controller = ArmController(limits, ArmTiming(held_back_s=HELD_BACK_S))
        self.hand, self.pose, self.now, self.stamp = hand, pose, 1000.0, 0
        self.highest = np.inf
        self.path = []

    def reset(self, opens, lift_m=LIFT_M):
        assert (
            self.controller.reset(
                self.pose, HOME, release=Release(self.hand, opens, lift_m, HELD_BACK_S)
            )
            == ''
        )

    def run(self, seconds):
        for _ in range(round(seconds / DT)):
            self.now += DT
            self.hand.run()
            setpoint = self.controller.tick(self.now, DT, self.pose)
            if setpoint is not None:
                position = setpoint.pose.position.copy()
                position[2] = min(position[2], self.highest)
                _, rotation = self.pose.to(setpoint.pose)
                moved = (
                    np.linalg.norm(position - self.pose.position) > 1e-6
                    or np.linalg.norm(rotation) > 1e-3
                )
                assert not (moved and self.hand.moves), 'fingers open while the arm moves'
                self.pose = Pose(position, setpoint.pose.rotation)
            self.path.append(self.pose.position)

    def drive(self):
        """Bring the arm to full speed."""
        self.run(1.0)
        for _ in range(10):
            self.stamp += 1
            assert (
                self.controller.command(
                    np.array([0.02, 0, 0, 0, 0, 0, 1.0]), self.stamp, 'base', self.pose, self.now
                )
                == ''
            )
            self.run(0.05)


def home_from_drive(hand, opens):
    arm = Arm(hand, HOME)
    arm.controller.reset(arm.pose, HOME)
    arm.drive()
    arm.path.clear()
    arm.reset(opens)
    arm.run(6)
    assert arm.controller.mode in (Mode.READY, Mode.HOLDING)
    assert np.linalg.norm(arm.pose.position - HOME.position) < 1e-3
    return np.array(arm.path)


@pytest.mark.parametrize('opens', [True, False])
def test_an_arm_in_motion_stops_opens_or_not_rises_and_moves_home(opens):
    hand = Hand()
    path = home_from_drive(hand, opens)
    assert hand.openings == opens
    assert path[:, 2].max() == pytest.approx(HOME.position[2] + LIFT_M, abs=5e-3)
    beside = np.linalg.norm(path[:, :2] - path[np.argmax(path[:, 2]), :2], axis=1)
    risen = np.argmax(path[:, 2] > HOME.position[2] + 0.9 * LIFT_M)
    assert beside[risen // 2 : risen].max() < 1e-3, 'straight up'


def test_a_hand_that_rotates_slowly_does_not_open_before_it_rests():
    slow = replace(LIMITS, max_turn_acceleration=2.0)
    arm = Arm(Hand(), HOME, slow)
    arm.controller.reset(arm.pose, HOME)
    arm.run(1.0)
    for _ in range(10):
        arm.stamp += 1
        assert (
            arm.controller.command(
                np.array([0, 0, 0, 0, 0, 0.2, 1.0]), arm.stamp, 'base', arm.pose, arm.now
            )
            == ''
        )
        arm.run(0.05)
    arm.reset(opens=True)
    arm.run(6)
    assert arm.hand.openings == 1 and arm.controller.mode in (Mode.READY, Mode.HOLDING)


def test_a_hand_outside_the_yaw_range_rises_before_it_moves_home():
    turned = Pose(LOW.position, LOW.translated(np.zeros(3), np.array([0, 0, 0.5])).rotation)
    arm = Arm(Hand(), turned, replace(LIMITS, max_yaw=0.3, home_rotation=HOME.rotation))
    arm.reset(opens=True)
    arm.run(5)
    path = np.array(arm.path) - LOW.position
    risen = np.argmax(path[:, 2] > 0.9 * LIFT_M)
    assert risen and np.abs(path[:risen, :2]).max() < 1e-3, 'straight up'


def test_fingers_that_already_move_come_to_rest_before_the_arm_moves():
    arm = Arm(Hand(busy_s=1.0))
    arm.reset(opens=False)
    arm.run(0.9)
    assert np.linalg.norm(arm.pose.position - LOW.position) < 1e-6
    arm.run(5)
    assert arm.controller.mode == Mode.READY or arm.controller.mode == Mode.HOLDING


def test_a_hand_that_does_not_open_stops_the_reset_and_is_reported():
    arm = Arm(Hand(stuck=True))
    arm.reset(opens=True)
    arm.run(2.5)
    assert arm.controller.mode == Mode.RESETTING
    arm.run(1.5)
    assert (arm.controller.mode, arm.controller.fault) == (Mode.IDLE, FaultCode.NONE)
    arm.hand.complaint = 'the hand has not finished opening for 4 s: Command failed!'
    arm.reset(opens=True)
    arm.run(4)
    assert arm.controller.fault == FaultCode.GRIPPER, 'the second time in a row'
    assert 'did not open for 3 s' in arm.controller.fault_text
    assert 'Command failed' in arm.controller.fault_text
    assert np.linalg.norm(arm.pose.position - LOW.position) < 1e-6


@pytest.mark.parametrize(
    ('opens', 'text'),
    [
        (False, 'holds a fixed object, set reset_release: here'),
        (True, 'although the hand opened (reset_release: here)'),
    ],
)
def test_a_blocked_rise_fails_with_a_text_that_names_reset_release(opens, text):
    arm = Arm(Hand())
    arm.highest = LOW.position[2] + 0.01
    arm.reset(opens)
    arm.run(5)
    assert arm.controller.fault == FaultCode.CONTROL
    assert text in arm.controller.fault_text


def test_a_hand_does_not_open_while_its_arm_is_pushed():
    hand = Hand()
    arm = Arm(hand)
    arm.reset(opens=True)
    for tick in range(400):
        arm.pose = arm.pose.translated(np.array([0, 0.002 * (-1) ** tick, 0]), np.zeros(3))
        arm.controller.tick(arm.now + tick * DT, DT, arm.pose)
    assert 'does not come to rest' in arm.controller.fault_text
    assert hand.openings == 0


def test_a_stop_ends_the_release():
    arm = Arm(Hand())
    arm.reset(opens=True)
    arm.run(0.3)
    arm.controller.emergency_stop()
    arm.controller.recover(arm.now)
    before = arm.pose.position
    arm.run(1)
    assert arm.controller.mode == Mode.IDLE
    assert (arm.pose.position == before).all()


def test_at_home_the_arm_does_not_rise():
    arm = Arm(Hand(), HOME)
    arm.reset(opens=True)
    arm.run(2)
    assert arm.controller.mode in (Mode.READY, Mode.HOLDING)
    assert np.abs(np.array(arm.path) - HOME.position).max() < 1e-6
