# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the experiment on the simulated Panda reads from a finished stage 1."""

import json
from pathlib import Path
from types import SimpleNamespace

from graph import untrained_checkpoint
import pytest

from irevla_control.errors import ConfigError
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
        recorded.append(
            SimpleNamespace(episode_id=f'pick-carrot-{number}-{begun * 10**9}', aborted=False)
        )
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
    assert found['nodes'] == {'franka': {'seconds': 200}} and found['not counted'] == 0
    assert 'faults' not in found
    [axes] = outcome.curves_chart({'carrot': found, 'short': {**found, 'minutes': [0.0]}}).axes
    [line] = axes.lines
    assert line.get_xdata()[-1] == found['robot_minutes']


def test_an_aborted_episode_takes_time_but_is_no_point_of_the_curve(twin, stage1):
    from panda import outcome

    whole = outcome.minutes(stage1)
    episodes = outcome.list_episodes(stage1)
    episodes[3].aborted = True
    assert outcome.minutes(stage1) == whole[:3] + whole[4:]
    # The learner has counted one that was aborted.
    found = outcome.of_stage1(stage1)
    assert (found['not counted'], found['repeated']) == (-1, 0)
    metrics = stage1 / 'metrics.jsonl'
    lines = metrics.read_text().splitlines()
    metrics.write_text('\n'.join([*lines[:12], *lines[10:]]) + '\n')
    assert outcome.of_stage1(stage1)['repeated'] == 1


def test_what_a_person_rescued_is_no_success_of_the_curve(twin, stage1):
    from panda import outcome

    found = outcome.of_stage1(stage1)
    rows = found[', '.join(outcome.CURVE)]
    for number, row in enumerate(rows):
        row[outcome.CURVE.index('successes')] = number + 1
        row[outcome.CURVE.index('interventions')] = 7 * (number + 1)
    [axes] = outcome.curves_chart({'carrot': found}).axes
    assert not axes.lines[0].get_ydata().any()


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


def test_results_of_another_policy_of_stage_0_are_not_added_to(twin, tmp_path, monkeypatch):
    from results_file import ResultsFile

    file = ResultsFile(tmp_path / 'twin.json', ('objects',))
    monkeypatch.setattr(twin, 'FILE', file)
    twin.check_same_policy(untrained_checkpoint(tmp_path / 'one'))
    with file.changed() as content:
        content['stage0'] = twin.read_manifest(tmp_path / 'one')['files']
    twin.check_same_policy(tmp_path / 'one')
    with pytest.raises(ConfigError, match=f'another policy than {tmp_path}/two; .* --policy'):
        twin.check_same_policy(untrained_checkpoint(tmp_path / 'two', image_size=48))
    with pytest.raises(ConfigError, match='began with another policy'):
        twin.check_same_policy(tmp_path / 'none trained yet')
