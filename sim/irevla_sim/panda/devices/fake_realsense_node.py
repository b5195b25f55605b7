# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `realsense` for the simulated Panda: the real node and SDK with rendered images.

Serial numbers are the names of the scene's cameras. A message on the topic `unplugged` unplugs the
cameras that it names, separated by commas, and plugs in the others; one on `covered` covers them.
"""

import argparse

from rclpy.utilities import remove_ros_args
from std_msgs.msg import String

from irevla_control.cameras.realsense_node import RealSenseNode
from irevla_control.ros.node import run_node
from irevla_control.ros.qos import EVENT
from irevla_sim.panda.devices.scene_cameras import SceneCameras
from irevla_sim.panda.shared_scene import SCENE, open_scene

STARTS_WITHIN_S = 60.0


class FakeRealSenseNode(RealSenseNode):
    """The node with cameras that render a scene."""

    def __init__(self, scene: str) -> None:
        """Wait for the simulated robot, then open its cameras."""
        self._drawn = SceneCameras(open_scene(scene, STARTS_WITHIN_S))
        super().__init__(self._drawn.find)
        self.create_subscription(String, 'unplugged', self._on_unplugged, EVENT)
        self.create_subscription(String, 'covered', self._on_covered, EVENT)

    def _on_unplugged(self, message: String) -> None:
        self._drawn.unplugged = set(filter(None, message.data.split(',')))

    def _on_covered(self, message: String) -> None:
        self._drawn.covered = set(filter(None, message.data.split(',')))

    def destroy_node(self) -> None:
        """Close the cameras, then their rendering."""
        super().destroy_node()
        self._drawn.close()


def main() -> None:
    """Run the node."""
    parser = argparse.ArgumentParser('fake_realsense_node')
    parser.add_argument('--scene', default=SCENE, help="name of the scene's shared memory")
    options = parser.parse_args(remove_ros_args()[1:])
    run_node(lambda: FakeRealSenseNode(options.scene))


if __name__ == '__main__':
    main()
