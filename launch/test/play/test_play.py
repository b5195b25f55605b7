# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What `irevla play` refuses, and the page of every launch file."""

from pathlib import Path

import pytest

from irevla_bringup.cli.launch_file import LaunchFile
from irevla_bringup.demo import CONFIG, load_demo_config
from irevla_bringup.launched_graphs import GraphError
from irevla_bringup.play import program
from irevla_bringup.play.video import PageError
from irevla_bringup.ros_backend import RosBackend
from irevla_control.errors import ConfigError


def test_a_folder_without_a_policy_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(ConfigError, match=f'--checkpoint {tmp_path} is no folder of a policy'):
        program.main(['--checkpoint', str(tmp_path)])


@pytest.mark.parametrize('config', ['[]', '{"cameras": []}', '{"cameras": 2}', '{}', '{'])
def test_a_file_that_is_no_configuration_of_a_policy_is_refused(config, tmp_path):
    (tmp_path / 'config.json').write_text(config)
    with pytest.raises(ConfigError, match=f'--checkpoint {tmp_path} is no folder of a policy'):
        program.main(['--checkpoint', str(tmp_path)])


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='file/play cannot be written.*give --output'):
        program.main(['--output', str(tmp_path / 'file/play')])


def test_a_shell_without_ros_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(GraphError, match='ros2 cannot be started.*source env.sh'):
        program.main(['--output', str(tmp_path)])


@pytest.mark.parametrize(
    ('options', 'world'), [([], program.METAWORLD), (['--panda'], program.PANDA)]
)
def test_a_graph_that_ends_is_reported_with_its_log(tmp_path, monkeypatch, options, world):
    ros2 = tmp_path / 'ros2'
    ros2.write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    ros2.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    with pytest.raises(
        PageError, match=f'the graph has ended; its log {tmp_path}/play.log ends with:\nlaunch '
    ):
        program.main([*options, '--tasks', 'one-task', '--output', str(tmp_path)])
    words = (tmp_path / 'play.log').read_text().split()
    assert {world.launch_file, 'tasks:=one-task', 'view:=true'} <= set(words)
    assert f'checkpoint:={world.policy}/checkpoint' in words
    # A robot's graph in the same ROS domain must not get its commands.
    assert 'namespace:=play' in words


@pytest.mark.parametrize('world', [program.METAWORLD, program.PANDA])
def test_the_launch_file_of_each_world_has_the_arguments(world):
    assert world.arguments.keys() <= {
        one.name for one in LaunchFile(world.launch_file).arguments()
    }


def test_the_panda_is_launched_as_by_its_configuration(tmp_path):
    config = load_demo_config(CONFIG / 'twin/demo.yaml').algorithm1
    given = {name: str(value) for name, value in program.PANDA.arguments.items()}
    common = RosBackend(config, 0, 1, tmp_path).common
    assert given == {name: str(value) for name, value in common.items()}


def test_a_port_out_of_range_is_refused():
    with pytest.raises(ConfigError, match='port 70000: expected is a number from 1024 to 65000'):
        program.main(['--port', '70000'])


def test_every_launch_file_can_show_its_graph():
    files = {file.name for file in Path(__file__).parents[2].glob('*.launch.py')}
    # An old name, which only names the new one.
    for file in files - {'improve.launch.py'}:
        assert 'view' in {argument.name for argument in LaunchFile(file).arguments()}, file
