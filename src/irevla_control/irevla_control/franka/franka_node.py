# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `franka`: moves a Panda or FR3 by `command` within limits, publishes `robot_state`."""

from collections.abc import Callable
import threading
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Empty
from std_srvs.srv import Trigger

from irevla_control.arm.controller import ArmController, ArmTiming, Mode
from irevla_control.arm.home_path import (
    Bounds,
    check_home,
    home_pose,
    home_spread,
    offset_home,
)
from irevla_control.arm.joint_limits import JointLimits
from irevla_control.arm.limits import ArmLimits
from irevla_control.arm.pose import Pose
from irevla_control.arm.release import ResetRelease
from irevla_control.errors import BadMessageError, ConfigError
from irevla_control.franka.collision import CollisionThresholds
from irevla_control.franka.control_loop import ArmLoop
from irevla_control.franka.franka_arm import ArmState, connected
from irevla_control.franka.franka_gripper import FrankaGripper, GripperSettings
from irevla_control.franka.gains import ArmGains
from irevla_control.observation import BASE_FRAME
from irevla_control.ros.conversions import (
    message_to_action,
    ns_to_stamp,
    stamp_to_ns,
    to_array,
)
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.live_publishers import Commanders, SolePublisher
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, OperatorVerdict, RobotState
from irevla_msgs.srv import GoHome

