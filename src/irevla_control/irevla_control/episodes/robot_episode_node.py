# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `robot_episode`: serves `reset_episode` and publishes `episode` for a real robot."""

from collections.abc import Callable
import enum
import time
from typing import Any

import numpy as np
from rclpy.task import Future
from sensor_msgs.msg import Image

from irevla_control.cdr import stamp_of
from irevla_control.episodes.robot_episode import EpisodeEvent, RobotEpisode
from irevla_control.errors import BadMessageError, ConfigError
from irevla_control.ros.conversions import message_to_action, ns_to_stamp, stamp_to_ns
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.live_publishers import Commanders
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import CAMERA, Parameter, declare
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION, RECORD
from irevla_control.stamp_clock import StampClock
from irevla_control.task_name import check_task_name
from irevla_msgs.msg import (
    EndEffectorCommand,
    EpisodeState,
    OperatorVerdict,
    Reward,
    RobotState,
)
from irevla_msgs.srv import ArrangeScene, GoHome, ResetEpisode

PICKED = (
    *('red block', 'green block', 'blue block', 'yellow block', 'eggplant', 'carrot'),
    *('cucumber', 'lemon', 'white bar', 'pink can', 'purple block'),
)
TASKS = [
    *(f'pick-{thing.replace(" ", "-")}: pick up the {thing}' for thing in PICKED),
    'place-red-block: put the red block on the plate',
    'place-green-block: put the green block on the plate',
    'open-drawer: open the drawer',
    'press-button: press the button',
]
PARAMETERS = {
    'tasks': Parameter(TASKS, 'tasks of the robot, each "name: instruction"'),
    'camera': Parameter(
        '', 'camera whose images count as observations; the first of the policy', form=CAMERA
    ),
    'horizon': Parameter(200, 'commands after which an episode is truncated', 1, 1_000_000),
    'linger': Parameter(
        0,
        'images for which an episode continues after success, as examples for '
        'the success classifier',
        0,
        1_000_000,
    ),
    'arrange': Parameter(False, 'call `arrange_scene` before each episode to place the objects'),
    'operator_begins': Parameter(False, 'after a reset, wait for the operator to press success'),
    'reset_timeout_s': Parameter(30.0, 'longest time for the arm to move home [s]', 1.0, 600.0),
}
WATCH_S = 0.1
# Number of images after a reset until the episode starts; every sensor has a new sample by then.
FIRST_IMAGE = 2
# Time without an image after which an error is reported [s].
BLIND_S = 2.0
# Longest transport time of a message [ns]: older samples may precede the end of a reset's step.
TRANSIT_NS = 20_000_000
BROKEN = (RobotState.MODE_FAULT, RobotState.MODE_STOPPED)
# Measured opening below which the hand counts as closed; open fingers stop slightly below 1.
OPEN = 0.9
CONTROLLED = (RobotState.MODE_READY, RobotState.MODE_HOLDING)


class Waiting(enum.Enum):
    """The step that a reset waits for, in words."""

    NOTHING = ''
    GO_HOME = 'go_home'
    HOME = 'the arm to reach home'
    ARRANGEMENT = 'arrange_scene'
    OPERATOR = 'the operator to press success'
    IMAGE = 'an image of the first camera'


