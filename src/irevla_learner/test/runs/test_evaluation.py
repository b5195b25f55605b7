# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics and file of evaluated episodes."""

from dataclasses import replace
import json

from hypothesis import given
from hypothesis import strategies as st
import pytest

from irevla_learner.runs.evaluation import (
    EpisodeResult,
    EvaluationError,
    TaskScore,
    load_results,
    save_results,
    summarise,
)


def result(task='door-open', seed=0, success=True, **changes):
    ended = dict(terminated=success, truncated=not success, aborted=False)
    return EpisodeResult(
        task, seed, success, **(dict(steps=30, episode_id=f'{task}-{seed}') | ended | changes)
    )


@pytest.mark.parametrize(
    'successes, episodes, low, high',
    [
        (0, 20, 0.0, 0.16112515805281938),
        (7, 20, 0.1811918241010821, 0.5671457233147638),
        (14, 20, 0.48102718164647656, 0.8545227551323957),
        (20, 20, 0.8388748419471806, 1.0),
        (93, 120, 0.6924310051535484, 0.8405084533161646),
    ],
)
def test_wilson_interval_is_exact(successes, episodes, low, high):
    assert TaskScore(successes, episodes).interval == (low, high)


def test_without_episodes_the_interval_is_zero_to_one():
    assert TaskScore(0, 0).interval == (0.0, 1.0)
    assert TaskScore(0, 0).rate is None


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_interval_contains_the_rate_and_is_symmetric(counts):
    successes, episodes = counts
    low, high = TaskScore(successes, episodes).interval
    assert 0 <= low <= successes / episodes <= high <= 1
    mirrored = TaskScore(episodes - successes, episodes).interval
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize('successes, episodes', [(-1, 3), (4, 3), (0, -1)])
def test_impossible_scores_are_refused(successes, episodes):
    with pytest.raises(EvaluationError, match='successes in'):
        TaskScore(successes, episodes)


def test_summary_counts_per_task_and_pools_all():
    results = [
        result('b', 0, steps=10),
        result('b', 1, False, steps=50),
        result('a', 0, steps=20),
        result('a', 1, steps=40),
    ]
    stage = summarise(results)
    assert list(stage['tasks']) == ['a', 'b']
    assert stage['tasks']['b'] == {
        'successes': 1,
        'episodes': 2,
        'aborted': 0,
        'success_rate': 0.5,
        'mean_steps': 30.0,
        'dropped': 0,
        'interval': [0.09453120573423071, 0.9054687942657693],
    }
    assert (stage['successes'], stage['episodes'], stage['success_rate']) == (3, 4, 0.75)


def test_dropped_steps_are_summed_and_may_be_missing_in_older_files(tmp_path):
    results = [result('a', 0, dropped=3), result('a', 1, dropped=4), result('b', 0)]
    stage = summarise(results)
    assert (stage['dropped'], stage['tasks']['a']['dropped'], stage['tasks']['b']['dropped']) == (
        7,
        7,
        0,
    )
    file = tmp_path / 'results.json'
    save_results(file, results)
    assert load_results(file) == results
    rows = [
        {key: value for key, value in row.items() if key != 'dropped'}
        for row in json.loads(file.read_text())
    ]
    file.write_text(json.dumps(rows))
    assert [one.dropped for one in load_results(file)] == [0, 0, 0]
    with pytest.raises(EvaluationError, match='dropped of 0 or more'):
        result(dropped=-1)


def test_aborted_episodes_are_counted_separately():
    aborted = result('a', 1, False, aborted=True, truncated=False)
    stage = summarise([result('a', 0), aborted, result('b', 0, False, aborted=True)])
    assert stage['tasks']['a']['episodes'] == 1
    assert stage['tasks']['a']['success_rate'] == 1
    assert stage['tasks']['a']['aborted'] == 1
    assert stage['tasks']['b']['success_rate'] is None
    assert stage['aborted'] == 2


def test_aborted_episode_may_be_evaluated_again():
    again = [result(seed=3, success=False, aborted=True), result(seed=3)]
    assert summarise(again)['episodes'] == 1


def test_episode_counted_twice_is_refused():
    with pytest.raises(EvaluationError, match="'door-open' with seed 3 counts twice"):
        summarise([result(seed=3), result(seed=3, success=False)])


@pytest.mark.parametrize(
    'changes, reason',
    [
        ({'success': 1}, 'success is 1; a value of type bool'),
        ({'seed': True}, 'seed is True'),
        ({'steps': 2.0}, 'steps is 2.0'),
        ({'steps': -1}, '0 or more'),
        ({'task': ''}, 'a task'),
        ({'terminated': False}, 'not ended'),
        ({'aborted': True}, 'aborted, yet a success'),
    ],
)
def test_contradictory_results_are_refused(changes, reason):
    with pytest.raises(EvaluationError, match=reason):
        replace(result(), **changes)


def test_saved_results_are_loaded_unchanged(tmp_path):
    results = [result(seed=seed, success=seed % 2 == 0) for seed in range(5)]
    file = tmp_path / 'evaluation' / 'results.json'
    save_results(file, results)
    assert load_results(file) == results


@pytest.mark.parametrize(
    'damage, reason',
    [
        (lambda rows: rows[0], 'no list'),
        (lambda rows: [*rows, 7], 'entry 2: 7 needs exactly the keys'),
        (lambda rows: [rows[0] | {'extra': 1}], 'entry 0'),
        (lambda rows: [rows[0], rows[1] | {'success': 'yes'}], "entry 1: success is 'yes'"),
    ],
)
def test_damaged_result_files_are_refused(tmp_path, damage, reason):
    file = tmp_path / 'results.json'
    save_results(file, [result(seed=0), result(seed=1)])
    file.write_text(json.dumps(damage(json.loads(file.read_text()))))
    with pytest.raises(EvaluationError, match=reason):
        load_results(file)


def test_truncated_and_missing_result_files_are_refused(tmp_path):
    file = tmp_path / 'results.json'
    with pytest.raises(EvaluationError, match='cannot read'):
        load_results(file)
    save_results(file, [result()])
    file.write_text(file.read_text()[:-20])
    with pytest.raises(EvaluationError, match='cannot read'):
        load_results(file)