PARAMETERS = {
    'robot_ip': Parameter('', 'address of the robot'),
    'connect_timeout_s': Parameter(2.0, 'longest wait for a robot that is starting [s]',
                                   0.0, 600.0),
    'realtime': Parameter(True, 'refuse to control without a real-time kernel'),
    'gripper': Parameter(True, 'whether the robot has a Franka hand'),
    'rate_hz': Parameter(100.0, 'rate of setpoints and robot_state [Hz]', 20.0, 500.0),
    # Limits of the end effector
    'box_low': Parameter([0.30, -0.30, 0.01], 'lower corner of the workspace (x, y, z) [m]'),
    'box_high': Parameter([0.70, 0.30, 0.50], 'upper corner of the workspace (x, y, z) [m]'),
    'max_tilt': Parameter(0.4, 'largest angle of the hand from straight down [rad]', 0.0, 1.57),
    'max_yaw': Parameter(1.7, 'largest rotation about the vertical from home [rad]', 0.05, 2.5),
    'max_step': Parameter(0.05, 'longest translation of one command [m]', 0.001, 0.2),
    'max_step_turn': Parameter(0.3, 'largest rotation of one command [rad]', 0.001, 1.0),
    'max_lead': Parameter(0.08, 'largest distance of the target from the arm [m]', 0.001, 0.3),
    'max_lead_turn': Parameter(0.4, 'largest rotation of the target from the arm [rad]',
                               0.001, 1.5),
    'max_speed': Parameter(0.3, 'largest speed of the setpoint [m/s]', 0.01, 1.5),
    'max_turn_speed': Parameter(1.2, 'largest angular speed of the setpoint [rad/s]', 0.01, 2.5),
    'max_acceleration': Parameter(3.0, 'largest acceleration of the setpoint [m/s^2]', 0.1, 10.0),
    'max_turn_acceleration': Parameter(12.0, 'likewise for rotations [rad/s^2]', 0.1, 25.0),
    # Joint limits: the range shared by Panda and FR3, with an elbow that stays bent
    'joint_low': Parameter([-2.7437, -1.7628, -2.8973, -3.0421, -2.8065, 0.5445, -2.8973],
                           'lower limits of the joints [rad]'),
    'joint_high': Parameter([2.7437, 1.7628, 2.8973, -0.6, 2.8065, 3.7525, 2.8973],
                            'upper limits of the joints [rad]'),
    'joint_margin': Parameter(0.1, 'distance to a limit at which motion towards it stops [rad]',
                              0.02, 0.5),
    'joint_slowing': Parameter(0.2, 'distance to that stop within which motion towards it is '
                                    'slowed [rad]', 0.01, 1.0),
    'max_joint_lead': Parameter(0.4, 'largest distance of a joint of the target from the arm '
                                     '[rad]', 0.05, 1.5),
    'max_joint_speed': Parameter(1.5, 'largest speed of a joint on the path home [rad/s]',
                                 0.1, 2.1),
    # Impedance controller
    'stiffness': Parameter(1000.0, 'stiffness of the impedance controller [N/m]', 10.0, 3000.0),
    'turn_stiffness': Parameter(60.0, 'likewise for rotations [Nm/rad]', 1.0, 300.0),
    'damping_ratio': Parameter(1.5, 'damping of translations over 2 sqrt(stiffness)', 0.2, 5.0),
    'error_clip': Parameter([0.03, 0.03, 0.03],
                            'distance from the setpoint above which force does not grow [m]'),
    'turn_error_clip': Parameter([0.15, 0.15, 0.15], 'likewise for rotations [rad]'),
    'posture_stiffness': Parameter(5.0, 'stiffness that pulls the joints to home_joints [Nm/rad]',
                                   0.0, 50.0),
    'reset_posture_stiffness': Parameter(20.0, 'likewise during a reset [Nm/rad]', 0.0, 50.0),
    # Collision thresholds of the robot
    'collision_torque': Parameter([40.0, 40.0, 40.0, 40.0, 20.0, 20.0, 20.0],
                                  'external torque at each joint above which the robot reports a '
                                  'collision and stops [Nm]'),
    'collision_force': Parameter([60.0, 60.0, 60.0, 25.0, 25.0, 25.0],
                                 'likewise at the end effector (x, y, z) [N], and about these '
                                 'axes [Nm]'),
    'allow_bound_above_collision': Parameter(
        False, 'start although the controller may press harder than these thresholds'),
    # Times and budgets
    'response_s': Parameter(0.05, 'time constant of the final approach to a target [s]', 0.0, 1.0),
    'hold_after_s': Parameter(0.3, 'time without a command after which the arm holds [s]',
                              0.02, 10.0),
    'stop_after_s': Parameter(30.0, 'time without a command after which the controller ends [s]',
                              0.1, 3600.0),
    'held_back_s': Parameter(5.0, 'time for which an obstacle may block the arm during a reset '
                                  '[s]', 0.1, 60.0),
    'settle_s': Parameter(0.3, 'rest at home before commands are accepted [s]', 0.0, 5.0),
    'recoveries': Parameter(3, 'recoveries from faults allowed within recovery_window_s', 0, 100),
    'recovery_window_s': Parameter(600.0, 'time over which recoveries are counted [s]',
                                   1.0, 86400.0),
    # Home
    'reset_release': Parameter('here', 'where a reset opens the hand',
                               choices=tuple(where.value for where in ResetRelease)),
    'reset_lift_m': Parameter(0.05, 'height by which the arm rises before its path home [m]',
                              0.0, 0.3),
    'home_position': Parameter([0.45, 0.0, 0.30], 'start of episodes (x, y, z) [m]'),
    'home_quaternion': Parameter([1.0, 0.0, 0.0, 0.0],
                                 'orientation there, a unit quaternion (x, y, z, w)'),
    'home_joints': Parameter([0.0, -0.7854, 0.0, -2.3562, 0.0, 1.5708, 0.7854],
                             'joint positions at home [rad]'),
    'home_spread': Parameter([0.03, 0.03, 0.02], 'largest random offset of home (x, y, z) [m]'),
    'home_spread_yaw': Parameter(0.1, 'largest random rotation of home about the vertical [rad]',
                                 0.0, 1.5),
    # Gripper
    'close_below': Parameter(0.4, 'commanded opening below which the gripper grasps', 0.0, 1.0),
    'open_above': Parameter(0.6, 'commanded opening above which it opens', 0.0, 1.0),
    'grasp_force': Parameter(40.0, 'force of a grasp [N]', 1.0, 70.0),
    'finger_speed': Parameter(0.1, 'speed of the fingers [m/s]', 0.01, 0.1),
    'hand_timeout_s': Parameter(5.0, 'time beyond the full stroke of the fingers after which an '
                                     'order is reported as late, and stopped for the next [s]',
                                0.2, 60.0),
}
JOINT_NAMES = [f'fr3_joint{number}' for number in range(1, 8)]
FINGER_NAMES = ['fr3_finger_joint1', 'fr3_finger_joint2']
FINGER_STROKE_M = 0.04
WATCH_S = 0.1
# Time before the first robot_state to detect another arm's node [s].
LISTEN_S = 0.5
TWO_ARMS = ('two arms would follow the same commands. Stop the other node, or give each arm its '
            'own namespace or ROS_DOMAIN_ID')


