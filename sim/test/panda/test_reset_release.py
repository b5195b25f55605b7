# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A reset with a closed hand: on a handle, and with a block that it carries home."""

import pytest
import rclpy
from test_franka_node import WAIT_S, Commander, down_and_grasp

from irevla_control.franka.franka_node import FrankaNode
from irevla_control.ros.qos import COMMAND
from irevla_msgs.msg import OperatorVerdict, RobotState
from irevla_sim.panda.table.objects import TableState


@pytest.fixture
def commander(ros, panda):
    node = FrankaNode(
        parameter_overrides=[
            rclpy.Parameter(name, value=value)
            for name, value in {
                'robot_ip': panda.address,
                'realtime': False,
                'held_back_s': 0.5,
                'reset_release': 'home',
                'reset_lift_m': 0.06,
                # Weaker than the friction between simulated fingers and handle.
                'stiffness': 400.0,
                'collision_torque': [9.0] * 7,
                'allow_bound_above_collision': True,
            }.items()
        ]
    )
    assert panda.ask()['collision_behaviors'][-1]['upper_torque_thresholds_nominal'] == [9.0] * 7
    commander = Commander(node)
    commander.until(lambda: commander.states, WAIT_S, 'the first state')
    yield commander
    node.destroy_node()
    commander.node.destroy_node()


def test_a_closed_hand_is_blocked_by_a_handle_carries_a_block_and_opens_at_the_press(
    commander, panda
):
    verdict = commander.node.create_publisher(OperatorVerdict, 'operator_verdict', COMMAND)
    commander.go_home()
    down_and_grasp(commander, panda)
    assert commander.ask_home().accepted
    commander.until(lambda: commander.state.mode == RobotState.MODE_FAULT, WAIT_S, 'the fault')
    assert 'set reset_release: here' in commander.state.fault_text
    panda.ask(fasten=['red block', False])
    commander.until(lambda: commander.recover().success, WAIT_S, 'the word to recover')
    commander.until(lambda: commander.state.mode == RobotState.MODE_IDLE, WAIT_S, 'recovery')
    commander.go_home()

    def height():
        return TableState(panda.scene.read()[1]).thing('red block')[0][2]

    assert commander.state.gripper < 0.7
    assert height() > 0.25, 'the block stayed on the table'
    verdict.publish(OperatorVerdict(verdict=OperatorVerdict.SUCCESS))
    commander.until(
        lambda: commander.state.mode == RobotState.MODE_RESETTING, WAIT_S, 'the opening'
    )
    commander.until(lambda: commander.state.mode == RobotState.MODE_READY, WAIT_S, 'readiness')
    assert commander.state.gripper > 0.9
    assert height() < 0.2
    del commander.states[:-1]
    verdict.publish(OperatorVerdict(verdict=OperatorVerdict.SUCCESS))
    commander.run(0.3)
    assert RobotState.MODE_RESETTING not in {state.mode for _, state in commander.states}, 'again'
