# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `spacemouse`: publishes the operator's `teleop_command` and `operator_verdict`."""

from typing import Any

import pyspacemouse
from rclpy.serialization import deserialize_message

from irevla_control.cdr import stamp_of
from irevla_control.observation import BASE_FRAME
from irevla_control.parameters.parameter_fields import from_parameters, parameters_of
from irevla_control.ros.complete_observations import OBSERVED, CompleteObservations
from irevla_control.ros.conversions import action_to_message, ns_to_stamp
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_control.teleop.spacemouse import (
    SpaceMouse,
    SpaceMouseError,
    SpaceMouseSettings,
    Verdict,
)
from irevla_control.teleop.spacemouse_device import open_device
from irevla_msgs.msg import (
    EndEffectorCommand,
    EpisodeState,
    OperatorVerdict,
    PolicyStep,
    RobotState,
)

PARAMETERS = {
    **OBSERVED,
    'follow_policy': Parameter(
        False,
        'answer only observations that the policy answered, so that '
        'a learner has a latent for each command',
    ),
    **parameters_of(SpaceMouseSettings),
    'device': Parameter(
        '',
        'path (/dev/hidraw3) or serial number of the mouse; empty: the only '
        'one connected, a mouse on a cable before a receiver',
    ),
}
READ_S = 0.01
VERDICTS = {
    Verdict.SUCCESS: OperatorVerdict.SUCCESS,
    Verdict.FAILURE: OperatorVerdict.FAILURE,
    Verdict.DISCARD: OperatorVerdict.DISCARD,
}
OPEN = 0.5


class SpaceMouseNode(Node):
    """Answers each observation with a command while the operator deflects the cap."""

    def __init__(
        self, device: pyspacemouse.SpaceMouseDevice | None = None, **options: Any
    ) -> None:
        """Open the mouse, or use an opened one; options go to rclpy's Node."""
        super().__init__('spacemouse', **options)
        values = declare(self, PARAMETERS)
        opened = f'{device.name}, opened by another program' if device else ''
        if device is None:
            device, plugged = open_device(values['device'])
            opened = str(plugged)
        self._mouse = SpaceMouse(device, from_parameters(SpaceMouseSettings, values))
        gripper, verdict = self._mouse.buttons
        self.get_logger().info(
            f'{opened}: button {gripper} for the gripper, {verdict} for verdicts'
        )
        self._diagnostics = Diagnostics(self)
        self._episode = EpisodeState()
        # Whether the commanded opening follows the measured one: between episodes, a reset may
        # open the hand.
        self._follows_hand = True
        self._command = self.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)
        self._verdict = self.create_publisher(OperatorVerdict, 'operator_verdict', COMMAND)
        if values['follow_policy']:
            # Raw, because only the stamp is needed: that of a complete observation.
            self.create_subscription(PolicyStep, 'policy_step', self._on_step, COMMAND, raw=True)
        else:
            # If no observation is complete, the diagnostics explain why the arm does not move.
            CompleteObservations(
                self,
                self._diagnostics,
                values['cameras'],
                values['max_skew_s'],
                self._answer,
                lambda: self._mouse.command() is not None,
            )
        self.create_subscription(EndEffectorCommand, 'command', self._on_command, COMMAND)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_subscription(RobotState, 'robot_state', self._on_robot, OBSERVATION, raw=True)
        self.create_timer(READ_S, self._read)

    def _read(self) -> None:
        try:
            self._mouse.update()
        except SpaceMouseError as error:
            self._diagnostics.error(str(error))
            self._diagnostics.publish()
            raise
        for verdict in self._mouse.verdicts():
            message = OperatorVerdict(verdict=VERDICTS[verdict])
            message.header.stamp = self.get_clock().now().to_msg()
            self._verdict.publish(message)
            self.get_logger().info(f'verdict: {verdict.value}')

    def _on_step(self, data: bytes) -> None:
        self._answer(stamp_of(data))

    def _answer(self, stamp: int) -> None:
        # The newest reports count, not those of the last period.
        self._read()
        action = self._mouse.command()
        if action is None:
            return
        self._command.publish(
            action_to_message(
                action, ns_to_stamp(stamp), BASE_FRAME, EndEffectorCommand.SOURCE_TELEOP
            )
        )
        self._diagnostics.count('commands')

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode.episode_id:
            self._mouse.discard_press()
            self._follows_hand = True
        elif message.phase == EpisodeState.PHASE_ENDED:
            self._follows_hand = True
        self._episode = message

    def _on_robot(self, data: bytes) -> None:
        if self._follows_hand:
            self._mouse.follow_hand(deserialize_message(data, RobotState).gripper)

    def _on_command(self, message: EndEffectorCommand) -> None:
        teleop = message.source == EndEffectorCommand.SOURCE_TELEOP
        # A press is done when its command was forwarded, because the mux may refuse it.
        pressed = teleop and self._mouse.take_press()
        if not teleop and self._mouse.command() is None:
            # An operator who takes over keeps the policy's commanded opening.
            self._mouse.closed = message.gripper < OPEN
        # A deflection between two episodes is no command for the hand.
        if not teleop or pressed or self._episode.phase == EpisodeState.PHASE_RUNNING:
            self._follows_hand = False


def main() -> None:
    """Run the node."""
    run_node(SpaceMouseNode)


if __name__ == '__main__':
    main()