class FrankaNode(Node):
    """Connects topics and services to the arm's loop, which runs in its own thread."""

    def __init__(self, **options: Any) -> None:
        """Connect to the robot; nothing moves before `go_home`. Options go to rclpy's Node."""
        super().__init__('franka', **options)
        values = declare(self, PARAMETERS)
        if not values['robot_ip']:
            raise ConfigError("parameter robot_ip is empty; give the robot's address")
        home_rotation = Pose.from_quaternion(values['home_position'],
                                             values['home_quaternion']).rotation
        limits = ArmLimits(home_rotation=home_rotation,
                           **_chosen(values, ArmLimits, 'home_rotation'))
        self.get_logger().info(f'limits: {limits_text(values)}')
        gains = ArmGains(posture=values['home_joints'], **_chosen(values, ArmGains, 'posture'))
        self._home = home_pose(values, limits)
        self._spread = home_spread(values)
        settings = GripperSettings(values['close_below'], values['open_above'],
                                   values['grasp_force'], values['finger_speed'],
                                   values['hand_timeout_s'])
        bounds = Bounds(limits, JointLimits(**_chosen(values, JointLimits)),
                        values['home_joints'])
        self._controller = ArmController(limits, ArmTiming(**_chosen(values, ArmTiming)), bounds)
        collision = CollisionThresholds(**_chosen(values, CollisionThresholds))
        allowed = values['allow_bound_above_collision']
        collision.check(gains.bound, None, allowed)
        self._diagnostics = Diagnostics(self, hardware_id=values['robot_ip'])
        self._sole = SolePublisher(self, RobotState, 'robot_state', OBSERVATION, TWO_ARMS)
        self._sole.listen(LISTEN_S)
        self._commanders = Commanders(self, 'command')
        self._state = self.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self._joints = self.create_publisher(JointState, 'joint_states', OBSERVATION)
        arm = connected(values['robot_ip'], gains, collision, values['realtime'],
                        values['connect_timeout_s'])
        problem = collision.check(gains.bound, arm.torque_at_joints(), allowed)
        state = arm.read()
        check_home(self._home, self._spread, bounds, state.joint_position, state.pose)
        self._gripper = FrankaGripper(values['robot_ip'], settings) if values['gripper'] else None
        release = ResetRelease(values['reset_release'])
        self._loop = ArmLoop(arm, self._gripper, self._controller, values['rate_hz'], release,
                             values['reset_lift_m'], self._publish)
        # rclpy's types know no callback that takes a message's information too.
        on_command: Callable[..., None] = self._on_command
        self.create_subscription(EndEffectorCommand, 'command', on_command, COMMAND)
        self.create_subscription(Empty, 'emergency_stop', self._on_stop, COMMAND)
        if release == ResetRelease.HOME:
            self.create_subscription(OperatorVerdict, 'operator_verdict', self._on_verdict,
                                     COMMAND)
        self.create_service(GoHome, 'go_home', self._on_home)
        self.create_service(Trigger, 'recover', self._on_recover)
        self.create_timer(WATCH_S, self._on_watch)
        self._ending = threading.Event()
        self._loop.start()
        bound = np.round(gains.bound, 1).tolist()
        self.get_logger().info(
            f'ready: a blocked arm presses with at most {bound[:3]} N and {bound[3:]} Nm; the '
            f'setpoint moves at up to {limits.max_speed} m/s and {limits.max_turn_speed} rad/s; '
            f'the robot stops above {values["collision_force"]} N and Nm at the end effector and '
            f'{values["collision_torque"]} Nm at the joints')
        if problem:
            self.get_logger().warning(problem)

    def destroy_node(self) -> None:
        """Bring the arm to rest."""
        self._ending.set()
        self._loop.close()
        if self._gripper:
            self._gripper.close()
        super().destroy_node()

    def _on_command(self, message: EndEffectorCommand, info: dict[str, Any]) -> None:
        problem = self._commanders.problem(info)
        if problem:
            self._loop.hold()
            self._diagnostics.refuse(f'command refused: {problem}')
            return
        try:
            action = message_to_action(message)
        except BadMessageError as error:
            self._diagnostics.refuse(f'command refused: {error}')
            return
        problem = self._loop.command(action, stamp_to_ns(message.header.stamp),
                                     message.header.frame_id)
        if problem:
            self._diagnostics.refuse(f'command refused: {problem}')

    def _on_stop(self, message: Empty) -> None:
        self._loop.emergency_stop()
        self.get_logger().error('emergency stop')

    def _on_verdict(self, message: OperatorVerdict) -> None:
        if message.verdict == OperatorVerdict.SUCCESS:
            self._loop.press()

    def _on_home(self, request: GoHome.Request, response: GoHome.Response) -> GoHome.Response:
        none = GoHome.Request.SEED_NONE
        if request.seed < none:
            response.text = f'seed {request.seed}; give 0 or more, or {none} for none'
            return response
        home = self._home
        if request.seed != none:
            offset = np.random.default_rng(request.seed).uniform(-self._spread, self._spread)
            home = offset_home(home, offset)
        response.text = self._loop.reset(home)
        response.accepted = not response.text
        return response

    def _on_recover(self, request: Trigger.Request,
                    response: Trigger.Response) -> Trigger.Response:
        response.message = self._loop.recover()
        response.success = not response.message
        return response

    def _on_watch(self) -> None:
        controller, loop = self._controller, self._loop
        if loop.crash is not None:
            raise loop.crash
        self._sole.check()
        self._commanders.log_listed()
        self._diagnostics.error(
            f'fault {controller.fault.name}: {controller.fault_text}; call recover'
            if controller.mode == Mode.FAULT else
            'stopped; call recover' if controller.mode == Mode.STOPPED else '')
        self._diagnostics.set_totals(loop.counts())
        if self._gripper:
            self._diagnostics.set_totals(dict(self._gripper.counts))
            while self._gripper.warnings:
                self._diagnostics.refuse(self._gripper.warnings.popleft())
        while loop.lateness_s:
            self._diagnostics.time('lateness', loop.lateness_s.popleft())

    def _publish(self, state: ArmState, controller: ArmController) -> None:
        """Publish a state; called in the loop's thread."""
        if self._ending.is_set():
            return
        # The stamp of the reading: while the connection is lost, it does not change.
        stamp = ns_to_stamp(state.stamp)
        opening = self._gripper.opening if self._gripper else 0.0
        message = robot_state(state, controller, opening)
        message.header.stamp = stamp
        self._state.publish(message)
        finger = [FINGER_STROKE_M * opening] * 2 if self._gripper else []
        joints = JointState(
            name=JOINT_NAMES + (FINGER_NAMES if finger else []),
            position=[*state.joint_position.tolist(), *finger],
            velocity=[*state.joint_velocity.tolist(), *(0.0 for _ in finger)],
            effort=[*state.joint_effort.tolist(), *(0.0 for _ in finger)])
        joints.header.stamp = stamp
        self._joints.publish(joints)


