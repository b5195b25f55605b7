# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Two commanders, one robot: a wrong decision here would let a policy fight its operator."""

import pytest

from irevla_control.episodes.command_mux import CommandMux


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_policy_commands_pass_while_nobody_teleoperates(clock):
    mux = CommandMux(0.5, clock)
    assert mux.policy(1, 'p1') == ''
    assert mux.policy(2, 'p2') == ''


def test_operator_overrides_the_policy_at_once_and_hands_back_after_the_timeout(clock):
    mux = CommandMux(0.5, clock)
    assert mux.policy(1, 'p1') == ''
    assert mux.teleop(2) == ''
    assert 'operator' in mux.policy(3, 'p3')
    clock.now += 0.49
    assert 'operator' in mux.policy(3, 'p3')
    clock.now += 0.02
    assert mux.policy(3, 'p3') == ''


def test_an_observation_is_answered_once(clock):
    mux = CommandMux(0.0, clock)
    assert mux.policy(5, 'p5') == ''
    assert 'answered' in mux.policy(5, 'p5')
    assert 'answered' in mux.teleop(4)


def test_a_new_episode_may_start_its_clock_anew(clock):
    mux = CommandMux(0.5, clock)
    mux.policy(1000, 'p1000')
    mux.start_episode()
    assert mux.policy(1, 'p1') == ''


def test_a_held_policy_command_goes_on_once_when_the_operator_stops_without_answering(clock):
    mux = CommandMux(0.5, clock)
    mux.teleop(1)
    mux.policy(2, 'p2')
    mux.policy(3, 'p3')
    assert mux.release() is None, 'the operator is still in charge'
    clock.now += 0.51
    assert mux.release() == 'p3'
    assert mux.release() is None
    assert 'answered' in mux.policy(3, 'again')


@pytest.mark.parametrize('wait, answer', [
    (0.1, lambda mux: mux.teleop(2)),
    (0.1, lambda mux: mux.start_episode()),
    (0.6, lambda mux: mux.policy(3, 'p3')),
])
def test_a_held_policy_command_is_dropped_once_its_observation_is_past(clock, wait, answer):
    mux = CommandMux(0.5, clock)
    mux.teleop(1)
    mux.policy(2, 'p2')
    clock.now += wait
    answer(mux)
    clock.now += 0.6
    assert mux.release() is None
