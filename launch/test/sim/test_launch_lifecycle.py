# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A launch ends with its episodes, with Ctrl-C or with a node, and leaves no process."""

import random
import signal

import graph
import pytest

from irevla_control.bags.index import list_episodes
from irevla_control.console.ports import bind

NODES = {'simulator', 'expert', 'command_mux', 'recorder', 'episode_runner'}


def collect(folder, log='log', **arguments):
    return graph.RunningLaunch(
        'collect.launch.py',
        folder / log,
        tasks='drawer-close',
        bags=folder / 'bags',
        results=folder / 'results.json',
        **arguments,
    )


def test_launch_ends_by_itself_when_the_episodes_are_done_also_without_its_page(tmp_path):
    with bind(8200) as listener:
        port = listener.getsockname()[1]
    with collect(tmp_path, episodes=2, view='true', view_port=port) as launch:
        graph.wait_for(lambda: set(launch.nodes()) == {*NODES, 'console'}, 30, 'all nodes')
        launch.nodes()['console'].kill()
        assert launch.wait(90) == 0
        assert 'console ended; the other nodes continue without it' in launch.output()
        assert launch.alive() == []
    assert len(graph.results(tmp_path / 'results.json')) == 2
    assert len(list_episodes(tmp_path / 'bags')) == 2
    assert 'Traceback' not in launch.output()


def test_ctrl_c_ends_all_and_the_same_command_continues(tmp_path):
    file = tmp_path / 'results.json'
    with collect(tmp_path, episodes=5) as launch:
        graph.wait_for(lambda: len(graph.results(file)) >= 2, 90, 'two episodes')
        launch.process.send_signal(signal.SIGINT)
        launch.wait(20)
        assert launch.alive() == []
        assert 'Traceback' not in launch.output()
    before = graph.results(file)
    with collect(tmp_path, log='again', episodes=5) as launch:
        assert launch.wait(90) == 0
    after = graph.results(file)
    assert after[: len(before)] == before
    assert sorted(result['seed'] for result in after) == [0, 1, 2, 3, 4]


def sim(folder, checkpoint, log='log', **arguments):
    return graph.RunningLaunch(
        'sim.launch.py',
        folder / log,
        tasks='drawer-close',
        bags=folder / 'bags',
        results=folder / 'results.json',
        checkpoint=checkpoint,
        horizon=10,
        **arguments,
    )


@pytest.mark.parametrize('launch_file', ['collect', 'sim'])
def test_any_killed_node_ends_the_launch(tmp_path, checkpoint, launch_file):
    """The node is drawn at random."""
    starts = {
        'collect': collect,
        'sim': lambda *given, **named: sim(*given, checkpoint=checkpoint, **named),
    }
    with starts[launch_file](tmp_path, episodes=1000) as launch:
        graph.wait_for(lambda: graph.results(tmp_path / 'results.json'), 90, 'an episode')
        victim = random.choice(sorted(launch.nodes()))
        print(f'killed {victim}')
        launch.nodes()[victim].kill()
        assert launch.wait(20) == 1
        assert launch.alive() == []
        assert f'{victim} ended' in launch.output() or 'process has died' in launch.output()


@pytest.mark.parametrize(
    'arguments, words',
    [
        ({'mode': 'sometimes'}, ('mode', 'sometimes', 'lock_step')),
        ({'horizon': 'long'}, ('horizon:=long', 'whole number')),
        ({'simulator': 'metawrld'}, ('simulator:=metawrld: unknown', 'use metaworld')),
        ({'noise_std': '-1'}, ('noise_std:=-1', '0.0 to 2.0')),
        ({'tasks_file': '/nowhere.yaml'}, ('tasks_file:=/nowhere.yaml', 'does not exist')),
        ({'tasks_file': '/dev/null'}, ('task file /dev/null: expected', 'failed: exit status 1')),
        ({'tasks': 'drawer-closed'}, ('drawer-closed', 'drawer-close')),
        ({'episode': '5'}, ('episode', 'no argument', 'episodes')),
    ],
)
def test_wrong_values_are_refused_by_name(tmp_path, arguments, words):
    given = {'tasks': 'drawer-close', **arguments}
    with graph.RunningLaunch('collect.launch.py', tmp_path / 'log', **given) as launch:
        assert launch.wait(60) != 0
        for word in words:
            assert word in launch.output()
        assert 'Traceback' not in launch.output()


def test_a_folder_that_is_no_checkpoint_is_refused_by_name(tmp_path):
    with sim(tmp_path, checkpoint=tmp_path) as launch:
        assert launch.wait(60) == 1
        assert str(tmp_path) in launch.output() and 'trained' in launch.output()


def test_arguments_are_described():
    for launch_file in ('collect.launch.py', 'sim.launch.py'):
        described = graph.subprocess.run(
            ['ros2', 'launch', 'irevla_bringup', launch_file, '--show-args'],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert described.returncode == 0
        for name in ('tasks', 'episodes', 'seed', 'bags', 'mode', 'log_level', 'namespace'):
            assert f"'{name}'" in described.stdout
