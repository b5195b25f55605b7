# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""All parts of the experiment on the simulated Panda, with few episodes (twenty minutes)."""

from dataclasses import replace
from pathlib import Path

import pytest

from irevla_bringup.play.shipped import CHECKPOINT, PANDA_POLICY
from irevla_learner.runs.task_groups import EpisodeCounts, Tasks

EXPERIMENTS = Path(__file__).resolve().parents[3] / 'benchmarks/experiments'
# The policy of stage 0 solves it, so that there are successes to learn from.
TASK = 'pick-red-block'


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.timeout(3600)
def test_every_part_runs_and_has_an_entry(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(EXPERIMENTS)
    from panda import carrot, faults, outcome
    from results_file import ResultsFile
    import twin

    file = ResultsFile(tmp_path / 'twin.json', ('objects', 'variants'), outcome.draw)
    monkeypatch.setattr(outcome, 'IMAGES', tmp_path)
    for module in (twin, carrot):
        monkeypatch.setattr(module, 'FILE', file)
    monkeypatch.setattr(twin, 'PER_MOUSE', 1)
    monkeypatch.setattr(carrot, 'CARROT', TASK)
    monkeypatch.setattr(carrot, 'DEMONSTRATIONS', 1)
    monkeypatch.setattr(carrot, 'ROUNDS', (1,))
    monkeypatch.setattr(carrot, 'LABELLED_EPISODES', 12)
    monkeypatch.setattr(carrot, 'LEAST_SUCCESSES', 5)
    monkeypatch.setattr(faults, 'TIMES', dict(zip(faults.TIMES, (0.2, 0.5, 0.8, 1.1))))
    monkeypatch.setattr(faults, 'COVERED_S', 3.0)
    monkeypatch.setattr(faults, 'STOPPED_S', 3.0)

    config = twin.load_demo_config(twin.results.ROOT / 'config/twin/demo.yaml')
    settings = replace(
        config.algorithm1,
        tasks=Tasks(('press-button',), (TASK,), ('pick-lemon',)),
        episodes=EpisodeCounts(1, 1, 1),
        settings=replace(
            config.algorithm1.settings,
            env_steps=600,
            min_demonstrations=1,
            most_zero_shot_episodes=2,
            warm_up_updates=20,
            success_window=100,
        ),
        training=replace(config.algorithm1.training, steps=20, threads=1),
    )
    config = replace(config, demonstrations=1, algorithm1=settings)
    parts = twin.PARTS
    twin.run(tmp_path / 'run', config, 0, PANDA_POLICY / CHECKPOINT, parts)
    content = file.read()
    assert list(content['objects']) == ['press-button', TASK, 'pick-lemon']
    assert list(content['variants']) == list(carrot.VARIANTS)
    for entry in [content['objects'][TASK], *content['variants'].values()]:
        assert entry['env_steps'] >= 600 and entry['robot_minutes'] > 0 and entry['nodes']
        assert entry['before'][1] == entry['after'][1] == 1
    found = content['variants']['faults']
    assert [one['fault'] for one in found['faults']] == list(faults.TIMES)
    assert found['starts'] > 1
    assert {path.name for path in tmp_path.glob('*.png')} >= {'twin_objects.png'}

    before = file.read()
    twin.run(tmp_path / 'run', config, 0, PANDA_POLICY / CHECKPOINT, parts)
    assert file.read() == before
