# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Each gate stops only its own case; messages may arrive in any order."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
import numpy as np
import pytest

from irevla_control.episode import PHASE_ENDED, PHASE_RUNNING
from irevla_control.observation import Observation
from irevla_policy.nodes.acting_gates import ActingGates, EpisodeStatus

STAMP = 1_000_000_000
RUNNING = EpisodeStatus('one', 'press the button', PHASE_RUNNING, False, STAMP)
ENDED = replace(RUNNING, phase=PHASE_ENDED)


def observation(stamp=STAMP):
    return Observation(stamp, {}, np.zeros(10))


def gates(**changes):
    return ActingGates(
        **{'lock_step': False, 'see_effects': False, 'encode_last': False, 'max_age_s': 0.5}
        | changes
    )


def job_of(gates, episode, stamp=STAMP):
    """Return the job for an observation and an episode."""
    gates.observe(observation(stamp), 7.0)
    gates.episode = episode
    return gates.next_job()


@pytest.mark.parametrize('episode_first', [True, False])
def test_an_observation_and_its_episode_in_any_order_give_one_job(episode_first):
    one = gates()
    for episode in (episode_first, not episode_first):
        assert one.next_job() is None
        if episode:
            one.episode = RUNNING
        else:
            one.observe(observation(), 7.0)
    job = one.next_job()
    assert (job.observation.stamp, job.episode, job.received_s) == (STAMP, RUNNING, 7.0)
    assert one.may_command(job) and one.next_job() is None


@pytest.mark.parametrize(
    'episode, encode_last, passes',
    [
        (EpisodeStatus(), True, False),
        (RUNNING, False, True),
        (ENDED, False, False),
        (ENDED, True, True),
        (replace(ENDED, aborted=True), True, False),
    ],
)
def test_gate_1_is_open_while_an_episode_runs_and_for_its_last_observation(
    episode, encode_last, passes
):
    one = gates(encode_last=encode_last)
    job = job_of(one, replace(episode, stamp=STAMP))
    assert (job is not None) is passes
    if job and episode.phase == PHASE_ENDED:
        assert not one.may_command(job), 'a command after the end is allowed'


@pytest.mark.parametrize(
    'late, lock_step, ended, passes',
    [
        (-1, False, False, False),
        (0, False, False, True),
        (1, False, False, True),
        (-1, True, False, False),
        (0, True, False, True),
        (1, True, False, False),
        (-1, False, True, False),
        (0, False, True, True),
        (1, False, True, False),
    ],
)
def test_gate_2_needs_an_observation_of_this_episode(late, lock_step, ended, passes):
    one = gates(lock_step=lock_step, encode_last=True)
    job = job_of(one, ENDED if ended else RUNNING, STAMP + late)
    assert (job is not None) is passes


def test_in_lock_step_an_observation_waits_for_its_episode_s_message():
    one = gates(lock_step=True)
    assert job_of(one, RUNNING, STAMP + 50) is None
    one.episode = replace(RUNNING, stamp=STAMP + 50)
    assert one.next_job().episode.stamp == STAMP + 50


@pytest.mark.parametrize('see_effects', [False, True])
def test_gate_3_drops_observations_from_before_the_last_command(see_effects):
    one = gates(see_effects=see_effects, encode_last=True)
    one.command_sent(STAMP + 10)
    for stamp, new in ((STAMP + 5, False), (STAMP + 10, False), (STAMP + 11, True)):
        assert (job_of(one, RUNNING, stamp) is not None) is (new or not see_effects)
    one.command_sent(STAMP + 20)
    last = replace(ENDED, stamp=STAMP + 15)
    assert job_of(one, last, STAMP + 15) is not None, 'the last observation, which is only encoded'


@pytest.mark.parametrize(
    'waited_s, stamps_s, ready_s, lock_step, refused',
    [
        (0.4, 0.4, 0.0, False, ''),
        (0.6, 0.1, 0.0, False, '0.600 s old, the limit is 0.5 s'),
        (0.1, 0.7, 0.0, False, '0.700 s old'),
        (0.1, 0.7, 0.0, True, ''),
        (9.0, 0.1, 15.9, False, ''),
        (9.0, 0.1, 15.4, True, '0.600 s old'),
    ],
)
def test_gate_4_counts_waiting_and_transit_time_but_not_the_model_s_start(
    waited_s, stamps_s, ready_s, lock_step, refused
):
    one = gates(lock_step=lock_step)
    job = job_of(one, RUNNING)
    problem = one.refusal(job, 7.0 + waited_s, STAMP + round(stamps_s * 1e9), ready_s)
    assert (refused in problem) if refused else problem == ''


@pytest.mark.parametrize(
    'now, allowed',
    [
        (RUNNING, True),
        (replace(RUNNING, stamp=STAMP + 50), True),
        (ENDED, False),
        (replace(ENDED, aborted=True), False),
    ],
)
def test_gate_5_stops_a_command_if_the_episode_ended_during_inference(now, allowed):
    one = gates()
    job = job_of(one, RUNNING)
    one.episode = now
    assert one.may_command(job) is allowed


@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(['observe', 'start', 'end', 'sent']), st.integers(0, 5)),
        max_size=20,
    ),
)
def test_no_order_of_events_gives_a_job_of_another_episode_or_twice(
    lock_step, see_effects, encode_last, events
):
    one, sent, stamps = (
        gates(lock_step=lock_step, see_effects=see_effects, encode_last=encode_last),
        0,
        [],
    )
    for number, (event, at) in enumerate(events):
        if event == 'observe':
            one.observe(observation(at), float(number))
            stamps.append(number)
        elif event == 'sent':
            one.command_sent(at)
            sent = at
        else:
            one.episode = replace(RUNNING if event == 'start' else ENDED, stamp=at)
        job = one.next_job()
        if job is None:
            continue
        assert job.received_s == stamps[-1], 'an older observation'
        stamps[-1] = None
        assert job.observation.stamp >= job.episode.stamp
        assert not lock_step or job.observation.stamp == job.episode.stamp
        assert job.episode.running or encode_last
        assert not (see_effects and job.episode.running) or job.observation.stamp > sent
        assert one.may_command(job) is job.episode.running
