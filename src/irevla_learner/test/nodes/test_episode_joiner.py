# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The joiner completes each episode from its messages in any order."""

from dataclasses import replace
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from latent_episodes import episode
import numpy as np
import pytest

from irevla_learner.nodes.episode_joiner import EpisodeJoiner, Outcome, SeenStep


def parts_of(name, one):
    """Return the calls that give an episode's parts to a joiner, in order of time."""
    calls = []
    count = len(one.actions)
    stamps = [*one.stamps.tolist(), int(one.stamps[-1]) + 1]
    for step in range(count + 1):
        stamp = stamps[step]
        outcome = None
        if step == count:
            outcome = Outcome(one.terminated, one.success, False, one.easier)
        calls.append(
            (
                'add_event',
                name,
                stamp,
                step,
                float(one.rewards[step - 1]) if step else 0.0,
                outcome,
            )
        )
        if step < len(one.latents):
            acted = step < count
            # At steps of a person the policy's own action differs from the executed one.
            chosen = np.zeros(2, np.float32) if not acted or one.human[step] else one.actions[step]
            calls.append(
                (
                    'add_step',
                    name,
                    stamp,
                    SeenStep(one.latents[step], one.proprioception[step], chosen, 7),
                )
            )
        if step < count:
            calls.append(('add_command', stamp, one.actions[step], bool(one.human[step])))
    return calls


def join(joiner, calls):
    for name, *arguments in calls:
        getattr(joiner, name)(*arguments)
    return joiner.take()


def assert_same(found, expected):
    for name in ('latents', 'proprioception', 'actions', 'rewards', 'human', 'versions', 'stamps'):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), name)
    for name in ('terminated', 'success', 'easier'):
        assert getattr(found, name) == getattr(expected, name), name


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 8), st.booleans(), st.sets(st.integers(0, 7)), st.randoms())
def test_parts_in_any_order_give_the_episode(steps, terminated, human, shuffle):
    """At both ends of an intervention each action has its own observation."""
    expected = episode(
        steps,
        3,
        terminated=terminated,
        closed=terminated,
        human=[step for step in human if step < steps],
        easier=not terminated,
    )
    calls = parts_of('one', expected)
    shuffle.shuffle(calls)
    joiner = EpisodeJoiner()
    (found,) = join(joiner, calls)
    assert_same(found, expected)
    assert joiner.counts['transitions'] == steps
    assert joiner.counts['interventions'] == expected.human.sum()


def test_episodes_whose_messages_overlap_in_time_are_separated():
    expected = [episode(5, seed, human=[1]) for seed in (1, 2, 3)]
    joiner = EpisodeJoiner()
    calls = [parts_of(str(seed), one) for seed, one in enumerate(expected)]
    late = calls[0].pop()
    found = join(joiner, [*calls[0], *calls[1][:4], late, *calls[1][4:], *calls[2]])
    for one, reference in zip(found, expected, strict=True):
        assert_same(one, reference)


def test_an_aborted_episode_is_left_out_and_counted():
    joiner = EpisodeJoiner()
    calls = parts_of('one', episode(4))[:6]
    assert not join(joiner, [*calls, ('add_event', 'one', 2, 2, 0.0, Outcome(False, False, True))])
    assert joiner.counts['aborted'] == 1
    (found,) = join(joiner, parts_of('two', episode(4, 1)))
    assert_same(found, episode(4, 1))


@pytest.mark.parametrize('kind', ['add_step', 'add_command', 'add_event'])
def test_an_episode_with_a_lost_message_is_dropped_and_counted(kind):
    joiner = EpisodeJoiner()
    calls = parts_of('lost', episode(4))
    calls.remove(random.Random(0).choice([call for call in calls[:-2] if call[0] == kind]))
    assert not join(joiner, calls)
    for number in range(1, 4):
        (found,) = join(joiner, parts_of(str(number), episode(4, number)))
        assert_same(found, episode(4, number))
    assert joiner.counts['incomplete'] == 1
    assert joiner.counts['episodes'] == 3


def test_an_episode_without_its_last_latent_is_returned_late_without_it():
    joiner = EpisodeJoiner()
    assert not join(joiner, parts_of('first', episode(4))[:-1])
    found = [
        one
        for number in range(1, 4)
        for one in join(joiner, parts_of(str(number), episode(4, number)))
    ]
    expected = episode(4)
    lacking = replace(
        expected, latents=expected.latents[:-1], proprioception=expected.proprioception[:-1]
    )
    for one, reference in zip(
        found, [episode(4, 1), episode(4, 2), lacking, episode(4, 3)], strict=True
    ):
        assert_same(one, reference)
    assert joiner.counts['without last latent'] == 1
    assert joiner.counts['incomplete'] == 0


def chunked_parts(chunk_indices, human=()):
    """Return the calls of an episode whose steps have these numbers in their chunks."""
    steps = len(chunk_indices)
    one = episode(steps, 3, human=human)
    calls = []
    for call in parts_of('one', one):
        if call[0] == 'add_step':
            number = call[2] - int(one.stamps[0])
            index = chunk_indices[number] if number < steps else 0
            step = replace(call[3], chunk_index=index)
            if index:
                step = replace(step, latent=None, proprioception=None)
            call = (*call[:3], step)
        calls.append(call)
    return one, calls


@settings(max_examples=40, deadline=None)
@given(st.randoms())
def test_steps_without_a_latent_belong_to_the_chunk_before(shuffle):
    """A person acts at step 4, in the chunk that began at step 3: the next step has a pass."""
    one, calls = chunked_parts([0, 1, 2, 0, 1, 0, 1], human=[4])
    shuffle.shuffle(calls)
    (found,) = join(EpisodeJoiner(), calls)
    kept = [0, 3, 5, 7]
    assert found.passes.tolist() == kept[:-1]
    np.testing.assert_array_equal(found.latents, one.latents[kept])
    np.testing.assert_array_equal(found.proprioception, one.proprioception[kept])
    np.testing.assert_array_equal(found.actions, one.actions)
    assert found.human.tolist() == [step == 4 for step in range(7)]


@pytest.mark.parametrize('indices', [[1, 2, 0], [0, 2, 0], [0, 1, 1]])
def test_an_episode_with_actions_of_an_unknown_pass_is_discarded(indices):
    _, calls = chunked_parts(indices)
    joiner = EpisodeJoiner()
    assert not join(joiner, calls)
    assert joiner.counts['incomplete'] == 1
    assert joiner.counts['steps of incomplete episodes'] == 4
