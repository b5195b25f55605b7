# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A small run of the whole demo: after a kill no process stays, and the run continues."""

from dataclasses import replace
import json
import random
import signal
import subprocess
import sys

import graph
from launch.launch_description_sources import get_launch_description_from_python_launch_file
import psutil
import pytest
import yaml

from irevla_bringup import launched_graphs, ros_backend
from irevla_bringup.demo import load_demo_config
from irevla_bringup.launched_graphs import Graph, run_graphs
from irevla_bringup.ros_backend import RosBackend, deal
from irevla_control.errors import ConfigError
from irevla_control.progress_bar import progress_bar
from irevla_policy.metrics_log import read_metrics


@pytest.fixture
def config(tmp_path):
    """Return a configuration with one expert task, one RL task, few episodes and few steps."""
    for stage, steps in (('stage0', 400), ('stage2', 5)):
        training = yaml.safe_load((graph.CONFIG / f'training/{stage}.yaml').read_text())
        (tmp_path / f'{stage}.yaml').write_text(
            yaml.safe_dump(training | {'steps': steps, 'ema': 0.1, 'batch_size': 16, 'threads': 1})
        )
    (tmp_path / 'sacfd.yaml').write_text(
        yaml.safe_dump(
            {
                # After so short a training the policy may rarely succeed.
                'min_demonstrations': 1,
                'most_zero_shot_episodes': 100,
                'warm_up_updates': 5,
                'env_steps': 60,
                'batch_size': 16,
                'pca_components': 8,
            }
        )
    )
    algorithm1 = yaml.safe_load((graph.CONFIG / 'algorithm1.yaml').read_text()) | {
        'tasks': {'expert': ['drawer-close'], 'rl': ['drawer-close-unseen'], 'held_out': []},
        'episodes': {'expert': 1, 'rl': 1, 'held_out': 1},
        'horizon': 50,
        'settings': 'sacfd.yaml',
        'training': 'stage2.yaml',
    }
    (tmp_path / 'algorithm1.yaml').write_text(yaml.safe_dump(algorithm1))
    values = yaml.safe_load((graph.CONFIG / 'demo.yaml').read_text()) | {
        'demonstrations': 4,
        'preset': str(graph.CONFIG / 'presets/tiny.yaml'),
        'training': 'stage0.yaml',
        'algorithm1': 'algorithm1.yaml',
    }
    file = tmp_path / 'demo.yaml'
    file.write_text(yaml.safe_dump(values))
    return file


def graphs_running(folder):
    found = []
    for process in psutil.process_iter(['cmdline']):
        words = ' '.join(process.info['cmdline'] or [])
        if str(folder) in words and ('ros2' in words or '__node' in words):
            found.append(words)
    return found


def test_the_demo_continues_after_kill_9_and_writes_its_report(tmp_path, config):
    """The kill comes at random during collection or during stage 1."""
    output = tmp_path / 'run'
    command = [sys.executable, '-m', 'irevla_bringup.demo', '--config', config, '--output', output]
    results = output / 'demonstrations/worker0.json'
    instant, reached = random.choice(
        [
            ('two demonstrations', lambda: len(graph.results(results)) >= 2),
            ('two episodes of stage 1', lambda: len(read_metrics(output / 'stage1')) >= 2),
        ]
    )
    print(f'killed after {instant}')
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        graph.wait_for(reached, 240, instant)
        process.send_signal(signal.SIGKILL)
        process.wait()
        graph.wait_for(lambda: not graphs_running(output), 30, "end of the killed demo's graphs")
        recorded, learned = graph.results(results), read_metrics(output / 'stage1')
        subprocess.run(command, stdout=log, stderr=log, timeout=300)
    report = json.loads((output / 'report.json').read_text())
    assert graph.results(results)[: len(recorded)] == recorded, 'finished episodes are kept'
    assert read_metrics(output / 'stage1')[: len(learned)] == learned, 'stage 1 continues'
    for stage in ('stage0', 'stage1', 'stage2'):
        assert report[stage]['expert']['drawer-close']['episodes'] == 1
        assert report[stage]['rl']['drawer-close-unseen']['episodes'] == 1
        assert 0 <= report[stage]['success_rate'] <= 1
    assert report['stage1']['env_steps'] >= 60
    assert report['stage2']['learned_episodes'] >= 1
    assert set(report['wall_s']) == {'setup', 'collect', 'train', 'stage1', 'stage2', 'evaluate'}
    assert report['seed'] == 0
    for name in (
        'report.md',
        'report.html',
        'videos/evaluation.mp4',
        'videos/improvement.mp4',
        'plots/success.png',
        'plots/learning_stage1.png',
    ):
        assert (output / name).stat().st_size > 500, name
    assert not graphs_running(output)


