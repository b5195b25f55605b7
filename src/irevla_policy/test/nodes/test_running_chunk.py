# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A chunk answers the next observations, and ends when its actions would be stale."""

import numpy as np
import pytest

from irevla_control.episode import PHASE_RUNNING
from irevla_control.observation import Observation
from irevla_policy.nodes.acting_gates import EpisodeStatus, Job
from irevla_policy.nodes.running_chunk import RunningChunk

PERIOD = 100
ACTIONS = np.arange(6, dtype=np.float32).reshape(3, 2)


def job(number, episode_id='one', instruction='push'):
    stamp = number * PERIOD
    episode = EpisodeStatus(episode_id, instruction, PHASE_RUNNING, False, 0)
    return Job(Observation(stamp, {}, np.zeros(10)), episode, 0.0)


def answered(chunk, number, by_policy=True, sent=None):
    """Send the command for an observation; the robot executes it or a person's."""
    one = job(number)
    chunk.command_sent(one, number * PERIOD + 10 if sent is None else sent)
    chunk.command_executed(one.observation.stamp, by_policy)


def begun(max_gap_ns=0, **changes):
    chunk = RunningChunk(max_gap_ns)
    chunk.begin(job(1), ACTIONS, 0)
    answered(chunk, 1, **changes)
    return chunk


def test_the_actions_answer_the_next_observations_in_order():
    chunk = begun()
    for number in (2, 3):
        found = chunk.next_action(job(number), 0)
        assert (found.index, found.latent_stamp) == (number - 1, PERIOD)
        np.testing.assert_array_equal(found.action, ACTIONS[number - 1])
        answered(chunk, number)
    assert chunk.next_action(job(4), 0) is None


def test_without_chunks_each_observation_needs_a_pass():
    chunk = RunningChunk(0)
    assert chunk.next_action(job(1), 0) is None
    chunk.begin(job(1), ACTIONS[:1], 0)
    answered(chunk, 1)
    assert chunk.next_action(job(2), 0) is None


@pytest.mark.parametrize(
    'next_job, version',
    [
        (job(2, episode_id='two'), 0),
        (job(2, instruction='pull'), 0),
        (job(2), 1),
        (job(1), 0),
    ],
    ids=['other episode', 'other instruction', 'new head', 'no newer observation'],
)
def test_it_ends_with_what_it_was_decided_for(next_job, version):
    chunk = begun()
    assert chunk.next_action(next_job, version) is None
    # And does not continue later.
    assert chunk.next_action(job(2), 0) is None


def test_it_ends_when_a_person_acts():
    chunk = begun(by_policy=False)
    assert chunk.next_action(job(2), 0) is None
    chunk = begun()
    assert chunk.next_action(job(2), 0).index == 1
    answered(chunk, 2, by_policy=False)
    assert chunk.next_action(job(3), 0) is None


def test_it_ends_when_the_robot_did_not_get_the_last_action():
    chunk = RunningChunk(0)
    chunk.begin(job(1), ACTIONS, 0)
    chunk.command_sent(job(1), PERIOD)
    assert chunk.next_action(job(2), 0) is None
    chunk = RunningChunk(0)
    chunk.begin(job(1), ACTIONS, 0)
    # The pass was too late for a command; another one was executed.
    chunk.command_executed(PERIOD, True)
    assert chunk.next_action(job(2), 0) is None


def test_it_ends_when_an_observation_is_missing():
    """The limit counts from the command, since images during a pass are not answered."""
    assert begun(150).next_action(job(2), 0).index == 1
    assert begun(150).next_action(job(3), 0) is None
    assert begun(150, sent=250).next_action(job(3), 0).index == 1
    # An environment in lock-step waits; its time between observations is not known.
    assert begun(0).next_action(job(3), 0).index == 1
