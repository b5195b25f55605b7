# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `simulator`: the environment's topics and service for a simulator."""

import time

import numpy as np
from sensor_msgs.msg import Image

from irevla_control.errors import BadMessageError, ConfigError, IrevlaError
from irevla_control.observation import BASE_FRAME
from irevla_control.ros.conversions import (
    image_to_message,
    message_to_action,
    ns_to_stamp,
    stamp_to_ns,
    state_to_message,
    to_array,
)
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import CAMERA, Parameter, declare
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState, SimulatorState
from irevla_msgs.srv import ResetEpisode
from irevla_sim.simulator.node_parameters import SHARED
from irevla_sim.simulator.simulator_env import CAMERAS, IMAGE_SIZE, SimulatorEnv
from irevla_sim.simulator.tasks import find_task

PARAMETERS = {
    **SHARED,
    'cameras': Parameter(list(CAMERAS), 'names of the cameras to publish', form=CAMERA),
    'image_size': Parameter(IMAGE_SIZE, 'height and width of the images [pixels]', 16, 2048),
    'horizon': Parameter(
        0,
        "commands after which an episode is truncated; 0: the task's, else the simulator's",
        0,
        1_000_000,
    ),
    'linger': Parameter(0, 'commands for which an episode continues after success', 0, 1_000_000),
    'mode': Parameter(
        'lock_step',
        'whether the simulator waits for each command',
        choices=('lock_step', 'real_time'),
    ),
    'control_hz': Parameter(20.0, 'commands executed per second in real time [Hz]', 0.1, 1000.0),
}


