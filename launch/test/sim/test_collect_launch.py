# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""collect.launch.py starts, records episodes, and every node ends with status 0."""

from pathlib import Path
import tempfile
import unittest

from ament_index_python.packages import get_package_share_directory
import graph
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_testing
import launch_testing.actions
import launch_testing.asserts
import numpy as np
import pytest

from irevla_control.bags.index import list_episodes
from irevla_control.bags.reader import read_episode
from irevla_control.checks.own_domain import use_own_domain

use_own_domain()
SHARE = Path(get_package_share_directory('irevla_bringup'))


@pytest.mark.launch_test
def generate_test_description():
    folder = Path(tempfile.mkdtemp())
    arguments = {
        'tasks': 'drawer-close',
        'episodes': '1000',
        'seed': '7',
        'bags': str(folder / 'bags'),
        'results': str(folder / 'results.json'),
    }
    return LaunchDescription(
        [
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'collect.launch.py')),
                launch_arguments=arguments.items(),
            ),
            launch_testing.actions.ReadyToTest(),
        ]
    ), {'folder': folder}


class TestCollect(unittest.TestCase):
    def test_demonstrations_are_recorded_with_images_actions_and_labels(self, folder):
        graph.wait_for(
            lambda: len(graph.results(folder / 'results.json')) >= 3,
            90,
            'recording of three episodes',
        )
        entries = list_episodes(folder / 'bags')
        assert len(entries) >= 3
        seeds = set()
        for result in graph.results(folder / 'results.json')[:3]:
            episode = read_episode(folder / 'bags' / result['episode_id'], ('front', 'wrist'))
            seeds.add(episode.seed)
            assert episode.task == 'drawer-close' and 'drawer' in episode.instruction
            assert episode.success == result['success']
            assert len(episode.actions) == result['steps'] > 3
            assert episode.images['front'].shape[1:] == (84, 84, 3)
            assert np.ptp(episode.images['wrist'].reshape(len(episode.actions), -1)) > 50
            assert not np.array_equal(episode.actions, episode.labels), 'labels are noise-free'
        assert seeds == {7, 8, 9}


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    def test_every_node_ends_with_status_zero(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
