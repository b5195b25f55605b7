# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's node over DDS, with the real franky, at a simulated Panda."""

import threading
import time

from commander import WAIT_S, Commander
import numpy as np
import pytest
import rclpy

from irevla_control.errors import ConfigError
from irevla_control.franka.franka_node import FrankaNode
from irevla_control.franka.joint_names import joint_names
from irevla_control.ros.conversions import action_to_message
from irevla_control.ros.qos import COMMAND
from irevla_msgs.msg import EndEffectorCommand, RobotState
from irevla_sim.circle import circle

HOLD_AFTER_S, MAX_SPEED = 0.3, 0.3


@pytest.fixture(scope='module')
def graph(ros, panda):
    node = FrankaNode(
        parameter_overrides=[
            rclpy.Parameter(name, value=value)
            for name, value in {
                'robot_ip': panda.address,
                'realtime': False,
                'hold_after_s': HOLD_AFTER_S,
                'max_speed': MAX_SPEED,
                'stop_after_s': 5.0,
                'recoveries': 20,
                'box_low': [0.3, -0.3, 0.05],
            }.items()
        ]
    )
    commander = Commander(node)
    commander.until(lambda: commander.states, WAIT_S, 'the first state')
    yield commander
    node.destroy_node()
    commander.node.destroy_node()


@pytest.fixture
def commander(graph):
    """Return a commander whose arm is at home and ready for commands."""
    if graph.state.mode in (RobotState.MODE_FAULT, RobotState.MODE_STOPPED):
        graph.until(lambda: graph.recover().success, WAIT_S, 'the word to recover')
        graph.until(lambda: graph.state.mode == RobotState.MODE_IDLE, WAIT_S, 'recovery')
    graph.go_home()
    for received in (graph.states, graph.refusals, graph.joints):
        del received[:-1]
    return graph


def test_states_and_joints_are_published_at_rate_hz(commander):
    commander.run(0.2)
    del commander.states[:-1], commander.joints[:-1]
    commander.run(2)
    assert len(commander.states) >= 80
    assert len(commander.joints) >= 80
    assert len(commander.joints[-1].position) == 9
    # The simulated robot describes itself as an FR3.
    assert commander.joints[-1].name == joint_names('fr3', hand=True)


def test_home_is_as_configured_and_its_offset_comes_from_the_seed(commander):
    exact = commander.position()
    assert np.linalg.norm(exact - [0.45, 0.0, 0.30]) < 0.006
    commander.go_home(seed=3)
    moved = commander.position()
    assert 0.005 < np.linalg.norm(moved - exact) < 0.06
    commander.go_home(seed=3)
    assert np.linalg.norm(commander.position() - moved) < 0.004


def test_a_circle_of_commands_is_tracked(commander, panda):
    # Joint friction stops the arm some millimetres off its setpoint, depending on its path: 3 mm
    # too low after the long first way home, from which the end of a circle takes 12 s to settle.
    commander.go_home(seed=3)
    commander.go_home()
    start, goal = commander.position(), np.zeros(3)
    radius = 0.05
    middle, off = start - [radius, 0, 0], []

    def move(delta, near):
        """Send a delta, then zeros until the arm is near; the arm is slow on a busy machine."""
        end = time.monotonic() + WAIT_S
        while True:
            commander.send(delta)
            commander.run(0.1)
            off.append(np.linalg.norm(commander.position() - middle) - radius)
            if np.linalg.norm(commander.position() - start - goal) < near:
                return
            assert time.monotonic() < end, f'the arm is not at {start + goal}'
            delta = np.zeros(3)

    began_s = panda.scene.read()[0]
    for delta in circle(radius, 40):
        goal = goal + delta
        move(delta, 0.01)
    move(np.zeros(3), 0.006)
    took_s = panda.scene.read()[0] - began_s
    print(f'{took_s:.1f} s of the simulated time')
    assert took_s < 10
    assert np.abs(off).max() < 0.012, off


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        ({'translation': (float('nan'), 0, 0)}, 'not finite'),
        ({'translation': (0.2, 0, 0)}, 'at most 0.05'),
        ({'rotation': (0, 0, 2.0)}, 'at most 0.3'),
        ({'frame': 'camera'}, "frame 'camera'"),
        ({'gripper': 7.0}, 'gripper opening'),
        ({'stamp': 1}, 'is not after'),
    ],
)
def test_an_invalid_command_is_refused_with_the_reason_and_moves_nothing(
    commander, changes, reason
):
    commander.stamp = 9
    commander.send()
    commander.run(0.1)
    before = commander.position()
    commander.send(**changes)
    commander.until(lambda: any(reason in text for text in commander.refusals), 5, reason)
    assert np.linalg.norm(commander.position() - before) < 0.002


