# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Two commanders, one robot: a wrong decision here would let a policy fight its operator."""

import pytest

from irevla_control.command_mux import CommandMux


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_policy_commands_pass_while_nobody_teleoperates(clock):
    mux = CommandMux(0.5, clock)
    assert mux.policy(1) == ''
    assert mux.policy(2) == ''


def test_operator_overrides_the_policy_at_once_and_hands_back_after_the_timeout(clock):
    mux = CommandMux(0.5, clock)
    assert mux.policy(1) == ''
    assert mux.teleop(2) == ''
    assert 'operator' in mux.policy(3)
    clock.now += 0.49
    assert 'operator' in mux.policy(3)
    clock.now += 0.02
    assert mux.policy(3) == ''


def test_an_observation_is_answered_once(clock):
    mux = CommandMux(0.0, clock)
    assert mux.policy(5) == ''
    assert 'answered' in mux.policy(5)
    assert 'answered' in mux.teleop(4)


def test_a_new_episode_may_start_its_clock_anew(clock):
    mux = CommandMux(0.5, clock)
    mux.policy(1000)
    mux.start_episode()
    assert mux.policy(1) == ''
