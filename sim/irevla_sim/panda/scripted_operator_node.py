# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `scripted_operator`: demonstrates tasks on the simulated Panda, and gives verdicts.

It replaces a person with a SpaceMouse, uses the true state of the scene, and recovers the arm from
faults.
"""

import numpy as np

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_control.observation import BASE_FRAME, pose_values
from irevla_control.ros.complete_observations import OBSERVED, CompleteObservations
from irevla_control.ros.conversions import action_to_message, ns_to_stamp
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import (
    EndEffectorCommand,
    EpisodeState,
    OperatorVerdict,
    RobotState,
    SimulatorState,
)
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.panda.table.experts import Expert, expert_for
from irevla_sim.panda.table.objects import TableState
from irevla_sim.panda.table.tasks import Task, table_task
from irevla_sim.ros.recovery import Recovery

PARAMETERS = {
    **OBSERVED,
    'demonstrate': Parameter(True, 'whether it moves the arm'),
    'judge': Parameter(True, 'whether it gives verdicts; false beside a success classifier'),
    'noise_std': NOISE_STD,
}


class ScriptedOperatorNode(Node):
    """Answers each observation of a running episode; gives success when the task is done."""

    def __init__(self) -> None:
        """Declare parameters and create the topics."""
        super().__init__('scripted_operator')
        values = declare(self, PARAMETERS)
        self._noise_std = values['noise_std']
        self._judges = values['judge']
        self._task: Task | None = None
        self._expert: Expert | None = None
        self._episode = EpisodeState()
        self._said = False
        self._hand: Pose | None = None
        self._table: TableState | None = None
        self._diagnostics = Diagnostics(self)
        self._recovery = Recovery(self, self._diagnostics)
        self._label = self.create_publisher(EndEffectorCommand, 'expert_label', COMMAND)
        self._verdict = self.create_publisher(OperatorVerdict, 'operator_verdict', COMMAND)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_subscription(RobotState, 'robot_state', self._on_robot, OBSERVATION)
        self.create_subscription(SimulatorState, 'simulator_state', self._on_scene, OBSERVATION)
        if values['demonstrate']:
            CompleteObservations(
                self,
                self._diagnostics,
                values['cameras'],
                values['max_skew_s'],
                self._on_observation,
                lambda: self._playing is not None,
            )
            # Created last, because other nodes take this publisher as a sign that the node is
            # ready.
            self._command = self.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode.episode_id:
            self._expert, self._said = None, False
            if message.phase == EpisodeState.PHASE_RUNNING:
                try:
                    self._task = table_task(message.task)
                    self._expert = expert_for(self._task, self._noise_std, max(message.seed, 0))
                except ConfigError as error:
                    self._diagnostics.refuse(str(error))
        self._episode = message

    def _on_robot(self, message: RobotState) -> None:
        self._hand = Pose.from_quaternion(*pose_values(message))
        self._recovery.watch(message)

    def _on_scene(self, message: SimulatorState) -> None:
        self._table = TableState(np.array(message.values))
        if not self._judges or not self._playing or self._task is None or self._said:
            return
        if self._task.done(self._table):
            self._said = True
            verdict = OperatorVerdict(verdict=OperatorVerdict.SUCCESS)
            verdict.header.stamp = self.get_clock().now().to_msg()
            self._verdict.publish(verdict)
            self._diagnostics.count('successes')

    @property
    def _playing(self) -> Expert | None:
        """The expert of the episode that runs, if there is one."""
        return self._expert if self._episode.phase == EpisodeState.PHASE_RUNNING else None

    def _on_observation(self, stamp_ns: int) -> None:
        expert = self._playing
        if expert is None or self._hand is None or self._table is None:
            return
        stamp = ns_to_stamp(stamp_ns)
        command, label = expert.act(self._hand, self._table)
        for publisher, action in ((self._label, label), (self._command, command)):
            publisher.publish(
                action_to_message(action, stamp, BASE_FRAME, EndEffectorCommand.SOURCE_EXPERT)
            )
        self._diagnostics.count('commands')


def main() -> None:
    """Run the node."""
    run_node(ScriptedOperatorNode)


if __name__ == '__main__':
    main()