def until_it_moves(commander):
    end = time.monotonic() + WAIT_S
    while commander.speed() < 0.1:
        assert time.monotonic() < end
        commander.send((0, 0.03, 0))
        commander.run(0.05)


def test_missing_commands_in_full_motion_hold_the_arm(commander):
    until_it_moves(commander)
    commander.until(lambda: commander.state.mode == RobotState.MODE_HOLDING, 2, 'holding')
    commander.until(lambda: commander.speed() < 0.01, WAIT_S, 'rest')
    commander.send((0, 0.01, 0))
    commander.until(lambda: commander.state.mode == RobotState.MODE_READY, 2, 'readiness')
    commander.until(lambda: commander.state.mode == RobotState.MODE_IDLE, WAIT_S, 'the end')
    pose = commander.position()
    commander.run(0.5)
    assert np.linalg.norm(commander.position() - pose) < 0.003


def test_two_senders_of_commands_hold_the_arm_and_are_named(commander):
    other = rclpy.create_node('second_policy')
    publisher = other.create_publisher(EndEffectorCommand, 'command', COMMAND)
    commander.until(publisher.get_subscription_count, WAIT_S, 'discovery')
    # A listed publisher that sends nothing is ignored.
    until_it_moves(commander)
    end = time.monotonic() + WAIT_S
    while commander.state.mode != RobotState.MODE_HOLDING:
        assert time.monotonic() < end
        commander.send((0, 0.01, 0))
        publisher.publish(
            action_to_message(
                [0, 0.01, 0, 0, 0, 0, 1.0],
                rclpy.time.Time(nanoseconds=commander.stamp + 1).to_msg(),
                'base',
                EndEffectorCommand.SOURCE_POLICY,
            )
        )
        commander.run(0.02)
    commander.until(
        lambda: any(
            'second_policy' in text and 'commander' in text for text in commander.refusals
        ),
        5,
        'both names',
    )
    other.destroy_node()
    end = time.monotonic() + WAIT_S
    while commander.state.mode != RobotState.MODE_READY:
        assert time.monotonic() < end
        commander.send((0, 0.001, 0))
        commander.run(0.02)


def test_a_second_arm_node_refuses_to_start_and_names_the_first(commander, panda):
    spinning = threading.Thread(target=commander.run, args=(1.0,))
    spinning.start()
    with pytest.raises(ConfigError, match=r'/franka\b.* already publishes robot_state'):
        FrankaNode(parameter_overrides=[rclpy.Parameter('robot_ip', value='127.0.0.250')])
    spinning.join()


def test_a_flood_of_commands_keeps_speed_and_box(commander):
    began, speeds = time.monotonic(), []
    # Long enough to reach the box's border; the simulated arm lags on busy cores.
    while (gone_s := time.monotonic() - began) < 3 or commander.position()[0] < 0.6:
        assert gone_s < WAIT_S, 'the arm did not reach the corner'
        commander.send((0.03, 0, -0.03))
        commander.executor.spin_once(timeout_sec=0.001)
        speeds.append(commander.speed())
    commander.run(0.5)
    assert max(speeds) < 2 * MAX_SPEED, f'{max(speeds):.2f} m/s'
    assert commander.position()[0] < 0.7 + 0.01
    assert commander.position()[2] > 0.05 - 0.01


def test_the_emergency_stop_stops_and_lasts_until_recovery(commander, panda):
    until_it_moves(commander)
    commander.stop()
    commander.until(lambda: commander.state.mode == RobotState.MODE_STOPPED, 2, 'the stop')
    panda.rests_within(WAIT_S)
    assert 'emergency stop' in commander.ask_home().text
    commander.send((0, 0.01, 0))
    commander.run(0.3)
    assert commander.state.mode == RobotState.MODE_STOPPED
    commander.until(lambda: commander.recover().success, WAIT_S, 'the word to recover')
    commander.until(lambda: commander.state.mode == RobotState.MODE_IDLE, WAIT_S, 'recovery')
    commander.go_home()


def test_a_grasp_closes_the_hand_and_delays_no_motion(commander):
    assert commander.state.gripper > 0.9
    del commander.states[:-1]
    end = time.monotonic() + WAIT_S
    while commander.state.gripper > 0.1 and time.monotonic() < end:
        commander.send((0.0005, 0, 0), gripper=0.0)
        commander.run(0.1)
    assert commander.state.gripper < 0.1
    closing = [state for _, state in commander.states if 0.2 < state.gripper < 0.8]
    assert len(closing) >= 5, 'no states during the motion of the fingers'
    commander.send(gripper=1.0)
    commander.until(lambda: commander.state.gripper > 0.9, WAIT_S, 'the hand open')


