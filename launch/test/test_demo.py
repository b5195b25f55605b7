# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The whole demo, small: killed in the middle, it leaves nothing running and then goes on."""

import json
import signal
import subprocess
import sys

import graph
import psutil
import pytest
import yaml

from irevla_bringup.demo import load_config, share
from irevla_control.errors import ConfigError


@pytest.fixture
def config(tmp_path):
    """One task, few episodes, few steps; the shipped preset."""
    training = yaml.safe_load((graph.CONFIG / 'training/stage0.yaml').read_text())
    (tmp_path / 'training.yaml').write_text(yaml.safe_dump(training | {'steps': 10}))
    values = yaml.safe_load((graph.CONFIG / 'demo.yaml').read_text()) | {
        'tasks': ['drawer-close'], 'demonstrations': 4, 'evaluation_episodes': 1, 'horizon': 30,
        'preset': str(graph.CONFIG / 'presets/tiny.yaml'), 'training': 'training.yaml'}
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


def test_demo_goes_on_after_kill_9_and_reports(tmp_path, config):
    output = tmp_path / 'run'
    command = [sys.executable, '-m', 'irevla_bringup.demo', '--config', config, '--output', output]
    with (tmp_path / 'log').open('w') as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        results = output / 'demonstrations/worker0.json'
        graph.wait_for(lambda: len(graph.results(results)) >= 2, 120, 'two demonstrations')
        process.send_signal(signal.SIGKILL)
        process.wait()
        graph.wait_for(lambda: not graphs_running(output), 30, 'end of the killed demo\'s graphs')
        before = graph.results(results)
        subprocess.run(command, stdout=log, stderr=log, timeout=250)
    report = json.loads((output / 'report.json').read_text())
    assert graph.results(results)[:len(before)] == before, 'finished episodes are kept'
    assert report['stage0']['tasks']['drawer-close']['episodes'] == 1
    assert set(report['wall_s']) == {'setup', 'collect', 'train', 'evaluate'}
    assert report['seed'] == 0 and 0 <= report['stage0']['success_rate'] <= 1
    for name in ('report.md', 'report.html', 'videos/evaluation.mp4', 'plots/success.png'):
        assert (output / name).stat().st_size > 500, name
    assert not graphs_running(output)


def test_tasks_are_dealt_to_the_workers_without_loss():
    tasks = list('abcde')
    assert sorted(sum(share(tasks, 2), [])) == tasks
    assert share(['a'], 4) == [['a']]


@pytest.mark.parametrize('change, word', [
    ({'steps': 3}, 'steps'), ({'preset': 'nowhere.yaml'}, 'nowhere.yaml')])
def test_a_wrong_demo_configuration_is_refused_by_name(config, change, word):
    config.write_text(yaml.safe_dump(yaml.safe_load(config.read_text()) | change))
    with pytest.raises(ConfigError, match=word):
        load_config(config)