def _chosen(values: dict[str, Any], kind: type[Any], *without: str) -> dict[str, Any]:
    """Return the parameters named like the fields of a dataclass, lists as tuples."""
    return {name: tuple(values[name]) if isinstance(values[name], list) else values[name]
            for name in kind.__dataclass_fields__ if name not in without}


def limits_text(values: dict[str, Any]) -> str:
    """Return the limits of the arm with their units, for the log."""
    return ', '.join(f'{name} {values[name]} {PARAMETERS[name].unit}'.rstrip()
                     for kind in (ArmLimits, JointLimits) for name in kind.__dataclass_fields__
                     if name in PARAMETERS)


def robot_state(state: ArmState, controller: ArmController, opening: float) -> RobotState:
    """Return the message without a stamp."""
    message = RobotState(
        gripper=opening, mode=int(controller.mode), fault=int(controller.fault),
        fault_text=controller.fault_text, joint_position=to_array('d', state.joint_position),
        joint_velocity=to_array('d', state.joint_velocity),
        joint_effort=to_array('d', state.joint_effort))
    message.header.frame_id = BASE_FRAME
    position, orientation = message.pose.position, message.pose.orientation
    position.x, position.y, position.z = state.pose.position.tolist()
    orientation.x, orientation.y, orientation.z, orientation.w = state.pose.quaternion.tolist()
    for vector, values in ((message.twist.linear, state.twist[:3]),
                           (message.twist.angular, state.twist[3:]),
                           (message.wrench.force, state.wrench[:3]),
                           (message.wrench.torque, state.wrench[3:])):
        vector.x, vector.y, vector.z = values.tolist()
    return message


def main() -> None:
    """Run the node."""
    # Without shared memory, any user of this machine can send the emergency stop.
    run_node(FrankaNode, shared_memory=False)


if __name__ == '__main__':
    main()
