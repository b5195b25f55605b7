# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 in process, small: killed in stage 1 it goes on, and refuses what does not fit."""

import json
import signal
import subprocess
import sys

import graph
import numpy as np
import pytest
import yaml

from irevla_control.bag_reader import read_episode
from irevla_control.errors import IrevlaError
from irevla_learner.improve import load_config, main
from irevla_learner.latent_replay import LatentReplay
from irevla_policy.checkpoint import load_checkpoint


@pytest.fixture(scope='module')
def stage0(tmp_path_factory):
    """Demonstrations of one task, recorded over the real graph, and a policy taught on them."""
    root = tmp_path_factory.mktemp('stage0')
    values = yaml.safe_load((graph.CONFIG / 'demo.yaml').read_text()) | {
        'tasks': ['drawer-close'], 'demonstrations': 4, 'evaluation_episodes': 1, 'horizon': 30,
        'preset': str(graph.CONFIG / 'presets/tiny.yaml'), 'training': 'training.yaml'}
    (root / 'demo.yaml').write_text(yaml.safe_dump(values))
    (root / 'training.yaml').write_text('{steps: 150, warmup_steps: 10, ema_decay: 0.9}')
    with (root / 'log').open('w') as log:
        subprocess.run([sys.executable, '-m', 'irevla_bringup.demo', '--config',
                        root / 'demo.yaml', '--output', root / 'run'],
                       stdout=log, stderr=log, timeout=250, check=True)
    return root / 'run'


@pytest.fixture
def config(tmp_path):
    """One new task, few decisions, few steps."""
    (tmp_path / 'sacfd.yaml').write_text(yaml.safe_dump({
        'demonstrations': 1, 'most_zero_shot_episodes': 4, 'warm_up_updates': 5,
        'decisions': 150, 'batch_size': 16, 'components': 8}))
    (tmp_path / 'training.yaml').write_text('{steps: 5, warmup_steps: 1, batch_size: 8}')
    values = yaml.safe_load((graph.CONFIG / 'improve.yaml').read_text()) | {
        'tasks': {'expert': ['drawer-close'], 'rl': ['drawer-close-unseen'], 'held_out': []},
        'episodes': {'expert': 2, 'rl': 2, 'held_out': 1}, 'horizon': 30,
        'sacfd': 'sacfd.yaml', 'training': 'training.yaml'}
    file = tmp_path / 'improve.yaml'
    file.write_text(yaml.safe_dump(values))
    return file


def arguments(config, stage0, output):
    return ['--config', str(config), '--init', str(stage0 / 'checkpoint'), '--data',
            *map(str, (stage0 / 'demonstrations').glob('worker?')), '--output', str(output)]


def test_improvement_goes_on_after_kill_9(tmp_path, stage0, config):
    output = tmp_path / 'run'
    command = [sys.executable, '-m', 'irevla_learner.improve',
               *arguments(config, stage0, output)]
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        graph.wait_for(lambda: (output / 'drawer-close-unseen/stage1').exists(), 120, 'stage 1')
        process.send_signal(signal.SIGKILL)
        process.wait()
        subprocess.run(command, stdout=log, stderr=log, timeout=250, check=True)
    scores = json.loads((output / 'scores.json').read_text())
    new = 'drawer-close-unseen'
    assert list(scores) == ['stage0', f'stage1 {new}', f'stage2 {new}']
    for groups in scores.values():
        assert groups['rl']['tasks'][new]['episodes'] == 2
        assert groups['expert']['tasks']['drawer-close']['episodes'] == 2
        assert 'held_out' not in groups
    figures = scores[f'stage1 {new}']
    assert figures['env_steps'] >= 150 and figures['updates'] >= 300
    before = load_checkpoint(stage0 / 'checkpoint')
    after1 = load_checkpoint(output / new / 'stage1/checkpoint')
    after2 = load_checkpoint(output / new / 'stage2/checkpoint')
    assert after1.backbone_hash == before.backbone_hash != after2.backbone_hash
    assert after1.head.pool.state_dict().keys() == before.head.pool.state_dict().keys()
    assert not (after1.head.mlp[0].weight == before.head.mlp[0].weight).all()
    rows = (output / new / 'stage1/metrics.jsonl').read_text().splitlines()
    assert json.loads(rows[-1])['decisions'] == figures['env_steps']
    manifest = json.loads((output / 'manifest.json').read_text())
    assert manifest['steps']['evaluate stage0']['attempt'] == 1, 'what was finished is kept'


@pytest.mark.parametrize('change, words', [
    ({'copies': None}, None), ({'tasks': {'rl': []}}, 'expert, rl, held_out'),
    ({'colour': 1}, 'colour'), ({'sacfd': 'nowhere.yaml'}, 'nowhere.yaml'),
    ({'copies': 0}, 'copies is 0'), ({'successes': 0}, 'successes is 0'),
    ({'episodes': {'rl': 1}}, 'episodes needs'), ({'new_share': 2}, 'new_share is 2')])
