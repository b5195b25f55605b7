# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The emergency stop as a program: ``ros2 run irevla_control stop``, for any user of the machine.

It sends the request until `robot_state` reports that the arm is stopped. If that is not reported,
it ends with status 1: then use the robot's stop button.
"""

import argparse
import os
from pathlib import Path
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from std_msgs.msg import Empty

from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.middleware import PROFILES, leave_shared_memory
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_msgs.msg import RobotState

# Interval between requests [s].
AGAIN_S = 0.02


class StopError(IrevlaError):
    """The arm did not report that it is stopped."""


class Stopper:
    """Publishes `emergency_stop` until `robot_state` reports STOPPED."""

    def __init__(self, node: Node) -> None:
        """Create the topics on ``node``."""
        self._node = node
        self._state: RobotState | None = None
        self._executor = DirectExecutor()
        self._executor.add_node(node)
        self._publisher = node.create_publisher(Empty, 'emergency_stop', COMMAND)
        node.create_subscription(RobotState, 'robot_state', self._on_state, OBSERVATION)

    def _on_state(self, message: RobotState) -> None:
        self._state = message

    def stop(self, within_s: float) -> None:
        """Send requests until the arm is stopped.

        Raises:
            StopError: the arm does not report it within ``within_s``; the text has the state.

        """
        end, again = time.monotonic() + within_s, 0.0
        while self._state is None or self._state.mode != RobotState.MODE_STOPPED:
            now = time.monotonic()
            if now >= end:
                raise StopError(
                    f'the arm did not report a stop within {within_s:g} s: '
                    f'{self._status()}. Press the stop button of the robot'
                )
            if now >= again:
                self._publisher.publish(Empty())
                again = now + AGAIN_S
            self._executor.spin_once(timeout_sec=min(AGAIN_S, end - now))

    def _status(self) -> str:
        where = (
            f'{self._node.resolve_topic_name("emergency_stop")} of ROS_DOMAIN_ID '
            f'{os.environ.get("ROS_DOMAIN_ID", "0")}'
        )
        listeners = self._publisher.get_subscription_count()
        if self._state is not None:
            return f'{listeners} listen to {where}, robot_state reports mode {self._state.mode}'
        if listeners:
            return f'{listeners} listen to {where}, but no robot_state arrives'
        return (
            f'no node listens to {where}; source env.sh, and set domain and namespace '
            '(--ros-args -r __ns:=/NAME) of the arm'
        )


def age_s() -> float:
    """Return the time since this process was started [s], to 0.01."""
    # Field 22; the second field, a name in brackets, may contain spaces.
    started = Path('/proc/self/stat').read_text().rpartition(')')[2].split()[19]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(started) / os.sysconf('SC_CLK_TCK')


def main() -> None:
    """Stop the arm; print the time since the start of this process."""
    parser = argparse.ArgumentParser('ros2 run irevla_control stop', description=__doc__)
    parser.add_argument(
        '--within', type=float, default=5.0, metavar='S', help='time after which it gives up [s]'
    )
    options = parser.parse_args(remove_ros_args(sys.argv)[1:])
    try:
        leave_shared_memory()
    except ConfigError as error:
        # A stop works without the profile: the arm's node does not use shared memory.
        print(f'stop: {error}; continues without it', file=sys.stderr, flush=True)
        del os.environ[PROFILES]
    rclpy.init()
    node = rclpy.create_node('stop')
    try:
        Stopper(node).stop(options.within)
    except StopError as error:
        sys.exit(f'stop: {error}')
    finally:
        took_ms = 1e3 * age_s()
        node.destroy_node()
        rclpy.try_shutdown()
    print(f'stopped within {took_ms:.0f} ms of the call; `recover` releases it')


if __name__ == '__main__':
    main()
