# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `spacemouse` for the simulated Panda: the real node and decoder.

The mouse's HID reports come from the topic `spacemouse_reports`, each as the bytes that a
SpaceMouse Compact sends. A message on `spacemouse_unplugged` unplugs it.
"""

from std_msgs.msg import Empty, UInt8MultiArray

from irevla_control.ros.node import run_node
from irevla_control.ros.qos import COMMAND, RECORD
from irevla_control.teleop.hid_reports import HidReports, reported_device
from irevla_control.teleop.spacemouse_node import SpaceMouseNode


class FakeSpaceMouseNode(SpaceMouseNode):
    """The node with a mouse whose reports arrive on a topic."""

    def __init__(self) -> None:
        """Open the mouse."""
        self._reports = HidReports()
        super().__init__(reported_device(self._reports))
        self.create_subscription(UInt8MultiArray, 'spacemouse_reports', self._on_report, RECORD)
        self.create_subscription(
            Empty, 'spacemouse_unplugged', lambda _: self._reports.close(), COMMAND
        )

    def _on_report(self, message: UInt8MultiArray) -> None:
        self._reports.waiting.append(bytes(message.data))


def main() -> None:
    """Run the node."""
    run_node(FakeSpaceMouseNode)


if __name__ == '__main__':
    main()
