# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""sim.launch.py closes the loop with the VLA, and every node ends cleanly."""

from pathlib import Path
import tempfile
import unittest

from ament_index_python.packages import get_package_share_directory
import graph
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_testing
import launch_testing.actions
import launch_testing.asserts
import pytest

from irevla_control.bag_reader import read_episode
from irevla_msgs.msg import EndEffectorCommand
from launch import LaunchDescription

graph.use_own_domain()
FOLDER = Path(tempfile.mkdtemp())
SHARE = Path(get_package_share_directory('irevla_bringup'))


@pytest.mark.launch_test
def generate_test_description():
    checkpoint = graph.untrained_checkpoint(FOLDER / 'checkpoint')
    arguments = {'tasks': 'drawer-close,window-open', 'episodes': '1', 'horizon': '12',
                 'checkpoint': str(checkpoint), 'bags': str(FOLDER / 'bags'),
                 'results': str(FOLDER / 'results.json'), 'namespace': 'left'}
    return LaunchDescription([
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'sim.launch.py')),
            launch_arguments={**arguments, 'episodes': '1000'}.items()),
        launch_testing.actions.ReadyToTest()])


class TestSim(unittest.TestCase):

    def test_the_policy_answers_every_observation(self):
        graph.wait_for(lambda: len(graph.results(FOLDER / 'results.json')) >= 2, 90,
                       'two episodes')
        for result in graph.results(FOLDER / 'results.json')[:2]:
            episode = read_episode(FOLDER / 'bags' / result['episode_id'], ('front', 'wrist'))
            assert len(episode.actions) == result['steps'] <= 12
            assert result['truncated'] != result['success']
            assert set(episode.sources) == {EndEffectorCommand.SOURCE_POLICY}


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):

    def test_every_node_ends_with_status_zero(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