class SimulatorNode(Node):
    """Publishes an observation, executes the command that answers it, and repeats.

    In lock-step the simulator waits for the command with the last observation's stamp. In real
    time the newest command is executed at each tick; without one the arm does not move.
    """

    def __init__(self) -> None:
        """Declare parameters, create the environment and the topics."""
        super().__init__('simulator')
        values = declare(self, PARAMETERS)
        self._cameras = values['cameras']
        self._env = SimulatorEnv(
            values['simulator'],
            cameras=self._cameras,
            image_size=values['image_size'],
            action_repeat=values['action_repeat'] or None,
            horizon=values['horizon'] or None,
            linger=values['linger'],
            tasks_file=values['tasks_file'],
            on_state=self._publish_state,
            on_picture=self._publish_picture,
        )
        self._episode = EpisodeState(seed=-1)
        self._begun = self._stamp = 0
        self._time = ns_to_stamp(0)
        self._published = 0.0
        self._action: np.ndarray | None = None
        self._gripper = 1.0
        self._random = np.random.default_rng()
        self._diagnostics = Diagnostics(self, hardware_id='simulator')
        self._images = {
            name: self.create_publisher(Image, f'camera/{name}/image_raw', OBSERVATION)
            for name in self._cameras
        }
        # Messages are created once; publication copies them.
        size = values['image_size']
        black = np.zeros((size, size, 3), np.uint8)
        self._pictures = {
            name: image_to_message(black, self._time, name) for name in self._cameras
        }
        self._robot_state = RobotState(mode=RobotState.MODE_READY)
        self._simulator_state = SimulatorState()
        self._robot = self.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self._simulator = self.create_publisher(SimulatorState, 'simulator_state', OBSERVATION)
        self._episodes = self.create_publisher(EpisodeState, 'episode', EVENT)
        self._lock_step = values['mode'] == 'lock_step'
        if not self._lock_step:
            self._clock_timer = self.create_timer(1 / values['control_hz'], self._on_tick)
        self.create_subscription(EndEffectorCommand, 'command', self._on_command, COMMAND)
        self.create_service(ResetEpisode, 'reset_episode', self._on_reset)
        self._episodes.publish(self._episode)
        name, tasks = self._env.simulator.name, len(self._env.catalogue)
        self.get_logger().info(f'ready: {name}, {tasks} tasks, {values["mode"]}')

    def destroy_node(self) -> None:
        """Abort the running episode."""
        self._abort('the simulator was stopped')
        self._env.close()
        super().destroy_node()

    @property
    def _running(self) -> bool:
        return self._episode.phase == EpisodeState.PHASE_RUNNING

    def _on_reset(
        self, request: ResetEpisode.Request, response: ResetEpisode.Response
    ) -> ResetEpisode.Response:
        response.code, response.text = self._check(request)
        answer = ResetEpisode.Response
        if response.code == answer.OK:
            seed = request.seed
            if seed == ResetEpisode.Request.SEED_RANDOM:
                seed = int(self._random.integers(2**31))
            self._abort('a new episode was requested')
            try:
                observation, info = self._env.reset(seed=seed, options={'task': request.task})
            except IrevlaError as error:
                response.code, response.text = answer.FAILED, str(error)
        if response.code != answer.OK:
            self._diagnostics.refuse(f'reset refused: {response.text}')
            return response
        self._begun = self._stamp
        self._action, self._gripper = None, float(observation['state'][9])
        self._episode = EpisodeState(
            episode_id=f'{request.task}-{seed}-{self._begun}',
            task=request.task,
            seed=seed,
            instruction=request.instruction or info['instruction'],
            phase=EpisodeState.PHASE_RUNNING,
        )
        self._diagnostics.count('episodes')
        self._publish_episode()
        response.episode_id = self._episode.episode_id
        return response

    def _check(self, request: ResetEpisode.Request) -> tuple[int, str]:
        try:
            find_task(request.task, self._env.catalogue)
        except ConfigError as error:
            return ResetEpisode.Response.UNKNOWN_TASK, str(error)
        any_seed = ResetEpisode.Request.SEED_RANDOM
        if request.seed < any_seed:
            return (
                ResetEpisode.Response.BAD_SEED,
                f'seed {request.seed}; give 0 or more, or {any_seed} for any',
            )
        return ResetEpisode.Response.OK, ''

    def _on_command(self, message: EndEffectorCommand) -> None:
        problem = self._problem(message)
        if not problem:
            try:
                action = message_to_action(message)
            except BadMessageError as error:
                problem = str(error)
        if problem:
            self._diagnostics.refuse(f'command refused: {problem}')
            return
        self._diagnostics.count('commands')
        if self._lock_step:
            self._diagnostics.time('answer', time.monotonic() - self._published)
            self._step(action)
        else:
            self._action = action

    def _problem(self, message: EndEffectorCommand) -> str:
        if not self._running:
            return 'no episode is running; call reset_episode'
        if message.header.frame_id != BASE_FRAME:
            return f'frame {message.header.frame_id!r}; give it in {BASE_FRAME!r}'
        stamp = stamp_to_ns(message.header.stamp)
        oldest = self._stamp if self._lock_step else self._begun
        if not oldest <= stamp <= self._stamp:
            return f'stamp {stamp} answers no observation from {oldest} to {self._stamp}'
        return ''

    def _on_tick(self) -> None:
        if not self._running:
            return
        action, self._action = self._action, None
        if action is None:
            self._diagnostics.count('ticks without a command')
            action = np.array([0.0] * 6 + [self._gripper])
        self._step(action)

    def _step(self, action: np.ndarray) -> None:
        start = time.monotonic()
        self._gripper = action[6]
        _, reward, terminated, truncated, info = self._env.step(action)
        self._diagnostics.time('step', time.monotonic() - start)
        self._episode.step += 1
        self._episode.reward = reward
        self._episode.success = info['success']
        self._episode.terminated, self._episode.truncated = terminated, truncated
        if terminated or truncated:
            self._episode.phase = EpisodeState.PHASE_ENDED
        self._publish_episode()

    def _abort(self, reason: str) -> None:
        if self._running:
            self._episode.phase = EpisodeState.PHASE_ENDED
            self._episode.aborted = True
            self._episode.text = reason
            self._episodes.publish(self._episode)

    def _publish_state(self, state: np.ndarray, info: dict) -> None:
        # Stamps always increase, so that each is unique even if the clock is set back.
        self._stamp = max(self.get_clock().now().nanoseconds, self._stamp + 1)
        self._time = ns_to_stamp(self._stamp)
        state_to_message(
            self._time,
            state[:3],
            info['quaternion'],
            state[9],
            twist=info['twist'],
            into=self._robot_state,
            joint_position=to_array('d', info['joint_position']),
            joint_velocity=to_array('d', info['joint_velocity']),
        )
        self._robot.publish(self._robot_state)
        simulator = self._simulator_state
        simulator.header.stamp = self._time
        simulator.task, simulator.values = info['task'], to_array('d', info['simulator_state'])
        self._simulator.publish(simulator)

    def _publish_picture(self, camera: str, picture: np.ndarray) -> None:
        message = self._pictures[camera]
        message.header.stamp, message.data = self._time, to_array('B', picture)
        self._images[camera].publish(message)

    def _publish_episode(self) -> None:
        # Published last, because nodes answer when they have received `episode`.
        self._episode.header.stamp = self._time
        self._episodes.publish(self._episode)
        self._published = time.monotonic()
        self._diagnostics.count('observations')


def main() -> None:
    """Run the node."""
    run_node(SimulatorNode)


if __name__ == '__main__':
    main()
