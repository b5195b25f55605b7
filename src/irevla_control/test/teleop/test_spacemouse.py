# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real decoder of reports on the bytes that a SpaceMouse Compact sends."""

from hand import Hand
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_control.teleop.hid_reports import FULL, moved
from irevla_control.teleop.spacemouse import (
    SpaceMouseError,
    SpaceMouseSettings,
    Verdict,
)
from irevla_control.teleop.spacemouse_device import open_device


@pytest.fixture
def hand():
    return Hand()


def test_a_mouse_at_rest_commands_nothing(hand):
    assert hand.mouse.command() is None
    hand.move(right=20, back=-20, down=20)
    assert hand.mouse.command() is None, 'within the dead zone'


@pytest.mark.parametrize(('push', 'wanted'), [
    ({'back': -FULL}, [0.02, 0, 0]), ({'right': FULL}, [0, -0.02, 0]),
    ({'down': -FULL}, [0, 0, 0.02])])
def test_forward_left_and_up_are_x_y_and_z_of_who_stands_behind_the_robot(hand, push, wanted):
    hand.move(**push)
    np.testing.assert_allclose(hand.mouse.command()[:3], wanted, atol=1e-9)


def test_who_stands_before_the_robot_sees_it_the_other_way_round():
    hand = Hand(view=np.pi)
    hand.move(back=-FULL)
    np.testing.assert_allclose(hand.mouse.command()[:3], [-0.02, 0, 0], atol=1e-9)


def test_turning_the_cap_turns_the_hand_the_same_way(hand):
    hand.turn(c=-FULL)
    np.testing.assert_allclose(hand.mouse.command()[3:6], [0, 0, 0.08], atol=1e-9)


def test_the_dead_zone_ends_without_a_step(hand):
    steps = []
    for push in range(0, FULL + 1, 5):
        hand.move(back=-push)
        command = hand.mouse.command()
        steps.append(0 if command is None else command[0])
    assert steps[-1] == pytest.approx(0.02)
    assert 0 <= np.diff(steps).min() <= np.diff(steps).max() < 0.001


def test_a_mouse_that_falls_silent_is_let_go(hand):
    hand.move(back=-FULL)
    hand.now += 0.19
    assert hand.mouse.command() is not None
    hand.now += 0.02
    assert hand.mouse.command() is None


def test_the_first_button_closes_and_opens_the_gripper(hand):
    hand.press(0)
    hand.press()
    hand.now += 1
    assert hand.mouse.command()[6] == 0, 'it waits for the next image'
    hand.mouse.sent()
    assert hand.mouse.command() is None, 'said once, then the policy may go on'
    hand.move(back=-FULL)
    assert hand.mouse.command()[6] == 0, 'it stays closed'
    hand.press(0)
    hand.press()
    assert hand.mouse.command()[6] == 1


def test_the_second_button_says_success_and_held_failure(hand):
    hand.press(1)
    hand.now += 0.2
    hand.press()
    assert hand.mouse.verdicts() == [Verdict.SUCCESS]
    hand.press(1)
    hand.now += 1.5
    hand.press()
    assert hand.mouse.verdicts() == [Verdict.FAILURE]
    assert hand.mouse.verdicts() == []


@pytest.mark.parametrize('order', [(0, 1), (1, 0)])
def test_both_buttons_discard_and_say_nothing_else(hand, order):
    hand.press(order[0])
    hand.press(0, 1)
    hand.press(order[1])
    hand.press()
    assert hand.mouse.verdicts() == [Verdict.DISCARD]
    assert not hand.mouse.closed


def test_all_reports_that_wait_are_taken_at_once(hand):
    for push in (100, 200, FULL):
        hand.reports.waiting.append(moved(back=-push))
    hand.mouse.update()
    assert not hand.reports.waiting
    assert hand.mouse.command()[0] == pytest.approx(0.02)


def test_an_unplugged_mouse_is_said(hand):
    hand.reports.gone = True
    with pytest.raises(SpaceMouseError, match='unplugged: device disconnected'):
        hand.mouse.update()


def test_a_button_does_not_hold_the_cap(hand):
    hand.move(back=-FULL)
    hand.now += 0.3
    hand.press(1)
    assert hand.mouse.command() is None


def test_without_a_mouse_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr('pyspacemouse.api.get_connected_devices', list)
    with pytest.raises(SpaceMouseError, match='plug it in'):
        open_device()


def test_a_dead_zone_that_leaves_nothing_is_refused():
    with pytest.raises(ConfigError, match='dead_zone is 1'):
        SpaceMouseSettings(dead_zone=1)
