# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `scripted_person`: pushes a SpaceMouse as a person would, by its HID reports.

It starts each episode, demonstrates the task, or takes over when the policy needs too long, gives
the verdict of success, and recovers the arm from faults. It uses the true state of the scene. The
mouse must have the default settings of `spacemouse`.
"""

from collections import deque
import time

import numpy as np
from rclpy.timer import Timer
from scipy.spatial.transform import Rotation
from std_msgs.msg import UInt8MultiArray

from irevla_control.arm.pose import Pose
from irevla_control.errors import ConfigError
from irevla_control.observation import pose_values
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import EVENT, OBSERVATION, RECORD
from irevla_control.teleop.hid_reports import (
    FULL,
    button_report,
    rotation_report,
    translation_report,
)
from irevla_control.teleop.spacemouse import SpaceMouseSettings
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState, SimulatorState
from irevla_sim.expert_noise import NOISE_STD
from irevla_sim.panda.table.experts import Expert, Phase, expert_for
from irevla_sim.panda.table.objects import TableState
from irevla_sim.panda.table.tasks import Task, table_task
from irevla_sim.ros.recovery import Recovery

PARAMETERS = {
    'patience': Parameter(
        50,
        "number of the policy's commands in an episode after which it takes over; 0: it "
        'demonstrates',
        0,
        1_000_000,
    ),
    'noise_std': NOISE_STD,
}
# The mouse reports while its cap is deflected; the person looks less often [s].
REPORT_S, LOOK_S = 0.03, 0.1
# Duration of a press, and time until the next one of the same button [s].
PRESS_S, BETWEEN_S = 0.1, 2.0
# Time from home until the press that starts an episode, and until it is repeated [s]: on a slow
# machine a second press could end the episode that the first one started.
START_S, START_AGAIN_S = 0.5, 10.0
# Number of looks until a push has moved the hand: a person foresees it, else the hand would swing
# around the object.
AHEAD = 3
# A deflection that moves nothing, but keeps the arm with the person.
HELD = 0.003
GRIPPER, VERDICT = 0, 1
AT_HOME = (RobotState.MODE_READY, RobotState.MODE_HOLDING)


class ScriptedPersonNode(Node):
    """Moves the mouse of `fake_spacemouse_node`."""

    def __init__(self) -> None:
        """Declare parameters and create the topics."""
        super().__init__('scripted_person')
        values = declare(self, PARAMETERS)
        self._patience, self._noise_std = values['patience'], values['noise_std']
        self._mouse = SpaceMouseSettings()
        self._task: Task | None = None
        self._expert: Expert | None = None
        self._episode = EpisodeState()
        self._robot: RobotState | None = None
        self._table: TableState | None = None
        # Commands of the policy in this episode; whether the person moves the arm.
        self._watched, self._moves = 0, False
        self._closed = False
        self._deflection = np.zeros(6)
        # What the newest look and those before it have pushed [m, rad].
        self._pushed = np.zeros(6)
        self._pushes = deque([self._pushed] * AHEAD, maxlen=AHEAD)
        self._next_press_s = {GRIPPER: 0.0, VERDICT: 0.0}
        self._start_at_s = float('inf')
        self._diagnostics = Diagnostics(self)
        self._recovery = Recovery(self, self._diagnostics)
        self._reports = self.create_publisher(UInt8MultiArray, 'spacemouse_reports', RECORD)
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self.create_subscription(RobotState, 'robot_state', self._on_robot, OBSERVATION)
        self.create_subscription(SimulatorState, 'simulator_state', self._on_scene, OBSERVATION)
        self.create_subscription(EndEffectorCommand, 'command', self._on_command, RECORD)
        self.create_timer(REPORT_S, self._on_report)
        self.create_timer(LOOK_S, self._on_look)

    @property
    def _running(self) -> bool:
        return self._episode.phase == EpisodeState.PHASE_RUNNING

    def _on_episode(self, message: EpisodeState) -> None:
        if message.episode_id != self._episode.episode_id:
            self._expert, self._watched, self._moves = None, 0, self._patience == 0
            self._closed = False
            try:
                self._task = table_task(message.task)
            except ConfigError as error:
                self._task = None
                self._diagnostics.refuse(str(error))
        self._episode = message

    def _on_robot(self, message: RobotState) -> None:
        came = self._robot is not None and self._robot.mode == RobotState.MODE_RESETTING
        if came and message.mode in AT_HOME:
            self._start_at_s = time.monotonic() + START_S
        self._robot = message
        self._recovery.watch(message)

    def _on_scene(self, message: SimulatorState) -> None:
        self._table = TableState(np.array(message.values))

    def _on_command(self, message: EndEffectorCommand) -> None:
        self._closed = message.gripper < 0.5
        if message.source == EndEffectorCommand.SOURCE_POLICY:
            self._watched += 1

    def _on_look(self) -> None:
        self._pushes.append(self._pushed)
        self._pushed, self._deflection = np.zeros(6), np.zeros(6)
        robot, table = self._robot, self._table
        if robot is None or table is None:
            return
        if not self._running:
            if robot.mode in AT_HOME and time.monotonic() > self._start_at_s:
                self._start_at_s = time.monotonic() + START_AGAIN_S
                self._press(VERDICT)
            return
        if self._task is None:
            return
        if self._task.done(table):
            self._press(VERDICT)
        elif self._moves:
            self._push(robot, table, self._task)
        elif self._watched >= self._patience:
            self._moves = True
            self._diagnostics.count('interventions')

    def _push(self, robot: RobotState, table: TableState, task: Task) -> None:
        if self._expert is None:
            self._expert = expert_for(task, self._noise_std, max(self._episode.seed, 0))
        hand = Pose.from_quaternion(*pose_values(robot))
        # What it holds lags behind as the hand does.
        empty = self._expert.phase in (Phase.APPROACH, Phase.DESCEND)
        coming = np.sum(self._pushes, axis=0) * empty
        turned = Rotation.from_rotvec(coming[3:]) * hand.rotation
        action, _ = self._expert.act(Pose(hand.position + coming[:3], turned), table)
        if (action[6] < 0.5) != self._closed:
            # The arm waits for the hand.
            self._press(GRIPPER)
            return
        moved = np.array([*action[:3] / self._mouse.step, *action[3:6] / self._mouse.turn])
        beyond = np.clip(np.abs(moved), 0, 1) * (1 - self._mouse.dead_zone)
        self._pushed = np.clip(moved, -1, 1) * np.repeat([self._mouse.step, self._mouse.turn], 3)
        self._deflection = np.sign(moved) * (beyond + self._mouse.dead_zone) * (beyond > 0)
        if not beyond.any():
            self._deflection[2] = self._mouse.dead_zone + HELD

    def _on_report(self) -> None:
        if not self._deflection.any():
            return
        x, y, z, _, _, yaw = (round(FULL * part) for part in self._deflection)
        self._report(translation_report(right=-y, back=-x, down=-z))
        self._report(rotation_report(c=-yaw))

    def _press(self, button: int) -> None:
        now = time.monotonic()
        if now < self._next_press_s[button]:
            return
        self._next_press_s[button] = now + BETWEEN_S
        self._report(button_report(button))
        timer = self.create_timer(PRESS_S, lambda: self._release(timer))

    def _release(self, timer: Timer) -> None:
        self.destroy_timer(timer)
        self._report(button_report())

    def _report(self, data: bytes) -> None:
        self._reports.publish(UInt8MultiArray(data=data))


def main() -> None:
    """Run the node."""
    run_node(ScriptedPersonNode)


if __name__ == '__main__':
    main()
