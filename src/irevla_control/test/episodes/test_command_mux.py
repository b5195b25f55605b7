# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Two sources of commands, one robot: a wrong choice would let a policy oppose its operator."""

import pytest

from irevla_control.episodes.command_mux import CommandMux


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_policy_commands_pass_without_an_operator(clock):
    mux = CommandMux(0.5, clock)
    assert mux.policy(1, 'p1') == ''
    assert mux.policy(2, 'p2') == ''


def test_the_operator_overrides_the_policy_until_the_timeout(clock):
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


def test_a_new_episode_may_set_the_clock_back(clock):
    mux = CommandMux(0.5, clock)
    mux.policy(1000, 'p1000')
    mux.start_episode()
    assert mux.policy(1, 'p1') == ''


def test_an_overruled_command_is_forwarded_once_if_the_operator_does_not_answer(clock):
    mux = CommandMux(0.5, clock)
    mux.teleop(1)
    mux.policy(2, 'p2')
    mux.policy(3, 'p3')
    assert mux.take_overruled() is None, 'the operator is still in control'
    clock.now += 0.51
    assert mux.take_overruled() == 'p3'
    assert mux.take_overruled() is None
    assert 'answered' in mux.policy(3, 'again')


@pytest.mark.parametrize(
    'wait, answer',
    [
        (0.1, lambda mux: mux.teleop(2)),
        (0.1, lambda mux: mux.start_episode()),
        (0.6, lambda mux: mux.policy(3, 'p3')),
    ],
)
def test_an_overruled_command_is_dropped_after_its_observation(clock, wait, answer):
    mux = CommandMux(0.5, clock)
    mux.teleop(1)
    mux.policy(2, 'p2')
    clock.now += wait
    answer(mux)
    clock.now += 0.6
    assert mux.take_overruled() is None
