# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `replay`: sends the commands of a recorded episode in place of an operator."""

from pathlib import Path
from typing import Any

from irevla_control.bags.reader import read_episode
from irevla_control.errors import ConfigError
from irevla_control.observation import BASE_FRAME
from irevla_control.ros.complete_observations import OBSERVED, CompleteObservations
from irevla_control.ros.conversions import action_to_message, ns_to_stamp, stamp_to_ns
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import CAMERA, Parameter, declare
from irevla_control.ros.qos import COMMAND, EVENT
from irevla_control.teleop.replay import Replay
from irevla_msgs.msg import EndEffectorCommand, EpisodeState

PARAMETERS = {
    'bag': Parameter('', 'folder of the recorded episode'),
    'bag_max_skew_s': Parameter(
        -1.0,
        'largest age of the recorded state relative to its '
        'observation; negative: what the bag states [s]',
        -1.0,
        1.0,
    ),
    **OBSERVED,
    'cameras': Parameter(
        [''],
        'cameras of a complete observation, the first gives the stamp; '
        'they are answered at the recorded pace; empty: for a simulator in '
        'lock-step, every observation is answered',
        form=CAMERA,
    ),
}


class ReplayNode(Node):
    """Answers observations with the recorded commands, after the last one with zero motion."""

    def __init__(self, **options: Any) -> None:
        """Read the recorded commands; ``options`` are those of rclpy's node."""
        super().__init__('replay', **options)
        values = declare(self, PARAMETERS)
        if not values['bag']:
            raise ConfigError('parameter bag is empty; give the folder of a recorded episode')
        # Commands only: the recorded images are not needed.
        skew_s = values['bag_max_skew_s']
        recorded = read_episode(Path(values['bag']), (), None if skew_s < 0 else skew_s)
        self._paced = any(values['cameras'])
        self._replay = Replay(recorded.actions, recorded.stamps, self._paced, recorded.unjoined)
        self._episode = EpisodeState()
        self._diagnostics = Diagnostics(self)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        if self._paced:
            CompleteObservations(
                self,
                self._diagnostics,
                values['cameras'],
                values['max_skew_s'],
                self._answer,
                lambda: self._episode.phase == EpisodeState.PHASE_RUNNING,
            )
        # Created last, because other nodes take this publisher as a sign that the node is ready.
        self._command = self.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)
        self.get_logger().info(f'ready: {len(recorded.actions)} commands of {recorded.episode_id}')

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode.episode_id:
            self._replay.restart()
        self._episode = message
        if not self._paced:
            self._answer(stamp_to_ns(message.header.stamp))

    def _answer(self, stamp: int) -> None:
        if self._episode.phase != EpisodeState.PHASE_RUNNING or stamp < stamp_to_ns(
            self._episode.header.stamp
        ):
            return
        action = self._replay.answer(stamp)
        if action is None:
            return
        self._command.publish(
            action_to_message(
                action, ns_to_stamp(stamp), BASE_FRAME, EndEffectorCommand.SOURCE_REPLAY
            )
        )
        self._diagnostics.count('commands')


def main() -> None:
    """Run the node."""
    run_node(ReplayNode)


if __name__ == '__main__':
    main()