def test_a_reflex_is_a_fault_with_its_name_and_thresholds_are_set_at_connect_and_recovery(
    commander, panda
):
    received = panda.ask()['collision_behaviors']
    for bound in ('lower', 'upper'):
        for phase in ('acceleration', 'nominal'):
            assert received[-1][f'{bound}_torque_thresholds_{phase}'] == [40.0] * 4 + [20.0] * 3
            assert received[-1][f'{bound}_force_thresholds_{phase}'] == [60.0] * 3 + [25.0] * 3
    commander.send((0, 0.01, 0))
    panda.ask(reflex='cartesian_reflex')
    commander.until(lambda: commander.state.mode == RobotState.MODE_FAULT, 5, 'the fault')
    assert 'aborted by reflex! ["cartesian_reflex"]' in commander.state.fault_text
    assert 'above collision_force or collision_torque' in commander.state.fault_text
    assert '\n' not in commander.state.fault_text
    commander.until(lambda: commander.recover().success, WAIT_S, 'the word to recover')
    commander.until(lambda: commander.state.mode == RobotState.MODE_IDLE, WAIT_S, 'recovery')
    again = panda.ask()['collision_behaviors']
    assert len(again) == len(received) + 1
    assert again[-1] == received[-1]


def test_a_bound_above_the_thresholds_is_refused_before_the_connection(ros):
    with pytest.raises(ConfigError, match=r'may press with \[54.0, .* allow_bound_above'):
        FrankaNode(
            parameter_overrides=[
                rclpy.Parameter('robot_ip', value='127.9.9.9'),
                rclpy.Parameter('collision_force', value=[30.0] * 6),
            ]
        )


def test_a_refused_grasp_is_a_warning_and_no_fault(commander, panda):
    panda.ask(answers={'grasp': 'failed'})
    reason = 'the hand refused grasping: libfranka gripper: Command failed!'
    for _ in range(20):
        commander.send(gripper=0.0)
        commander.run(0.1)
        if any(reason in text for text in commander.refusals):
            break
    panda.ask(answers={})
    assert any(reason in text for text in commander.refusals)
    assert commander.state.mode == RobotState.MODE_READY
    assert commander.state.fault == RobotState.FAULT_NONE


def test_a_reset_opens_a_hand_on_a_handle_before_the_arm_moves(commander, panda):
    down_and_grasp(commander, panda)
    place = commander.position()
    del commander.states[:-1]
    assert commander.ask_home().accepted
    commander.until(lambda: commander.state.gripper > 0.9, WAIT_S, 'open fingers')
    commander.until(lambda: commander.state.mode == RobotState.MODE_READY, WAIT_S, 'home')
    panda.ask(fasten=['red block', False])
    path = np.array(
        [
            [s.pose.position.x, s.pose.position.y, s.pose.position.z, s.gripper]
            for _, s in commander.states
        ]
    )
    opening = np.flatnonzero(path[:, 3] < 0.9)[-1]
    assert np.linalg.norm(path[:opening, :3] - place, axis=1).max() < 0.003
    assert path[:, 2].max() > place[2] + 0.04


def down_and_grasp(commander, panda):
    """Close the hand on a handle, 7 cm below home."""
    place = commander.position() - [0, 0, 0.07]
    for _ in range(2):
        commander.send((0, 0, -0.035))
        commander.run(0.05)
    end = time.monotonic() + WAIT_S
    while np.linalg.norm(commander.position() - place) > 0.015 or commander.speed() > 0.01:
        assert time.monotonic() < end, (commander.position(), place, commander.refusals)
        commander.send()
        commander.run(0.05)
    panda.ask(put=['red block', commander.position().tolist()], fasten=['red block', True])
    closed = [1.0]
    while closed[-1] > 0.7 or len(closed) < 5 or np.ptp(closed[-5:]) > 0.005:
        assert time.monotonic() < end, closed
        commander.send(gripper=0.0)
        commander.run(0.1)
        closed.append(commander.state.gripper)
    assert closed[-1] > 0.3, 'nothing is between the fingers'


def test_a_cut_connection_is_a_fault_until_recovery(commander, panda):
    commander.send((0, 0.01, 0))
    commander.run(0.1)
    panda.kill()
    commander.until(lambda: commander.state.mode == RobotState.MODE_FAULT, 5, 'the fault')
    assert commander.state.fault != RobotState.FAULT_NONE
    assert commander.state.fault_text
    assert not commander.ask_home().accepted
    panda.start()
    commander.until(lambda: commander.recover().success, WAIT_S, 'recovery begun')
    commander.until(lambda: commander.state.mode == RobotState.MODE_IDLE, WAIT_S, 'recovery')
    commander.go_home()
