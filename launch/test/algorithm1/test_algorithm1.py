# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 on small tasks continues after a kill and refuses wrong configurations."""

import json
import random
import signal
import subprocess
import sys
import time

import graph
from intervening_operator import ACTION, operator
import numpy as np
import pytest
from safetensors.torch import load_file
import torch
import yaml

from irevla_bringup.algorithm1 import make_ros_backend
from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.errors import ConfigError, IrevlaError
from irevla_learner.algorithm1.config import load_config
from irevla_learner.algorithm1.program import main
from irevla_learner.replay.latent_replay import LatentReplay
from irevla_msgs.msg import EndEffectorCommand
from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.metrics_log import read_metrics
from irevla_policy.model.config import load_preset
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.train import train_from_bags

STAGE1_NODES = ('vla', 'learner', 'command_mux', 'simulator', 'recorder', 'episode_runner')


@pytest.fixture(scope='module')
def stage0(tmp_path_factory):
    """Record demonstrations over the real graph, and train a policy on them.

    The RL task is among them, because so short a training rarely succeeds on an unseen task.
    """
    root = tmp_path_factory.mktemp('stage0')
    log = root / 'log'
    with graph.RunningLaunch(
        'collect.launch.py',
        log,
        episodes=4,
        horizon=50,
        tasks='drawer-close,drawer-close-unseen',
        noise_std=0.3,
        image_size=84,
        bags=root / 'demonstrations',
    ) as launch:
        assert launch.wait(120) == 0
    training = TrainConfig(steps=300, warmup_steps=10, ema=0.1, batch_size=16, threads=1)
    train_from_bags(
        [root / 'demonstrations'],
        root / 'training',
        training,
        preset=load_preset(graph.CONFIG / 'presets/tiny.yaml'),
        checkpoint=root / 'checkpoint',
    )
    return root


@pytest.fixture
def config(tmp_path):
    """Return a configuration with one RL task and few steps."""
    (tmp_path / 'sacfd.yaml').write_text(
        yaml.safe_dump(
            {
                'min_demonstrations': 1,
                'most_zero_shot_episodes': 20,
                'warm_up_updates': 5,
                'env_steps': 150,
                'batch_size': 16,
                'pca_components': 8,
            }
        )
    )
    (tmp_path / 'training.yaml').write_text('{steps: 5, warmup_steps: 1, batch_size: 8}')
    values = yaml.safe_load((graph.CONFIG / 'algorithm1.yaml').read_text()) | {
        'tasks': {'expert': ['drawer-close'], 'rl': ['drawer-close-unseen'], 'held_out': []},
        'episodes': {'expert': 2, 'rl': 2, 'held_out': 1},
        'horizon': 50,
        'settings': 'sacfd.yaml',
        'training': 'training.yaml',
    }
    file = tmp_path / 'algorithm1.yaml'
    file.write_text(yaml.safe_dump(values))
    return file


def by_seed(folder):
    results = graph.results(folder / 'results.json')
    found = {one['seed']: one for one in results}
    assert len(found) == len(results), 'an episode was counted twice'
    return found


def arguments(config, stage0, output):
    return [
        '--config',
        str(config),
        '--init',
        str(stage0 / 'checkpoint'),
        '--data',
        str(stage0 / 'demonstrations'),
        '--output',
        str(output),
    ]


