# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `command_mux`: `policy_command` and `teleop_command` in, `command` out."""

from irevla_control.episodes.command_mux import CommandMux
from irevla_control.errors import BadMessageError
from irevla_control.ros.conversions import message_to_action, stamp_to_ns
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import COMMAND, EVENT
from irevla_msgs.msg import EndEffectorCommand, EpisodeState

PARAMETERS = {
    'teleop_timeout_s': Parameter(
        0.5, "time after an operator's command during which the policy is overruled [s]", 0.0, 60.0
    ),
}
# Period of the check whether the policy's overruled command is to be forwarded.
RELEASE_PERIOD_S = 0.05


class CommandMuxNode(Node):
    """Forwards one command per observation, the operator's first."""

    def __init__(self) -> None:
        """Declare parameters and create the topics."""
        super().__init__('command_mux')
        values = declare(self, PARAMETERS)
        self._mux = CommandMux(values['teleop_timeout_s'])
        self._diagnostics = Diagnostics(self)
        self._episode_id = ''
        self._command = self.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_subscription(EndEffectorCommand, 'policy_command', self._on_policy, COMMAND)
        self.create_subscription(EndEffectorCommand, 'teleop_command', self._on_teleop, COMMAND)
        self.create_timer(RELEASE_PERIOD_S, self._on_timer)

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode_id:
            self._episode_id = message.episode_id
            self._mux.start_episode()
        elif message.phase == EpisodeState.PHASE_ENDED:
            self._mux.end_episode()

    def _on_policy(self, message: EndEffectorCommand) -> None:
        if self._usable(message):
            self._decide(message, self._mux.policy(stamp_to_ns(message.header.stamp), message))

    def _on_teleop(self, message: EndEffectorCommand) -> None:
        if self._usable(message):
            self._decide(message, self._mux.teleop(stamp_to_ns(message.header.stamp)))

    def _on_timer(self) -> None:
        message = self._mux.take_overruled()
        if message is not None:
            self._forward(message)

    def _usable(self, message: EndEffectorCommand) -> bool:
        try:
            message_to_action(message)
        except BadMessageError as error:
            self._diagnostics.refuse(f'command refused: {error}')
            return False
        return True

    def _decide(self, message: EndEffectorCommand, refusal: str) -> None:
        if refusal:
            self._diagnostics.count('overruled')
        else:
            self._forward(message)

    def _forward(self, message: EndEffectorCommand) -> None:
        self._command.publish(message)
        self._diagnostics.count('forwarded')


def main() -> None:
    """Run the node."""
    run_node(CommandMuxNode)


if __name__ == '__main__':
    main()
