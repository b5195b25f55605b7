# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The real franky against a simulated hand that refuses orders or never answers."""

import time

import pytest

from irevla_control.franka.franka_gripper import FrankaGripper, GripperSettings

# An order is late after 0.5 s: Franka's hand opens to 0.08 m, which takes 0.2 s at this speed.
SETTINGS = GripperSettings(finger_speed=0.4, hand_timeout_s=0.3)
WAIT_S = 20


@pytest.fixture
def hand(panda):
    panda.ask(answers={})
    hand = FrankaGripper(panda.address, SETTINGS)
    hand.open()
    until(lambda: hand.opened, hand)
    hand.warnings.clear()
    hand.ordered = panda.ask()['orders']
    yield hand
    hand.close()
    # The hand accepts one client, so threads of unanswered orders must end too.
    panda.cut_gripper()


def until(condition, hand):
    end = time.monotonic() + WAIT_S
    while not condition():
        assert not hand.problem
        assert time.monotonic() < end, f'not within {WAIT_S} s; {list(hand.warnings)}'
        time.sleep(0.01)


def orders(panda, hand):
    return panda.ask()['orders'][len(hand.ordered) :]


def test_a_refused_grasp_is_a_warning_and_is_tried_again(panda, hand):
    panda.ask(answers={'grasp': 'failed'})
    hand.command(0.0)
    until(lambda: hand.counts['hand orders refused'] == 2, hand)
    assert set(hand.warnings) == {'the hand refused grasping: libfranka gripper: Command failed!'}
    assert orders(panda, hand) == ['grasp', 'grasp'], 'an order was repeated within 1 s'
    panda.ask(answers={})
    until(lambda: hand.opening < 0.9, hand)


def test_another_target_does_not_wait_for_a_refused_one(panda, hand):
    panda.ask(answers={'grasp': 'unsuccessful'})
    hand.command(0.0)
    until(lambda: hand.warnings, hand)
    assert hand.warnings[-1] == 'the hand refused grasping: not successful'
    hand.open()
    began = time.monotonic()
    until(lambda: orders(panda, hand)[-1] == 'move', hand)
    assert time.monotonic() - began < 0.5


def test_an_order_without_an_end_is_reported_and_stopped_for_the_next_target(panda, hand):
    panda.ask(answers={'grasp': 'never'})
    hand.command(0.0)
    until(lambda: hand.counts['hand orders late'], hand)
    assert hand.warnings[-1] == 'the hand has not finished grasping for 1 s'
    until(lambda: len(hand.warnings) > 1, hand)
    assert hand.warnings[-1] == 'the hand has not finished grasping for 2 s'
    assert orders(panda, hand) == ['grasp'], 'the hand opened without a command'
    hand.command(1.0)
    until(lambda: hand.opened, hand)
    assert orders(panda, hand) == ['grasp', 'stop', 'move']
    assert hand.counts['hand orders late'] == 1
    assert not hand.counts['hand orders refused'], 'a stopped order counts as refused'


def test_an_opening_without_an_end_is_tried_again(panda, hand):
    panda.ask(answers={'move': 'never'})
    hand.open()
    until(lambda: hand.counts['hand orders late'] == 1, hand)
    assert not hand.resting, 'the opening is not finished'
    panda.ask(answers={})
    until(lambda: hand.opened, hand)


def test_a_hand_that_ignores_a_stop_executes_the_next_order_it_accepts(panda, hand):
    panda.ask(answers={'grasp': 'never', 'stop': 'never'})
    hand.command(0.0)
    until(lambda: hand.counts['hand orders late'], hand)
    hand.command(1.0)
    until(lambda: hand.opened, hand)
    assert orders(panda, hand) == ['grasp', 'stop', 'move']


def test_a_lost_connection_during_an_unanswered_order_is_reported(panda, hand):
    panda.ask(answers={'grasp': 'never'})
    hand.command(0.0)
    until(lambda: hand.counts['hand orders late'], hand)
    panda.cut_gripper()
    end = time.monotonic() + WAIT_S
    while not hand.problem:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert 'NetworkException' in hand.problem
    panda.ask(answers={})
    hand.recover()
    hand.open()
    until(lambda: hand.opened, hand)
