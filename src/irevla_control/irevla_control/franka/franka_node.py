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
from irevla_control.franka.joint_names import joint_names, joint_prefix
from irevla_control.parameters.parameter_fields import from_parameters, parameters_of
from irevla_control.ros.conversions import (
    message_to_action,
    ns_to_stamp,
    stamp_to_ns,
    state_to_message,
    to_array,
)
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.live_publishers import Commanders, SolePublisher
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import NAME, Parameter, declare
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, OperatorVerdict, RobotState
from irevla_msgs.srv import GoHome

PARAMETERS = {
    'robot_ip': Parameter('', 'address of the robot'),
    'connect_timeout_s': Parameter(
        2.0, 'longest wait for a robot that is starting [s]', 0.0, 600.0
    ),
    'realtime': Parameter(True, 'refuse to control without a real-time kernel'),
    'gripper': Parameter(True, 'whether the robot has a Franka hand'),
    'joint_prefix': Parameter(
        '',
        'what the names in joint_states begin with, such as panda or '
        "fr3; empty: the connected robot's",
        form=NAME,
    ),
    'rate_hz': Parameter(100.0, 'rate of setpoints and robot_state [Hz]', 20.0, 500.0),
    **parameters_of(ArmLimits, JointLimits, ArmGains, CollisionThresholds),
    'allow_bound_above_collision': Parameter(
        False, 'start although the controller may press harder than these thresholds'
    ),
    **parameters_of(ArmTiming),
    # Home
    'reset_release': Parameter(
        'here',
        'where a reset opens the hand',
        choices=tuple(where.value for where in ResetRelease),
    ),
    'reset_lift_m': Parameter(
        0.05, 'height by which the arm rises before its path home [m]', 0.0, 0.3
    ),
    'home_position': Parameter([0.45, 0.0, 0.30], 'start of episodes (x, y, z) [m]'),
    'home_quaternion': Parameter(
        [1.0, 0.0, 0.0, 0.0], 'orientation there, a unit quaternion (x, y, z, w)'
    ),
    'home_joints': Parameter(
        [0.0, -0.7854, 0.0, -2.3562, 0.0, 1.5708, 0.7854], 'joint positions at home [rad]'
    ),
    'home_spread': Parameter([0.03, 0.03, 0.02], 'largest random offset of home (x, y, z) [m]'),
    'home_spread_yaw': Parameter(
        0.1, 'largest random rotation of home about the vertical [rad]', 0.0, 1.5
    ),
    **parameters_of(GripperSettings),
}
FINGER_STROKE_M = 0.04
WATCH_S = 0.1
# Time before the first robot_state to detect another arm's node [s].
LISTEN_S = 0.5
TWO_ARMS = (
    'two arms would follow the same commands. Stop the other node, or give each arm its '
    'own namespace or ROS_DOMAIN_ID'
)


