# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands and verdicts from the reports of a SpaceMouse Compact, with the real decoder."""

from hand import Hand
import numpy as np
import pytest

from irevla_control.errors import ConfigError
from irevla_control.teleop.hid_reports import FULL, translation_report
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


@pytest.mark.parametrize(
    ('push', 'translation'),
    [
        ({'back': -FULL}, [0.02, 0, 0]),
        ({'right': FULL}, [0, -0.02, 0]),
        ({'down': -FULL}, [0, 0, 0.02]),
    ],
)
def test_forward_left_and_up_are_x_y_and_z_for_an_operator_behind_the_robot(
    hand, push, translation
):
    hand.move(**push)
    np.testing.assert_allclose(hand.mouse.command()[:3], translation, atol=1e-9)


def test_for_an_operator_in_front_of_the_robot_directions_are_reversed():
    hand = Hand(view=np.pi)
    hand.move(back=-FULL)
    np.testing.assert_allclose(hand.mouse.command()[:3], [-0.02, 0, 0], atol=1e-9)


def test_rotating_the_cap_rotates_the_hand_in_the_same_direction(hand):
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


def test_a_mouse_without_reports_counts_as_released(hand):
    hand.move(back=-FULL)
    hand.now += 0.19
    assert hand.mouse.command() is not None
    hand.now += 0.02
    assert hand.mouse.command() is None


def test_the_first_button_closes_and_opens_the_gripper(hand):
    hand.press(0)
    hand.press()
    hand.now += 1
    assert hand.mouse.command()[6] == 0, 'the press waits for the next image'
    hand.mouse.take_press()
    assert hand.mouse.command() is None, 'sent once, then the policy may continue'
    hand.move(back=-FULL)
    assert hand.mouse.command()[6] == 0, 'it stays closed'
    hand.press(0)
    hand.press()
    assert hand.mouse.command()[6] == 1


def test_a_short_press_of_the_second_button_is_success_and_a_long_one_failure(hand):
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
def test_both_buttons_discard_and_do_nothing_else(hand, order):
    hand.press(order[0])
    hand.press(0, 1)
    hand.press(order[1])
    hand.press()
    assert hand.mouse.verdicts() == [Verdict.DISCARD]
    assert not hand.mouse.closed


def test_all_queued_reports_are_processed_at_once(hand):
    for push in (100, 200, FULL):
        hand.reports.waiting.append(translation_report(back=-push))
    hand.mouse.update()
    assert not hand.reports.waiting
    assert hand.mouse.command()[0] == pytest.approx(0.02)


def test_an_unplugged_mouse_is_reported(hand):
    hand.reports.gone = True
    with pytest.raises(SpaceMouseError, match='unplugged: device disconnected'):
        hand.mouse.update()


def test_a_button_does_not_keep_the_cap_deflected(hand):
    hand.move(back=-FULL)
    hand.now += 0.3
    hand.press(1)
    assert hand.mouse.command() is None


def test_without_a_mouse_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr('pyspacemouse.api.get_connected_devices', list)
    with pytest.raises(SpaceMouseError, match='plug it in'):
        open_device()


def test_a_dead_zone_of_the_whole_range_is_refused():
    with pytest.raises(ConfigError, match='dead_zone is 1'):
        SpaceMouseSettings(dead_zone=1)
