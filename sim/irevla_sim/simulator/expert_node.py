# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `expert`: a scripted demonstrator that sends commands like an operator."""

import numpy as np

from irevla_control.errors import ConfigError
from irevla_control.observation import BASE_FRAME
from irevla_control.ros.conversions import action_to_message, stamp_to_ns
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import declare
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, SimulatorState
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.simulator.node_parameters import SHARED
from irevla_sim.simulator.scene import Expert
from irevla_sim.simulator.simulator import find_simulator
from irevla_sim.simulator.tasks import find_task

PARAMETERS = {**SHARED, 'noise_std': NOISE_STD}


class ExpertNode(Node):
    """Answers each observation of a running episode once: label, then command."""

    def __init__(self) -> None:
        """Declare parameters and create the topics."""
        super().__init__('expert')
        values = declare(self, PARAMETERS)
        self._noise_std, self._action_repeat = values['noise_std'], values['action_repeat']
        self._simulator = find_simulator(values['simulator'])
        files = [values['tasks_file']] if values['tasks_file'] else []
        self._catalogue = self._simulator.load_catalogue(files)
        self._expert: Expert | None = None
        self._episode = EpisodeState()
        self._state = SimulatorState()
        self._answered = -1
        self._diagnostics = Diagnostics(self)
        self._command = self.create_publisher(EndEffectorCommand, 'teleop_command', COMMAND)
        self._label = self.create_publisher(EndEffectorCommand, 'expert_label', COMMAND)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_subscription(SimulatorState, 'simulator_state', self._on_state, OBSERVATION)

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode.episode_id:
            self._begin(message)
        self._episode = message
        self._answer()

    def _on_state(self, message: SimulatorState) -> None:
        self._state = message
        self._answer()

    def _begin(self, episode: EpisodeState) -> None:
        self._expert = None
        if episode.phase != EpisodeState.PHASE_RUNNING:
            return
        try:
            task = find_task(episode.task, self._catalogue)
            # The seed of the layout, so that it reproduces the whole demonstration.
            self._expert = self._simulator.expert(
                task,
                self._noise_std,
                max(episode.seed, 0),
                self._simulator.repeat_of(task, self._action_repeat),
            )
        except ConfigError as error:
            self._diagnostics.refuse(f'no expert for the episode: {error}')

    def _answer(self) -> None:
        stamp = stamp_to_ns(self._episode.header.stamp)
        if (
            self._expert is None
            or self._episode.phase != EpisodeState.PHASE_RUNNING
            or stamp != stamp_to_ns(self._state.header.stamp)
            or stamp == self._answered
        ):
            return
        self._answered = stamp
        command, label = self._expert.act(np.array(self._state.values))
        for publisher, action in ((self._label, label), (self._command, command)):
            publisher.publish(
                action_to_message(
                    action,
                    self._episode.header.stamp,
                    BASE_FRAME,
                    EndEffectorCommand.SOURCE_EXPERT,
                )
            )
        self._diagnostics.count('commands')


def main() -> None:
    """Run the node."""
    run_node(ExpertNode)


if __name__ == '__main__':
    main()