class FrankaNode(Node):
    """Connects topics and services to the arm's loop, which runs in its own thread."""

    def __init__(self, **options: Any) -> None:
        """Connect to the robot; nothing moves before `go_home`. Options go to rclpy's Node."""
        super().__init__('franka', **options)
        values = declare(self, PARAMETERS)
        if not values['robot_ip']:
            raise ConfigError("parameter robot_ip is empty; give the robot's address")
        home_rotation = Pose.from_quaternion(
            values['home_position'], values['home_quaternion']
        ).rotation
        limits = from_parameters(ArmLimits, values, home_rotation=home_rotation)
        self.get_logger().info(f'limits: {limits_text(values)}')
        joint_limits = from_parameters(JointLimits, values)
        gains = from_parameters(
            ArmGains, values, posture=values['home_joints'], joint_limits=joint_limits
        )
        self._home = home_pose(values, limits)
        self._spread = home_spread(values)
        settings = from_parameters(GripperSettings, values)
        bounds = Bounds(limits, joint_limits, values['home_joints'])
        self._controller = ArmController(limits, from_parameters(ArmTiming, values), bounds)
        collision = from_parameters(CollisionThresholds, values)
        allowed = values['allow_bound_above_collision']
        collision.check(gains.bound, None, allowed)
        self._diagnostics = Diagnostics(self, hardware_id=values['robot_ip'])
        self._sole = SolePublisher(self, RobotState, 'robot_state', OBSERVATION, TWO_ARMS)
        self._sole.listen(LISTEN_S)
        self._commanders = Commanders(self, 'command')
        self._state = self.create_publisher(RobotState, 'robot_state', OBSERVATION)
        self._joints = self.create_publisher(JointState, 'joint_states', OBSERVATION)
        arm = connected(
            values['robot_ip'], gains, collision, values['realtime'], values['connect_timeout_s']
        )
        problem = collision.check(gains.bound, arm.torque_at_joints(), allowed)
        state = arm.read()
        check_home(self._home, self._spread, bounds, state.joint_position, state.pose)
        self._joint_names = joint_names(
            values['joint_prefix'] or joint_prefix(arm.description()), values['gripper']
        )
        self._gripper = FrankaGripper(values['robot_ip'], settings) if values['gripper'] else None
        release = ResetRelease(values['reset_release'])
        self._loop = ArmLoop(
            arm,
            self._gripper,
            self._controller,
            values['rate_hz'],
            release,
            values['reset_lift_m'],
            self._publish,
        )
        # rclpy's types know no callback that takes a message's information too.
        on_command: Callable[..., None] = self._on_command
        self.create_subscription(EndEffectorCommand, 'command', on_command, COMMAND)
        self.create_subscription(Empty, 'emergency_stop', self._on_stop, COMMAND)
        if release == ResetRelease.HOME:
            self.create_subscription(
                OperatorVerdict, 'operator_verdict', self._on_verdict, COMMAND
            )
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
            f'{values["collision_torque"]} Nm at the joints'
        )
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
        problem = self._loop.command(
            action, stamp_to_ns(message.header.stamp), message.header.frame_id
        )
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

    def _on_recover(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
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
            if controller.mode == Mode.FAULT
            else 'stopped; call recover'
            if controller.mode == Mode.STOPPED
            else ''
        )
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
        opening = self._gripper.opening if self._gripper else 0.0
        message = robot_state(state, controller, opening)
        self._state.publish(message)
        finger = [FINGER_STROKE_M * opening] * 2 if self._gripper else []
        joints = JointState(
            name=self._joint_names,
            position=[*state.joint_position.tolist(), *finger],
            velocity=[*state.joint_velocity.tolist(), *(0.0 for _ in finger)],
            effort=[*state.joint_effort.tolist(), *(0.0 for _ in finger)],
        )
        joints.header.stamp = message.header.stamp
        self._joints.publish(joints)


def limits_text(values: dict[str, Any]) -> str:
    """Return the limits of the arm with their units, for the log."""
    return ', '.join(
        f'{name} {values[name]} {parameter.unit}'.rstrip()
        for name, parameter in parameters_of(ArmLimits, JointLimits).items()
    )


def robot_state(state: ArmState, controller: ArmController, opening: float) -> RobotState:
    """Return the message of a state; ``opening`` is that of the gripper, 0 to 1."""
    # The stamp of the reading: while the connection is lost, it does not change.
    return state_to_message(
        ns_to_stamp(state.stamp),
        state.pose.position,
        state.pose.quaternion,
        opening,
        twist=state.twist,
        wrench=state.wrench,
        mode=int(controller.mode),
        fault=int(controller.fault),
        fault_text=controller.fault_text,
        joint_position=to_array('d', state.joint_position),
        joint_velocity=to_array('d', state.joint_velocity),
        joint_effort=to_array('d', state.joint_effort),
    )


def main() -> None:
    """Run the node."""
    # Without shared memory, any user of this machine can send the emergency stop.
    run_node(FrankaNode, shared_memory=False)


if __name__ == '__main__':
    main()
