# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A simulated robot with its graph, the faults of both, and when the arm rests after each.

The graph is robot.launch.py with simulated hardware; the speed of the arm is that of the simulated
robot itself, not of any node.
"""

from collections import deque
from collections.abc import Callable
import contextlib
from dataclasses import dataclass
from pathlib import Path
import subprocess
import time

import numpy as np
import psutil
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.publisher import Publisher
from std_msgs.msg import Empty, Header, String
from std_srvs.srv import Trigger

from irevla_bringup.launched_graphs import Graph, running_graph
from irevla_control.episodes.robot_episode_node import BROKEN
from irevla_control.errors import IrevlaError
from irevla_control.observation import BASE_FRAME
from irevla_control.ros.conversions import action_to_message, ns_to_stamp, stamp_to_ns
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, OperatorVerdict, RobotState
from irevla_policy.checkpoints.checkpoint import save_checkpoint
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA
from irevla_sim.panda.process import PandaProcess

# Joint speed above which the arm moves [rad/s].
MOVES = 0.05
# Time over which the speed of the end effector is measured [s].
SPEED_OVER_S = 0.15
# Translation to the left that the policy commands at each image [m].
DRIFT = 0.012
FPS, HORIZON = 10, 1000
# Number of steps after which the arm is near the border of its box, too late for a fault.
FRESH = 12
# Longest wait for any condition [s], on a busy machine.
WAIT_S = 90.0
FLOOD_HZ, FLOOD_S = 1000.0, 1.0
HOUR_NS = 3600 * 1_000_000_000
# On a busy machine images pause; the operator stays in command for longer.
ALL_PARAMETERS = """
/**/command_mux: {ros__parameters: {teleop_timeout_s: 5.0}}
/**/episode_runner: {ros__parameters: {max_retries: 1000000}}
/**/franka: {ros__parameters: {recoveries: 100}}
"""


class FaultError(IrevlaError):
    """The arm did not rest, or did not move again, in time."""


@dataclass(frozen=True)
class Reaction:
    """Measured reaction to a fault.

    Attributes:
        fault: name of the fault.
        rest_s: time from the fault until the simulated joints rest [s]; None if the robot is
            off.
        again_s: time from the cure until an episode moves the arm again [s].
        said: mode and text of the newest robot_state before the cure.
        top_speed: largest speed of the end effector after the fault [m/s].

    """

    fault: str
    rest_s: float | None
    again_s: float
    said: str
    top_speed: float


@dataclass(frozen=True)
class Fault:
    """A fault and its cure.

    Attributes:
        inject, cure: functions that inject and cure it.
        rests: whether the arm must come to rest and its speed can be measured.
        ends_in: modes of RobotState, one of which must be reached.

    """

    inject: Callable[[], None]
    cure: Callable[[], None] = lambda: None
    rests: bool = True
    ends_in: tuple[int, ...] = ()


def drifting_policy(folder: Path, preset: Path) -> Path:
    """Save a policy that moves the arm to the left for every observation."""
    random = np.random.default_rng(0)
    actions = np.tile([0, DRIFT, 0, 0, 0, 0, 1.0], (50, 1))
    actions[:, :3] += random.uniform(-1e-4, 1e-4, (50, 3))
    vla = VLA(
        load_preset(preset),
        Statistics.from_data(random.normal(size=(50, 10)), actions),
        instructions=['pick up the red block'],
    )
    save_checkpoint(folder, vla, {})
    return folder


class FaultyRobot:
    """A simulated Panda, the graph that controls it, and faults of both."""

    def __init__(self, folder: Path, preset: Path) -> None:
        """Start the robot; logs, policy and learner's files are in ``folder``."""
        self.panda = PandaProcess()
        checkpoint = drifting_policy(folder / 'policy', preset)
        parameters = folder / 'parameters.yaml'
        parameters.write_text(ALL_PARAMETERS)
        settings = folder / 'sacfd.yaml'
        settings.write_text('most_zero_shot_episodes: 100000\n')
        self._graph = Graph(
            'robot.launch.py',
            {
                'use_fake_hardware': 'true',
                'robot_ip': self.panda.address,
                'scene': self.panda.name,
                'checkpoint': checkpoint,
                'operator': 'none',
                'tasks': 'pick-red-block',
                'episodes': 100_000,
                'horizon': HORIZON,
                'fps': FPS,
                'params_file': parameters,
                'output': folder / 'learner',
                'settings': settings,
            },
            folder / 'robot.log',
        )
        self._stack = contextlib.ExitStack()
        self._launch: subprocess.Popen | None = None
        self.node = rclpy.create_node('faults')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.node)
        self.state, self.episode = RobotState(), EpisodeState()
        # The newest fault text of each mode since a fault was injected.
        self._reported: dict[int, str] = {}
        self._top_speed = 0.0
        self._path: deque[tuple[float, np.ndarray]] = deque()
        self._unplugged = self.node.create_publisher(String, 'unplugged', EVENT)
        self._command = self.node.create_publisher(EndEffectorCommand, 'command', COMMAND)
        self._policy = self.node.create_publisher(EndEffectorCommand, 'policy_command', COMMAND)
        self._verdict = self.node.create_publisher(OperatorVerdict, 'operator_verdict', COMMAND)
        self._stop = self.node.create_publisher(Empty, 'emergency_stop', COMMAND)
        self._recover = self.node.create_client(Trigger, 'recover')
        self.node.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)
        self.node.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)

    def _on_state(self, message: RobotState) -> None:
        self.state, p = message, message.pose.position
        self._reported[message.mode] = message.fault_text
        # Measured with this machine's clock, because simulated time can be slower.
        now, place = stamp_to_ns(message.header.stamp) * 1e-9, np.array([p.x, p.y, p.z])
        while self._path and now - self._path[0][0] > SPEED_OVER_S:
            before, there = self._path.popleft()
            self._top_speed = max(
                self._top_speed, float(np.linalg.norm(place - there) / (now - before))
            )
        self._path.append((now, place))

    def _on_episode(self, message: EpisodeState) -> None:
        self.episode = message

    def close(self) -> None:
        """Stop graph, node and robot."""
        self._stack.close()
        self.node.destroy_node()
        self.panda.stop()

    def launch(self) -> None:
        """Start the graph, or restart it."""
        self._stack.close()
        self.episode = EpisodeState()
        self._launch = self._stack.enter_context(running_graph(self._graph))

    def spin(self, seconds: float) -> None:
        """Receive messages for this time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=max(0.0, end - time.monotonic()))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition; ``what`` names it in an error.

        Raises:
            FaultError: the condition did not become true.

        """
        end = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > end:
                raise FaultError(
                    f'{what} did not happen within {WAIT_S} s; the arm is in mode '
                    f'{self.state.mode}: {self.state.fault_text!r}'
                )
            self.spin(0.02)

    def moving(self) -> None:
        """Wait until an episode with few steps moves the arm; end an older one as an operator."""
        ended = ''

        def moves() -> bool:
            nonlocal ended
            one = self.episode
            if one.phase != EpisodeState.PHASE_RUNNING:
                return False
            if one.step > FRESH and one.episode_id != ended:
                ended = one.episode_id
                self.give_up()
            return (
                self.state.mode == RobotState.MODE_READY
                and 2 < one.step <= FRESH
                and self.panda.speed() > MOVES
            )

        self.until(moves, 'motion')

    def process(self, name: str) -> psutil.Process:
        """Return the process of a node."""
        if self._launch is None:
            raise FaultError(f'node {name} does not run; nothing was launched')
        for process in psutil.Process(self._launch.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if f'__node:={name}' in process.cmdline():
                    return process
        raise FaultError(f'node {name} does not run; see {self._graph.log}')

    def broken(self) -> bool:
        """Return whether the arm needs recovery."""
        return self.state.mode in BROKEN

    def arm_thaws(self) -> None:
        """Resume the arm's node, whose motion the robot has ended, and recover."""
        self.process('franka').resume()
        self.until(self.broken, 'the fault that ended the motion')
        self.recover()

    def robot_returns(self) -> None:
        """Switch the robot on again, and recover."""
        self.panda.start()
        self.recover()

    def recover(self) -> None:
        """Call `recover`, as an operator would, until the arm recovers."""

        def recovered() -> bool:
            if not self.broken():
                return True
            if self._recover.service_is_ready():
                future = self._recover.call_async(Trigger.Request())
                self._executor.spin_until_future_complete(future, 2.0)
                self.spin(0.3)
            return False

        self.until(recovered, 'recovery')

    def after_launch(self) -> None:
        """Launch again, and recover from the fault that the lost client left."""
        self.launch()
        self.state = RobotState()
        self.until(lambda: self.state.mode != RobotState.MODE_UNKNOWN, 'the first state')
        self.recover()

    def react(self, fault: str) -> Reaction:
        """Inject a fault, measure, cure it, and wait until the arm moves again.

        Raises:
            FaultError: the arm did not rest, or did not move again.

        """
        what = self.faults()[fault]
        self.moving()
        self._path.clear()
        self._top_speed = 0.0
        self._reported.clear()
        began = time.monotonic()
        what.inject()
        rest_s = None
        if what.rests:
            while self.panda.speed() > MOVES / 5:
                self.spin(0.001)
                if time.monotonic() - began > WAIT_S:
                    raise FaultError(f'{fault}: the arm still moves after {WAIT_S} s')
            rest_s = time.monotonic() - began
        self.spin(0.5)
        if what.ends_in:
            # Some modes last only for a short time after the fault.
            self.until(
                lambda: any(mode in self._reported for mode in what.ends_in), f'{fault}: its mode'
            )
        mode = next((mode for mode in what.ends_in if mode in self._reported), self.state.mode)
        text = self._reported.get(mode, self.state.fault_text)
        said = f'mode {mode}' + (f': {text}' if text else '')
        top_speed = self._top_speed
        began = time.monotonic()
        what.cure()
        self.moving()
        return Reaction(fault, rest_s, time.monotonic() - began, said, top_speed)

    def faults(self) -> dict[str, Fault]:
        """Return each fault by name."""

        def kill(name: str) -> Callable[[], None]:
            return lambda: self.process(name).kill()

        def freeze(name: str) -> Callable[[], None]:
            return lambda: self.process(name).suspend()

        def thaw(name: str) -> Callable[[], None]:
            return lambda: self.process(name).resume()

        def unplug(names: str) -> Callable[[], None]:
            return lambda: self._unplugged.publish(String(data=names))

        return {
            'policy killed': Fault(kill('vla'), self.after_launch),
            'policy frozen': Fault(freeze('vla'), thaw('vla'), ends_in=(RobotState.MODE_HOLDING,)),
            'learner killed': Fault(kill('learner'), self.after_launch),
            'arm node killed': Fault(kill('franka'), self.after_launch),
            'arm node frozen': Fault(freeze('franka'), self.arm_thaws),
            'robot cut off': Fault(
                self.panda.kill, self.robot_returns, rests=False, ends_in=BROKEN
            ),
            'gripper cut off': Fault(self.panda.cut_gripper, self.recover, ends_in=BROKEN),
            'camera unplugged': Fault(
                unplug('front'), unplug(''), ends_in=(RobotState.MODE_HOLDING,)
            ),
            'emergency stop': Fault(
                lambda: self._stop.publish(Empty()),
                self.recover,
                ends_in=(RobotState.MODE_STOPPED,),
            ),
            'clock jump': Fault(
                lambda: self.send(self._policy, np.zeros(7), HOUR_NS),
                self.give_up,
                ends_in=(RobotState.MODE_HOLDING,),
            ),
            'command flood': Fault(self.flood, ends_in=(RobotState.MODE_HOLDING,)),
            'NaN commands': Fault(self.nonsense, ends_in=(RobotState.MODE_HOLDING,)),
        }

    def send(self, publisher: Publisher, action: np.ndarray, later_ns: int = 0) -> None:
        """Publish a command with the stamp of now, or later."""
        stamp = ns_to_stamp(time.time_ns() + later_ns)
        publisher.publish(
            action_to_message(action, stamp, BASE_FRAME, EndEffectorCommand.SOURCE_UNKNOWN)
        )

    def give_up(self) -> None:
        """End the episode, as an operator would."""
        self._verdict.publish(
            OperatorVerdict(
                header=Header(stamp=ns_to_stamp(time.time_ns())), verdict=OperatorVerdict.FAILURE
            )
        )

    def flood(self) -> None:
        """Publish large commands past the mux at `FLOOD_HZ`, as a broken node could."""
        end, sent = time.monotonic() + FLOOD_S, 0
        while time.monotonic() < end:
            self.send(self._command, np.array([0, 0.03, 0, 0, 0, 0, 1.0]))
            sent += 1
            self.spin(max(0.0, end - FLOOD_S + sent / FLOOD_HZ - time.monotonic()))

    def nonsense(self) -> None:
        """Publish commands that are not finite past the mux."""
        for _ in range(50):
            self.send(self._command, np.full(7, np.nan))
            self.spin(0.02)
