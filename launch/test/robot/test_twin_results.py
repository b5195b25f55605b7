# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the experiment on the simulated Panda reads from a finished stage 1."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from irevla_learner.runs.evaluation import EpisodeResult
from irevla_learner.runs.outcome import write_outcome

EXPERIMENTS = Path(__file__).resolve().parents[3] / 'benchmarks/experiments'
EPISODES, SECONDS = 30, 8


@pytest.fixture(scope='module')
def twin():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXPERIMENTS)
        import twin

        yield twin


@pytest.fixture
def stage1(twin, tmp_path, monkeypatch):
    """Return the folder of a stage 1 that paused for an hour after its tenth episode."""
    from panda import outcome

    folder = tmp_path / 'stage1'
    folder.mkdir()
    begun, rows = 0, []
    recorded = []
    for number in range(EPISODES):
        begun += SECONDS + (3600 if number == 10 else 0)
        recorded.append(SimpleNamespace(episode_id=f'pick-carrot-{number}-{begun * 10**9}'))
        row = {'step': 40 * number, 'successes': number // 2, 'episodes': number + 1}
        rows.append(json.dumps(row | {'interventions': 0, 'updates': 0}))
    (folder / 'metrics.jsonl').write_text('\n'.join(rows) + '\n')
    write_outcome(folder, 1200, 1100, EPISODES)
    starts = [{'franka': {'seconds': 3}}, {'franka': {'seconds': 200}}]
    (folder / outcome.HEALTH_FILE).write_text(json.dumps(starts))
    monkeypatch.setattr(outcome, 'list_episodes', lambda root: recorded)
    return folder


def test_the_entry_of_a_stage_1_counts_the_robot_s_time_without_pauses(twin, stage1):
    from panda import outcome

    found = outcome.of_stage1(stage1)
    # The pause hides one interval.
    assert found['robot_minutes'] == pytest.approx((EPISODES - 2) * SECONDS / 60, abs=0.01)
    assert (found['episodes'], found['env_steps'], found['starts']) == (EPISODES, 1200, 2)
    assert found['nodes'] == {'franka': {'seconds': 200}} and found['repeated'] == 0
    assert 'faults' not in found
    [axes] = outcome.curves_chart({'carrot': found, 'short': {**found, 'minutes': [0.0]}}).axes
    [line] = axes.lines
    assert line.get_xdata()[-1] == found['robot_minutes']


def test_an_episode_that_a_start_counts_again_is_reported(twin, stage1):
    from panda import outcome

    metrics = stage1 / 'metrics.jsonl'
    lines = metrics.read_text().splitlines()
    metrics.write_text('\n'.join([*lines[:12], *lines[10:]]) + '\n')
    assert outcome.of_stage1(stage1)['repeated'] == 1


def test_objects_have_their_group_and_cells_before_and_after(twin, stage1):
    config = twin.load_demo_config(twin.results.ROOT / 'config/twin/demo.yaml').algorithm1
    tasks = [*config.tasks.expert, *config.tasks.rl, *config.tasks.held_out]
    (stage1.parent / 'stage1-2').symlink_to(stage1)

    def results(successes):
        return [
            EpisodeResult(task, seed, seed < successes, 9, True, False, False, f'{task}-{seed}')
            for task in tasks
            for seed in range(4)
        ]

    found = twin.objects(stage1.parent, config, {'stage0': results(1), 'stage2-2': results(3)})
    assert list(found) == tasks
    assert found['pick-lemon'] == {'group': 'unseen', 'before': [1, 4], 'after': [3, 4]}
    assert found['pick-carrot']['group'] == 'rl' and found['pick-carrot']['robot_minutes'] > 3


def test_a_person_s_faults_happen_once_over_all_starts(twin, tmp_path):
    from panda.faults import Record

    record = Record(tmp_path / 'faults.json')
    record.faults.append({'fault': 'camera covered', 'minute': 3.0})
    record.seconds = 200.0
    record.save()
    again = Record(tmp_path / 'faults.json')
    assert (again.faults, again.seconds) == (record.faults, 200.0)