@pytest.mark.timeout(600)
def test_algorithm_1_continues_after_kill_9(tmp_path, stage0, config):
    output = tmp_path / 'run'
    command = [
        sys.executable,
        '-m',
        'irevla_learner.algorithm1',
        *arguments(config, stage0, output),
    ]
    metrics = output / 'stage1/metrics.jsonl'
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        graph.wait_for(
            lambda: metrics.exists() and metrics.read_text().count('\n') >= 4,
            120,
            'four episodes of stage 1',
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
        # The newest may not have been saved yet.
        before = read_metrics(metrics.parent)[:-1]
        assert not (output / 'stage1/checkpoint').exists()
        # The second kill comes at a random time.
        process = subprocess.Popen(command, stdout=log, stderr=log)
        instant_s = random.uniform(8, 25)
        print(f'killed again after {instant_s:.2f} s')
        time.sleep(instant_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        subprocess.run(command, stdout=log, stderr=log, timeout=250, check=True)
    rows = read_metrics(metrics.parent)
    assert rows[: len(before)] == before, 'stage 1 continues'
    assert [row['episodes'] for row in rows] == list(range(1, len(rows) + 1))
    report = json.loads((output / 'report.json').read_text())
    new = 'drawer-close-unseen'
    assert report['stages'] == ['stage0', 'stage1', 'stage2']
    for stage in report['stages']:
        assert report[stage]['rl'][new]['episodes'] == 2
        assert report[stage]['expert']['drawer-close']['episodes'] == 2
        assert report[stage]['held_out'] == {}
    figures = report['stage1']
    assert figures['env_steps'] == rows[-1]['step'] >= 150 and figures['updates'] >= 300
    assert report['stage2']['updates'] == 5
    policies = [
        load_checkpoint(folder / 'checkpoint')
        for folder in (stage0, output / 'stage1', output / 'stage2')
    ]
    assert policies[0].backbone_hash == policies[1].backbone_hash != policies[2].backbone_hash
    assert not (policies[1].head.mlp[0].weight == policies[0].head.mlp[0].weight).all()
    manifest = json.loads((output / 'manifest.json').read_text())
    assert manifest['steps']['evaluate stage0']['attempt'] == 1, 'it ran twice'
    assert not (output / 'stage1/replay').exists(), 'latents of an older VLM are removed'


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    'baseline',
    [
        {'algorithm': 'ppo', 'settings': 'ppo.yaml', 'stage1_trains': 'all', 'new_share': 0.0},
        {'stage2_trains': 'head', 'labels': 'executed'},
    ],
)
def test_the_paper_s_baselines_learn_one_task_after_another(tmp_path, stage0, config, baseline):
    (tmp_path / 'ppo.yaml').write_text(
        '{env_steps: 60, episodes: 4, epochs: 1, batch_size: 16, critic_iterations: 0}'
    )
    values = yaml.safe_load(config.read_text()) | baseline
    values |= {
        'tasks': {'expert': [], 'rl': ['drawer-close-unseen', 'drawer-close'], 'held_out': []}
    }
    config.write_text(yaml.safe_dump(values))
    output = tmp_path / 'run'
    main(arguments(config, stage0, output))
    report = json.loads((output / 'report.json').read_text())
    stages = ['stage1', 'stage2', 'stage1-2', 'stage2-2']
    assert report['stages'] == ['stage0', *stages]
    assert [report[stage]['task'] for stage in stages[::2]] == values['tasks']['rl']
    hashes = [
        load_checkpoint(folder / 'checkpoint').backbone_hash
        for folder in (stage0, *(output / stage for stage in stages))
    ]
    if 'stage2_trains' in baseline:
        assert len(set(hashes)) == 1, 'the VLM stays frozen'
        assert report['stage2']['learned_episodes'] > 0
    else:
        assert len(set(hashes)) == 5, 'every stage trains the VLM'
        assert report['stage2']['learned_episodes'] == 0, 'stage 2 trains on demonstrations alone'
    assert len(list(output.glob('stage1*/replay'))) == 2 * ('stage2_trains' in baseline)


@pytest.mark.parametrize(
    'change, words',
    [
        ({'num_envs': None}, None),
        ({'tasks': {'rl': []}}, 'tasks needs'),
        ({'colour': 1}, 'colour'),
        ({'settings': 'nowhere.yaml'}, 'nowhere.yaml'),
        ({'num_envs': 0}, 'num_envs is 0'),
        ({'successes': 0}, 'successes is 0'),
        ({'episodes': {'rl': 1}}, 'episodes needs'),
        ({'tasks': {'expert': ['a'], 'rl': ['a'], 'held_out': []}}, 'named twice'),
        (
            {'tasks': {'expert': ['a b'], 'rl': [], 'held_out': []}},
            "'a b' cannot name a recording",
        ),
        ({'new_share': 2}, 'new_share is 2'),
        ({'evaluation_seed': 7}, 'evaluation_seed is 7'),
        ({'classifier': '.'}, 'contains no success classifier'),
        ({'algorithm': 'ppo'}, 'PPO settings'),
        ({'tasks': {'expert': [], 'rl': None, 'held_out': []}}, 'tasks.rl is None'),
        ({'algorithm': 'magic'}, 'use sacfd or ppo'),
        ({'stage1_trains': 'all'}, 'use ppo or head'),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(config, stage0, tmp_path, change, words):
    values = yaml.safe_load(config.read_text()) | change
    if change == {'num_envs': None}:
        del values['num_envs']
        words = 'num_envs'
    config.write_text(yaml.safe_dump(values))
    with pytest.raises(IrevlaError, match=words):
        main(arguments(config, stage0, tmp_path / 'run'))


def test_the_ros_backend_refuses_ppo(config, stage0, tmp_path):
    (tmp_path / 'ppo.yaml').write_text('{env_steps: 60}')
    config.write_text(
        yaml.safe_dump(
            yaml.safe_load(config.read_text()) | {'algorithm': 'ppo', 'settings': 'ppo.yaml'}
        )
    )
    with pytest.raises(ConfigError, match='use python -m irevla_learner.algorithm1 for ppo'):
        main(arguments(config, stage0, tmp_path / 'run'), make_ros_backend)


def test_the_shipped_configuration_loads():
    config = load_config(graph.CONFIG / 'algorithm1.yaml')
    assert config.tasks.rl


def test_stage_1_over_the_graph(tmp_path, stage0, config):
    """The learner uses every step of every episode, the operator's too; new heads act."""
    output = tmp_path / 'learner'
    with (tmp_path / 'log').open('w') as log, operator(3, 7) as person:
        done = subprocess.run(
            [
                'ros2',
                'launch',
                'irevla_bringup',
                'stage1.launch.py',
                f'checkpoint:={stage0 / "checkpoint"}',
                'tasks:=drawer-close',
                'horizon:=50',
                f'settings:={tmp_path / "sacfd.yaml"}',
                f'output:={output}',
                f'results:={tmp_path / "results.json"}',
                f'bags:={tmp_path / "bags"}',
            ],
            stdout=log,
            stderr=log,
            timeout=200,
        )
    printed = (tmp_path / 'log').read_text()
    assert done.returncode == 0, printed
    rows = read_metrics(output)
    # Each episode has the next seed; the recorder may commit episodes in another order.
    played = by_seed(tmp_path)
    assert abs(len(played) - len(rows)) <= 2, 'the learner lacks an episode'
    totals = [{'step': 0, 'successes': 0}, *rows]
    for seed, one in played.items():
        if seed < len(rows):
            for total, of_episode in (('step', 'steps'), ('successes', 'success')):
                assert totals[seed + 1][total] - totals[seed][total] == one[of_episode]
    before, after = load_checkpoint(stage0 / 'checkpoint'), load_checkpoint(output / 'checkpoint')
    assert after.backbone_hash == before.backbone_hash
    assert not (after.head.mlp[0].weight == before.head.mlp[0].weight).all()
    replay = LatentReplay(
        output / 'replay',
        backbone_hash=before.backbone_hash,
        **{
            name: json.loads((output / 'replay/replay.json').read_text())[name]
            for name in ('tokens', 'width', 'state_size', 'action_size', 'capacity')
        },
    )
    acting = replay.versions(slice(None))
    assert acting.max() > 0, 'no new head ever acted'
    # The replay contains the latents that the policy computes from the recorded images.
    (episode_bag,) = [
        folder
        for folder in (tmp_path / 'bags').iterdir()
        if folder.name == played[0]['episode_id']
    ]
    recorded = read_episode(episode_bag, before.config.cameras)
    first = replay.spans[0]
    assert replay.stamps(first.start) == recorded.stamps[0]
    for step in range(len(recorded.stamps)):
        expected = before.step(
            {camera: images[step] for camera, images in recorded.images.items()},
            recorded.states[step],
            recorded.instruction,
        )
        np.testing.assert_allclose(replay.latents[first.start + step], expected.latent, atol=0.02)
        np.testing.assert_allclose(
            before.statistics.denormalise_action(replay.actions(first.start + step)),
            recorded.actions[step],
            atol=1e-5,
        )
    # Human commands count as demonstrations in successful and failed episodes.
    human_actions = {}
    for entry in list_episodes(tmp_path / 'bags'):
        one = read_episode(tmp_path / 'bags' / entry.episode_id, ())
        human_actions |= {
            stamp: action
            for stamp, action, source in zip(one.stamps.tolist(), one.actions, one.sources)
            if source == EndEffectorCommand.SOURCE_TELEOP
        }
    assert set(human_actions) <= set(person.stamps)
    kept = {stamp: row for row, stamp in enumerate(replay.stamps(slice(None)).tolist())}
    learned = [stamp for stamp in human_actions if stamp in kept]
    assert len(learned) == rows[-1]['interventions'] >= 4
    demonstrations = set(replay.usable(1, demonstrations=True).tolist())
    for stamp in learned:
        np.testing.assert_allclose(
            before.statistics.denormalise_action(replay.actions(kept[stamp])),
            human_actions[stamp],
            atol=1e-5,
        )
        np.testing.assert_allclose(human_actions[stamp], ACTION)
        assert kept[stamp] in demonstrations


def test_episodes_wait_for_a_learner_with_pending_updates(tmp_path, stage0, config):
    output = tmp_path / 'learner'
    values = yaml.safe_load((tmp_path / 'sacfd.yaml').read_text())
    (tmp_path / 'sacfd.yaml').write_text(
        yaml.safe_dump(values | {'env_steps': 300, 'updates_per_decision': 10.0})
    )
    (tmp_path / 'behind.yaml').write_text(
        '/**/learner: {ros__parameters: {max_pending_updates: 0}}'
    )
    with graph.RunningLaunch(
        'stage1.launch.py',
        tmp_path / 'log',
        horizon=50,
        checkpoint=stage0 / 'checkpoint',
        tasks='drawer-close',
        settings=tmp_path / 'sacfd.yaml',
        output=output,
        params_file=tmp_path / 'behind.yaml',
    ) as launch:
        assert launch.wait(200) == 0
        assert 'when topic pause_episodes is false' in launch.output()
    rows = read_metrics(output)
    assert json.loads((output / 'stage1.json').read_text())['updates'] >= 3000
    # First episodes may begin while the critics are set up. Without a pause `owed` reaches 2000.
    assert max(row['owed'] for row in rows[5:]) <= 3 * 10 * 50


@pytest.mark.parametrize(
    'arguments, words',
    [
        ({'mode': 'real_time'}, 'use lock_step'),
        ({'tasks': 'drawer-close,door-open'}, 'one task'),
        ({'settings': 'nowhere.yaml'}, 'nowhere.yaml'),
        ({'output': ''}, 'output is empty'),
        ({'linger': 3}, 'use 0'),
    ],
)
def test_a_wrong_launch_argument_is_refused_by_name(tmp_path, stage0, arguments, words):
    given = {
        'checkpoint': stage0 / 'checkpoint',
        'tasks': 'drawer-close',
        'output': tmp_path / 'run',
        **arguments,
    }
    with graph.RunningLaunch('stage1.launch.py', tmp_path / 'log', **given) as launch:
        assert launch.wait(60) == 1
        assert words in launch.output()


def test_the_old_launch_file_names_the_new_one(tmp_path):
    with graph.RunningLaunch(
        'improve.launch.py', tmp_path / 'log', tasks='drawer-close', checkpoint=tmp_path
    ) as launch:
        assert launch.wait(60) == 1
        assert launch.output().splitlines() == [
            'improve.launch.py is now stage1.launch.py; its arguments are the same'
        ]


@pytest.mark.timeout(600)
def test_stage_1_continues_after_a_kill_of_any_node_or_of_all(tmp_path, stage0, config):
    """Kill three at random, one after another, at random times."""
    output = tmp_path / 'learner'
    values = yaml.safe_load((tmp_path / 'sacfd.yaml').read_text())
    (tmp_path / 'sacfd.yaml').write_text(
        yaml.safe_dump(
            values | {'env_steps': 800, 'success_window': 1000, 'updates_per_decision': 1.0}
        )
    )
    given = {
        'checkpoint': stage0 / 'checkpoint',
        'tasks': 'drawer-close',
        'horizon': 50,
        'settings': tmp_path / 'sacfd.yaml',
        'output': output,
        'results': tmp_path / 'results.json',
        'bags': tmp_path / 'bags',
        'demonstration_bags': stage0 / 'demonstrations',
        'anchor_bags': stage0 / 'demonstrations',
    }
    rows, before, kept = [], [], {}
    for victim in random.sample([*STAGE1_NODES, 'all'], 3):
        with graph.RunningLaunch('stage1.launch.py', tmp_path / 'log', **given) as launch:
            graph.wait_for(
                lambda running=launch, old=rows: (
                    len(read_metrics(output)) > len(old)
                    and set(running.nodes()) >= set(STAGE1_NODES)
                ),
                90,
                'another episode',
            )
            instant_s = random.uniform(0, 2)
            print(f'{victim} is killed {instant_s:.2f} s after its first episode')
            time.sleep(instant_s)
            for process in (
                [launch.process, *launch.nodes().values()]
                if victim == 'all'
                else [launch.nodes()[victim]]
            ):
                process.kill()
            launch.wait(30)
            if victim == 'all':
                # The killed launch does not wait for its nodes.
                graph.wait_for(lambda ended=launch: not ended.alive(), 5, 'the end of all nodes')
            assert launch.alive() == []
        rows, played = read_metrics(output), by_seed(tmp_path)
        assert rows[: len(before)] == before and played.items() >= kept.items()
        # The newest may not have been saved yet.
        before, kept = rows[:-1], played
    with graph.RunningLaunch('stage1.launch.py', tmp_path / 'again', **given) as launch:
        assert launch.wait(200) == 0
    rows = read_metrics(output)
    assert rows[: len(before)] == before
    assert by_seed(tmp_path).items() >= kept.items()
    assert [row['episodes'] for row in rows] == list(range(1, len(rows) + 1))
    assert json.loads((output / 'stage1.json').read_text())['env_steps'] == rows[-1]['step']
    learned = load_checkpoint(output / 'checkpoint')
    state = load_file(output / 'learner.safetensors')
    for name, weight in learned.head.mlp.state_dict().items():
        assert torch.equal(weight, state[f'averaged/{name}']), name
