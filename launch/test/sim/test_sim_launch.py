# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""sim.launch.py runs a VLA that also uses a camera from outside the simulator."""

from pathlib import Path
import tempfile
import threading
import unittest

from ament_index_python.packages import get_package_share_directory
import av
import graph
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
import launch_testing
import launch_testing.actions
import launch_testing.asserts
import pytest
import rclpy
from sensor_msgs.msg import Image

from irevla_bringup.play.video import record, wait_for_picture
from irevla_control.bags.reader import read_episode
from irevla_control.checks.own_domain import use_own_domain
from irevla_control.console.ports import bind
from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import EndEffectorCommand

use_own_domain()
SHARE = Path(get_package_share_directory('irevla_bringup'))


@pytest.mark.launch_test
def generate_test_description():
    folder = Path(tempfile.mkdtemp())
    with bind(8100) as listener:
        port = listener.getsockname()[1]
    checkpoint = graph.untrained_checkpoint(folder / 'checkpoint', cameras=('front', 'side'))
    arguments = {
        'tasks': 'drawer-close,window-open',
        'episodes': '1',
        'horizon': '12',
        'checkpoint': str(checkpoint),
        'bags': str(folder / 'bags'),
        'results': str(folder / 'results.json'),
        'namespace': 'left',
        'extra_cameras': 'side',
        'view': 'true',
        'view_port': str(port),
    }
    return LaunchDescription(
        [
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(str(SHARE / 'launch' / 'sim.launch.py')),
                launch_arguments={**arguments, 'episodes': '1000'}.items(),
            ),
            launch_testing.actions.ReadyToTest(),
        ]
    ), {'folder': folder, 'page': f'http://127.0.0.1:{port}/'}


class TestSim(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """Publish the camera `side`: each image of `front`, upside down."""
        rclpy.init()
        cls.node = rclpy.create_node('side', namespace='left')
        publisher = cls.node.create_publisher(Image, 'camera/side/image_raw', OBSERVATION)

        def publish_rotated(image: Image) -> None:
            image.data = image.data[::-1]
            publisher.publish(image)

        cls.node.create_subscription(Image, 'camera/front/image_raw', publish_rotated, OBSERVATION)
        cls.spinning = threading.Thread(target=rclpy.spin, args=[cls.node])
        cls.spinning.start()

    @classmethod
    def tearDownClass(cls):
        rclpy.shutdown()
        cls.spinning.join(10)

    def test_the_policy_answers_every_observation(self, folder):
        graph.wait_for(
            lambda: len(graph.results(folder / 'results.json')) >= 2, 90, 'two episodes'
        )
        for result in graph.results(folder / 'results.json')[:2]:
            episode = read_episode(folder / 'bags' / result['episode_id'], ('front', 'side'))
            assert (episode.images['side'] == episode.images['front'][:, ::-1, ::-1, ::-1]).all()
            assert len(episode.actions) == result['steps'] <= 12
            assert result['truncated'] != result['success']
            assert set(episode.sources) == {EndEffectorCommand.SOURCE_POLICY}

    def test_the_page_shows_cameras_also_in_a_video(self, folder, page):
        wait_for_picture(page, 'front', 90, lambda: '')
        record(page, ['front', 'side'], folder / 'play.mp4', 0.5)
        with av.open(str(folder / 'play.mp4')) as video:
            frames = [frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)]
        assert [frame.shape for frame in frames] == [(336, 672, 3)] * 5
        front, side = frames[-1][:, :336], frames[-1][:, 336:]
        assert front.std() > 10 and side.std() > 10 and abs(front.astype(int) - side).mean() > 5


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    def test_every_node_ends_with_status_zero(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