def test_a_wrong_configuration_is_refused_by_name(config, stage0, tmp_path, change, words):
    values = yaml.safe_load(config.read_text()) | change
    if change == {'copies': None}:
        del values['copies']
        words = 'copies'
    config.write_text(yaml.safe_dump(values))
    with pytest.raises(IrevlaError, match=words):
        main(arguments(config, stage0, tmp_path / 'run'))


def test_the_shipped_configuration_is_whole():
    config = load_config(graph.CONFIG / 'improve.yaml')
    assert config['tasks']['rl']


def test_stage_1_over_the_graph(tmp_path, stage0, config):
    """Every episode is learned from whole, new heads act, and the launch ends by itself."""
    output = tmp_path / 'learner'
    with (tmp_path / 'log').open('w') as log:
        done = subprocess.run([
            'ros2', 'launch', 'irevla_bringup', 'improve.launch.py',
            f'checkpoint:={stage0 / "checkpoint"}', 'tasks:=drawer-close-unseen', 'horizon:=30',
            f'settings:={tmp_path / "sacfd.yaml"}', f'output:={output}',
            f'results:={tmp_path / "results.json"}', f'bags:={tmp_path / "bags"}'],
            stdout=log, stderr=log, timeout=200)
    said = (tmp_path / 'log').read_text()
    assert done.returncode == 0, said
    rows = [json.loads(line) for line in (output / 'metrics.jsonl').read_text().splitlines()]
    # Seeds grow by one from episode to episode; the recorder may commit in another order.
    played = {one['seed']: one for one in graph.results(tmp_path / 'results.json')}
    assert abs(len(played) - len(rows)) <= 2, 'an episode was not learned from'
    totals = [{'decisions': 0, 'successes': 0}, *rows]
    for seed, one in played.items():
        if seed < len(rows):
            for total, of_episode in (('decisions', 'steps'), ('successes', 'success')):
                assert totals[seed + 1][total] - totals[seed][total] == one[of_episode]
    before, after = load_checkpoint(stage0 / 'checkpoint'), load_checkpoint(output / 'checkpoint')
    assert after.backbone_hash == before.backbone_hash
    assert not (after.head.mlp[0].weight == before.head.mlp[0].weight).all()
    replay = LatentReplay(
        output / 'replay', backbone_hash=before.backbone_hash,
        **{name: json.loads((output / 'replay/replay.json').read_text())[name] for name in
           ('tokens', 'width', 'state_size', 'action_size', 'capacity')})
    acting = replay.versions(slice(None))
    assert acting.max() > 0, 'no new head ever acted'
    # What lies in the replay is what the policy computes from the recorded images.
    episode_bag, = [folder for folder in (tmp_path / 'bags').iterdir()
                    if folder.name == played[0]['episode_id']]
    recorded = read_episode(episode_bag, before.config.cameras)
    first = replay.spans[0]
    assert replay.stamps(first.start) == recorded.stamps[0]
    for step in range(len(recorded.stamps)):
        expected = before.step({camera: images[step] for camera, images in
                                recorded.images.items()}, recorded.states[step],
                               recorded.instruction)
        np.testing.assert_allclose(replay.latents[first.start + step], expected.latent, atol=0.02)
        np.testing.assert_allclose(
            before.statistics.denormalise_action(replay.actions(first.start + step)),
            recorded.actions[step], atol=1e-5)


@pytest.mark.parametrize('arguments, words', [
    ({'mode': 'real_time'}, 'use lock_step'), ({'tasks': 'drawer-close,door-open'}, 'one task'),
    ({'settings': 'nowhere.yaml'}, 'nowhere.yaml'), ({'output': ''}, 'output is empty')])
def test_a_wrong_launch_argument_is_refused_by_name(tmp_path, stage0, arguments, words):
    given = {'checkpoint': stage0 / 'checkpoint', 'tasks': 'drawer-close',
             'output': tmp_path / 'run', **arguments}
    with graph.RunningLaunch('improve.launch.py', tmp_path / 'log', **given) as launch:
        assert launch.wait(60) == 1
        assert words in launch.output()


def test_a_learner_that_is_stopped_keeps_what_it_learned(tmp_path, stage0, config):
    output = tmp_path / 'learner'
    values = yaml.safe_load((tmp_path / 'sacfd.yaml').read_text()) | {'decisions': 100_000}
    (tmp_path / 'sacfd.yaml').write_text(yaml.safe_dump(values))
    given = {'checkpoint': stage0 / 'checkpoint', 'tasks': 'drawer-close', 'horizon': 30,
             'settings': tmp_path / 'sacfd.yaml', 'output': output}
    with graph.RunningLaunch('improve.launch.py', tmp_path / 'log', **given) as launch:
        graph.wait_for(lambda: (output / 'metrics.jsonl').exists() and len(
            (output / 'metrics.jsonl').read_text().splitlines()) >= 6, 90, 'six episodes')
        launch.process.send_signal(signal.SIGINT)
        launch.wait(30)
    assert load_checkpoint(output / 'checkpoint')
    with graph.RunningLaunch('improve.launch.py', tmp_path / 'again', **given) as launch:
        launch.wait(60)
        assert 'holds an earlier learning' in launch.output()