@pytest.mark.long
def test_the_demo_runs_in_franka_kitchen(tmp_path, config):
    task = {'base': 'light-on', 'split': 'rl', 'text': 'Places of the hood where it is taught.'}
    (tmp_path / 'tasks.yaml').write_text(yaml.safe_dump({'light-on-again': task}))
    file = tmp_path / 'algorithm1.yaml'
    changes = {
        'environment': 'irevla_sim:Kitchen-v0',
        'horizon': None,
        'tasks_file': 'tasks.yaml',
        'tasks': {'expert': ['light-on'], 'rl': ['light-on-again'], 'held_out': []},
    }
    file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes))
    output = tmp_path / 'run'
    command = [sys.executable, '-m', 'irevla_bringup.demo', '--config', config, '--output', output]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr[-2000:]
    report = json.loads((output / 'report.json').read_text())
    for stage in ('stage0', 'stage1', 'stage2'):
        assert report[stage]['expert']['light-on']['episodes'] == 1
        assert report[stage]['rl']['light-on-again']['episodes'] == 1
    assert report['stage1']['env_steps'] >= 60
    assert report['stage2']['learned_episodes'] >= 1


def test_tasks_are_divided_evenly_among_the_workers():
    tasks = {'a': 50, **dict.fromkeys('bcdefghi', 20), 'j': 10}
    shares = deal(tasks, 2)
    assert {task: count for share in shares for task, count in share.items()} == tasks
    assert [sum(share.values()) for share in shares] == [110, 110]
    assert deal({'a': 1}, 4) == [{'a': 1}]


def test_the_estimate_of_a_continued_run_does_not_count_earlier_work(tmp_path, monkeypatch):
    command = ['sleep', '1']
    monkeypatch.setattr(Graph, 'command', lambda self: command)
    bars = []

    def bar(**options):
        bars.append(progress_bar(**options))
        return bars[0]

    monkeypatch.setattr(launched_graphs, 'progress_bar', bar)
    done = iter([40, *[50] * 100])
    run_graphs([Graph('', {}, tmp_path / 'log')], 'run', 50, lambda: (next(done), ''))
    assert bars[0].initial == 40 and bars[0].n == 50


def test_a_run_on_the_robot_uses_its_launch_files_one_episode_at_a_time(tmp_path, monkeypatch):
    config = load_demo_config(graph.CONFIG / 'twin/demo.yaml').algorithm1
    started = []

    def run_graphs(graphs, *_, **__):
        started.extend(graphs)

    monkeypatch.setattr(ros_backend, 'run_graphs', run_graphs)
    backend = RosBackend(
        replace(config, classifier=tmp_path / 'judge', stage2_trains='head'), 0, 2, tmp_path
    )
    backend.collect({'press-button': 3, 'pick-carrot': 2}, tmp_path / 'bags', {'noise_std': 0.1})
    backend.evaluate(tmp_path / 'policy', {'press-button': 3}, tmp_path / 'evaluation')
    (tmp_path / 'stage1').mkdir()
    backend.learn('pick-carrot', tmp_path / 'policy', tmp_path / 'stage1')
    files = [one.launch_file for one in started]
    assert files == ['teleop.launch.py', 'robot.launch.py', 'robot.launch.py']
    for one in started:
        given = one.arguments
        assert given['use_fake_hardware'] == 'true' and given['fps'] == '10'
        assert given['horizon'] == 100 and 'simulator' not in given
        path = graph.CONFIG.parent / 'launch' / one.launch_file
        declared = get_launch_description_from_python_launch_file(str(path)).get_launch_arguments()
        # ros2 launch ignores an unknown argument in silence.
        assert given.keys() <= {argument.name for argument in declared}
    assert started[0].arguments['tasks'] == 'press-button:3,pick-carrot:2'
    assert started[2].arguments['output'] == tmp_path / 'stage1'
    # It judges while the policy learns; in an evaluation the operator does.
    judges = [one.arguments.get('classifier') for one in started]
    assert judges == [None, None, tmp_path / 'judge']


@pytest.mark.parametrize(
    'robot, words',
    [
        ({'robotip': '172.16.0.2'}, 'robot has robotip; use some of robot_ip, use_fake_hardware'),
        ({'robot_ip': None}, 'robot has robot_ip: None; a text, a number or a list is needed'),
        ({'checkpoint': 'mine'}, 'robot has checkpoint; use some of'),
    ],
)
def test_a_wrong_argument_of_the_robot_is_refused(tmp_path, robot, words):
    config = load_demo_config(graph.CONFIG / 'twin/demo.yaml').algorithm1
    with pytest.raises(ConfigError, match=words):
        RosBackend(replace(config, robot=robot), 0, 1, tmp_path)


def test_missing_settings_of_a_demo_s_stage_2_are_those_of_stage_0(config):
    folder = config.parent
    (folder / 'stage0.yaml').write_text('{steps: 400, precision: bf16, weight_decay: 0.2}')
    (folder / 'stage2.yaml').write_text('steps: 5')
    demo = load_demo_config(config)
    assert demo.algorithm1.training == replace(demo.training, steps=5)
    assert demo.contents()['stage0']['training']['precision'] == 'bf16'
    for path in folder.glob('*.yaml'):
        path.unlink()
    assert demo.contents()['training']['weight_decay'] == 0.2, 'no file is read again'


@pytest.mark.parametrize(
    'change, word',
    [
        ({'demonstrations': 0}, r'demo\.yaml:2: demonstrations is 0; a whole number of 1 or more'),
        ({'steps': 3}, 'steps'),
        ({'preset': 'nowhere.yaml'}, 'nowhere.yaml'),
    ],
)
def test_a_wrong_demo_configuration_is_refused_by_name(config, change, word):
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | change))
    with pytest.raises(ConfigError, match=word):
        load_demo_config(config)