class RobotEpisodeNode(Node):
    """Resets the arm, starts and ends episodes, and publishes each answered observation.

    Steps of a reset: go home, arrange the scene, wait for the operator, wait for an image.
    """

    def __init__(self, **options: Any) -> None:
        """Declare parameters and create the topics; options go to rclpy's Node."""
        super().__init__('robot_episode', **options)
        values = declare(self, PARAMETERS)
        self._tasks = read_instructions(values['tasks'])
        if not values['camera']:
            raise ConfigError('parameter camera is empty; name the first camera of the policy')
        self._values = values
        self._random = np.random.default_rng()
        self._state = EpisodeState(seed=-1)
        self._episode: RobotEpisode | None = None
        self._waiting, self._deadline = Waiting.NOTHING, float('inf')
        self._stamps = StampClock()
        # End of the last step of the reset, as a stamp [ns] and as steady time [s].
        self._done_ns, self._done_s = 0, 0.0
        self._images = 0
        self._operator_ready = False
        # Whether a press starts the episode without moving the arm, as last logged; None: not yet.
        self._starts_here: bool | None = None
        self._robot: RobotState | None = None
        self._diagnostics = Diagnostics(self)
        self._commanders = Commanders(self, 'command')
        self._events = self.create_publisher(EpisodeState, 'episode', EVENT)
        self._go_home = self.create_client(GoHome, 'go_home')
        self._arrange = self.create_client(ArrangeScene, 'arrange_scene')
        self.create_subscription(
            Image, f'camera/{values["camera"]}/image_raw', self._on_image, OBSERVATION, raw=True
        )
        self.create_subscription(RobotState, 'robot_state', self._on_robot, OBSERVATION)
        # rclpy's types know no callback that takes a message's information too.
        on_command: Callable[..., None] = self._on_command
        self.create_subscription(EndEffectorCommand, 'command', on_command, RECORD)
        self.create_subscription(OperatorVerdict, 'operator_verdict', self._on_verdict, COMMAND)
        self.create_subscription(Reward, 'reward', self._on_reward, RECORD)
        self.create_service(ResetEpisode, 'reset_episode', self._on_reset)
        self.create_timer(WATCH_S, self._on_watch)
        self._events.publish(self._state)
        self.get_logger().info(f'ready: {", ".join(self._tasks)}')

    def destroy_node(self) -> None:
        """Abort the running episode."""
        self._abort('the node was stopped')
        super().destroy_node()

    def _on_reset(
        self, request: ResetEpisode.Request, response: ResetEpisode.Response
    ) -> ResetEpisode.Response:
        response.code, response.text = self._check(request)
        if response.code != ResetEpisode.Response.OK:
            self._diagnostics.refuse(f'reset refused: {response.text}')
            return response
        self._abort('a new episode was requested')
        seed = request.seed
        if seed == ResetEpisode.Request.SEED_RANDOM:
            seed = int(self._random.integers(2**31))
        self._episode = None
        self._state = EpisodeState(
            episode_id=f'{request.task}-{seed}-{self.get_clock().now().nanoseconds}',
            task=request.task,
            seed=seed,
            instruction=request.instruction or self._tasks[request.task],
            phase=EpisodeState.PHASE_RUNNING,
        )
        response.episode_id = self._state.episode_id
        self._operator_ready = False
        self._send_home()
        return response

    def _check(self, request: ResetEpisode.Request) -> tuple[int, str]:
        answer, robot = ResetEpisode.Response, self._robot
        if request.task not in self._tasks:
            return answer.UNKNOWN_TASK, (
                f'unknown task {request.task!r}; known: {", ".join(self._tasks)}'
            )
        any_seed = ResetEpisode.Request.SEED_RANDOM
        if request.seed < any_seed:
            return answer.BAD_SEED, f'seed {request.seed}; give 0 or more, or {any_seed} for any'
        if robot is not None and robot.mode in BROKEN:
            why = robot.fault_text or 'the emergency stop was pressed'
            return answer.FAULT, f'the arm has a fault: {why}; remove the cause, then call recover'
        if self._waiting != Waiting.NOTHING:
            return answer.BUSY, f'a reset is in progress and waits for {self._waiting.value}'
        needed = [self._go_home] + ([self._arrange] if self._values['arrange'] else [])
        for client in needed:
            if not client.service_is_ready():
                return answer.BUSY, f'service {client.srv_name} is not available yet'
        return answer.OK, ''

    def _ask(self, client: Any, request: Any, what: Waiting, then: Callable[[], None]) -> None:
        """Call a service of this reset; then continue, or abort with its text."""
        self._wait(what, self._values['reset_timeout_s'])
        episode_id = self._state.episode_id

        def answered(future: Future) -> None:
            if episode_id != self._state.episode_id or self._waiting != what:
                return
            if future.result().accepted:
                then()
            else:
                self._abort(f'{what.value}: {future.result().text}')

        client.call_async(request).add_done_callback(answered)

    def _wait(self, what: Waiting, at_most_s: float = float('inf')) -> None:
        self._done_s = time.monotonic()
        self._waiting, self._deadline = what, self._done_s + at_most_s
        self._images = 0
        self._done_ns = self._now() + TRANSIT_NS

    def _now(self) -> int:
        """Return the present time on the clock of the sensors' stamps [ns].

        Before the first stamp, when nothing is compared with it, this is the node's own time.
        """
        now = self._stamps.at(time.monotonic_ns())
        return self.get_clock().now().nanoseconds if now is None else now

    def _send_home(self) -> None:
        self._ask(
            self._go_home,
            GoHome.Request(seed=self._state.seed),
            Waiting.GO_HOME,
            self._wait_for_home,
        )

    def _wait_for_home(self) -> None:
        self._wait(Waiting.HOME, self._values['reset_timeout_s'])

    def _on_home(self) -> None:
        if self._values['arrange'] and not self._operator_ready:
            self._ask(
                self._arrange,
                ArrangeScene.Request(task=self._state.task, seed=self._state.seed),
                Waiting.ARRANGEMENT,
                self._on_arranged,
            )
        else:
            self._on_arranged()

    def _on_arranged(self) -> None:
        if self._values['operator_begins'] and not self._operator_ready:
            self._wait(Waiting.OPERATOR)
            self._starts_here = None
            self._prompt()
        else:
            self._wait(Waiting.IMAGE)

    def _prompt(self) -> None:
        """Log what a press of the operator will do, whenever that changes."""
        robot = self._robot
        if robot is None or (robot.mode in CONTROLLED) == self._starts_here:
            return
        here = self._starts_here = robot.mode in CONTROLLED
        closed = robot.gripper < OPEN
        if here:
            opens = '; the press opens the hand (reset_release: home)' if closed else ''
            self.get_logger().info(
                f'{self._state.instruction!r}: arrange the scene, then press '
                f'success to start{opens}'
            )
        else:
            opens = '; the press opens the hand (reset_release: here or home)' if closed else ''
            self.get_logger().warning(
                f'{self._state.instruction!r}: the arm is idle. A press of success MOVES THE ARM '
                'HOME first, then the episode starts: keep clear of it' + opens
            )

    def _on_robot(self, message: RobotState) -> None:
        self._robot = message
        stamp = stamp_to_ns(message.header.stamp)
        self._stamps.add('robot_state', stamp, time.monotonic_ns())
        if message.mode in BROKEN:
            self._abort(
                f'the arm has a fault: {message.fault_text}'
                if message.fault
                else 'the emergency stop was pressed'
            )
        elif stamp <= self._done_ns:
            return
        elif self._waiting == Waiting.HOME and message.mode in CONTROLLED:
            self._on_home()
        elif self._waiting == Waiting.IMAGE and message.mode == RobotState.MODE_RESETTING:
            # After the operator's press, a closed hand opens at home.
            self._wait_for_home()
        elif self._waiting == Waiting.OPERATOR:
            self._prompt()
        elif message.mode == RobotState.MODE_IDLE and (
            self._waiting == Waiting.IMAGE or self._waiting == Waiting.NOTHING
        ):
            self._abort('the arm received no command for too long and is idle')

    def _on_image(self, data: bytes) -> None:
        stamp = stamp_of(data)
        self._stamps.add('camera', stamp, time.monotonic_ns())
        if self._waiting == Waiting.IMAGE and stamp > self._done_ns:
            self._images += 1
            if self._images < FIRST_IMAGE:
                return
            self._waiting = Waiting.NOTHING
            self._episode = RobotEpisode(self._values['horizon'], self._values['linger'])
            # The first observation may use samples of other sensors since the end of the reset.
            self._publish(self._episode.begin(self._done_ns))
            self._diagnostics.count('episodes')
        elif self._episode is not None:
            self._publish(self._episode.frame(stamp))

    def _on_command(self, message: EndEffectorCommand, info: dict[str, Any]) -> None:
        # Commands that the arm refuses do not count; `franka` reports the reason.
        if self._commanders.problem(info):
            return
        try:
            message_to_action(message)
        except BadMessageError:
            return
        if self._episode is not None:
            self._publish(self._episode.command(stamp_to_ns(message.header.stamp), self._now()))

    def _on_verdict(self, message: OperatorVerdict) -> None:
        # The time of arrival, because the operator's clock may differ.
        stamp, robot = self._now(), self._robot
        if message.verdict == OperatorVerdict.DISCARD:
            self._abort('discarded by the operator')
        elif self._waiting == Waiting.OPERATOR and message.verdict == OperatorVerdict.SUCCESS:
            self._operator_ready = True
            if robot is not None and robot.mode in CONTROLLED:
                self._wait(Waiting.IMAGE)
            elif robot is not None and robot.mode == RobotState.MODE_RESETTING:
                self._wait_for_home()
            else:
                # The operator waited longer than the arm holds without commands.
                self._send_home()
        elif self._episode is not None and message.verdict == OperatorVerdict.SUCCESS:
            self._episode.success(stamp)
        elif self._episode is not None and message.verdict == OperatorVerdict.FAILURE:
            self._episode.failure(stamp)

    def _on_reward(self, message: Reward) -> None:
        if (
            self._episode is not None
            and message.success
            and message.episode_id == self._state.episode_id
        ):
            self._episode.success(stamp_to_ns(message.header.stamp))

    def _on_watch(self) -> None:
        if time.monotonic() > self._deadline:
            self._abort(
                f'after {self._values["reset_timeout_s"]} s the reset still waits for '
                f'{self._waiting.value}'
            )
        blind = self._waiting == Waiting.IMAGE and time.monotonic() - self._done_s > BLIND_S
        self._diagnostics.error(f'the reset waits for {self._waiting.value}' if blind else '')

    def _abort(self, reason: str) -> None:
        """Abort the current episode or reset."""
        now = self._now()
        if self._waiting != Waiting.NOTHING:
            self._waiting, self._deadline = Waiting.NOTHING, float('inf')
            self._publish(EpisodeEvent(now, 0, ended=True, aborted=True, text=reason))
        elif self._episode is not None:
            self._publish(self._episode.abort(now, reason))

    def _publish(self, event: EpisodeEvent | None) -> None:
        if event is None:
            return
        state = self._state
        state.header.stamp = ns_to_stamp(event.stamp)
        state.step, state.reward = event.step, event.reward
        state.success, state.text = event.success, event.text
        state.terminated, state.truncated, state.aborted = (
            event.terminated,
            event.truncated,
            event.aborted,
        )
        if event.ended:
            state.phase = EpisodeState.PHASE_ENDED
        self._events.publish(state)


def read_instructions(entries: list[str]) -> dict[str, str]:
    """Return the instructions by task name; an entry is `name: instruction`.

    Raises:
        ConfigError: there is no entry, an entry has no name or instruction, or a name is given
            twice or cannot name a recording.

    """
    tasks: dict[str, str] = {}
    for entry in filter(None, entries):
        name, _, instruction = (part.strip() for part in entry.partition(':'))
        if not name or not instruction:
            raise ConfigError(f'parameter tasks has {entry!r}; write "name: instruction"')
        check_task_name(name, f'parameter tasks has {entry!r}')
        if name in tasks:
            raise ConfigError(f'parameter tasks names {name!r} twice')
        tasks[name] = instruction
    if not tasks:
        raise ConfigError('parameter tasks is empty; name at least one, as "name: instruction"')
    return tasks


def main() -> None:
    """Run the node."""
    run_node(RobotEpisodeNode)


if __name__ == '__main__':
    main()
