# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""DirectExecutor beside rclpy's EventsExecutor (from Jazzy on) and SingleThreadedExecutor.

From benchmarks/: python -m libraries.executors
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
import json
import subprocess
import sys
import time
from typing import Any

from libraries.node_starts import EXECUTORS, starts
import psutil
import rclpy
from rclpy.node import Node
from timing import percentiles

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.qos import COMMAND, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, RobotState

WARM_UP = 50
ANSWER_TIMEOUT_S = 5.0
TIMER_HZ = 1000
TURNS = 2


def echo(kind: str) -> None:
    """Send back every command."""
    node = rclpy.create_node(f'echo_{kind}')
    back = node.create_publisher(EndEffectorCommand, f'{kind}_back', COMMAND)
    node.create_subscription(EndEffectorCommand, f'{kind}_out', back.publish, COMMAND)
    spin(kind, node)


def tick(kind: str) -> None:
    """Publish a state at 1 kHz and receive it; print the number received in each second."""
    node = rclpy.create_node(f'tick_{kind}')
    message, received = RobotState(), [0]
    publisher = node.create_publisher(RobotState, 'state', OBSERVATION)

    def on_state(state: RobotState) -> None:
        received[0] += 1
        if not received[0] % TIMER_HZ:
            print(received[0], flush=True)

    node.create_subscription(RobotState, 'state', on_state, OBSERVATION)
    node.create_timer(1 / TIMER_HZ, lambda: publisher.publish(message))
    spin(kind, node)


def spin(kind: str, node: Node) -> None:
    """Spin a node until the process is ended."""
    executor = EXECUTORS[kind]()
    executor.add_node(node)
    while True:
        executor.spin_once(timeout_sec=1.0)


ROLES = {'echo': echo, 'tick': tick}


@contextmanager
def playing(role: str, kind: str) -> Iterator[subprocess.Popen]:
    """Run a role in a separate process."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'libraries.executors', role, kind],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Pinger:
    """Sends commands to `echo`, both with one executor."""

    def __init__(self, kind: str) -> None:
        """Create the node and wait for its peer."""
        self.node = rclpy.create_node(f'ping_{kind}')
        self._executor = EXECUTORS[kind]()
        self._executor.add_node(self.node)
        self._out = self.node.create_publisher(EndEffectorCommand, f'{kind}_out', COMMAND)
        self.node.create_subscription(EndEffectorCommand, f'{kind}_back', self._on_back, COMMAND)
        self._message, self._back = EndEffectorCommand(), -1
        self._spin_until(
            lambda: (
                self._out.get_subscription_count() and self.node.count_publishers(f'{kind}_back')
            ),
            30.0,
        )
        time.sleep(0.5)

    def _on_back(self, message: EndEffectorCommand) -> None:
        self._back = message.header.stamp.nanosec

    def _spin_until(self, condition: Callable[[], object], timeout_s: float) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(f'no answer came within {timeout_s} s')
            self._executor.spin_once(timeout_sec=0.1)

    def ping(self, number: int) -> float:
        """Return the time of a round trip [s]."""
        self._message.header.stamp.nanosec = number
        began = time.perf_counter()
        self._out.publish(self._message)
        self._spin_until(lambda: self._back == number, ANSWER_TIMEOUT_S)
        return time.perf_counter() - began


def round_trips(pings: int) -> dict[str, dict[str, float]]:
    """Return p50 and p99 of a round trip between two processes [ms], for each executor in turn."""
    rclpy.init()
    with ExitStack() as stack:
        for kind in EXECUTORS:
            stack.enter_context(playing('echo', kind))
        pingers = {kind: Pinger(kind) for kind in EXECUTORS}
        times: dict[str, list[float]] = {kind: [] for kind in EXECUTORS}
        for number in range(WARM_UP + pings):
            for kind, pinger in pingers.items():
                times[kind].append(pinger.ping(number))
        for pinger in pingers.values():
            pinger.node.destroy_node()
    rclpy.shutdown()
    return {kind: percentiles(each[WARM_UP:]) for kind, each in times.items()}


def cpu_shares(seconds: int) -> dict[str, dict[str, float]]:
    """Return the share of a core for a timer, a publisher and a subscription at 1 kHz."""
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in EXECUTORS}
    for _ in range(TURNS):
        for kind in EXECUTORS:
            with playing('tick', kind) as process:
                assert process.stdout is not None
                process.stdout.readline()
                began, before = time.perf_counter(), psutil.Process(process.pid).cpu_times()
                for _ in range(seconds):
                    process.stdout.readline()
                taken, after = (
                    time.perf_counter() - began,
                    psutil.Process(process.pid).cpu_times(),
                )
            busy = after.user + after.system - before.user - before.system
            found[kind].append((busy / taken, seconds * TIMER_HZ / taken))
    return {
        kind: {
            'cpu_share': round(min(share for share, _ in turns), 3),
            'hz': round(max(rate for _, rate in turns), 1),
        }
        for kind, turns in found.items()
    }


def measure(pings: int = 1000, seconds: int = 2, number: int = 100) -> dict:
    """Return all figures of the executors, and the ratio of ours to EventsExecutor's."""
    # A separate domain, in case other graphs run on this machine.
    use_own_domain()
    found: dict[str, Any] = {
        'round_trip_ms': round_trips(pings),
        'at_1_khz': cpu_shares(seconds),
        'starts': {kind: starts(kind, number) for kind in EXECUTORS},
    }
    if 'events' in EXECUTORS:
        for name, figure in (('round_trip_ms', 'p50'), ('at_1_khz', 'cpu_share')):
            found[f'{name}_vs_events'] = round(
                found[name]['ours'][figure] / found[name]['events'][figure], 2
            )
    return {'executors': found}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('role', nargs='?', choices=ROLES, help='for this program itself')
    parser.add_argument('kind', nargs='?', choices=EXECUTORS, help='for this program itself')
    parser.add_argument('--pings', type=int, default=1000, help='of each executor')
    parser.add_argument('--seconds', type=int, default=2, help='at 1 kHz, each time')
    parser.add_argument('--starts', type=int, default=100, help='of nodes, with each executor')
    options = parser.parse_args()
    if options.role:
        rclpy.init()
        ROLES[options.role](options.kind)
    else:
        print(json.dumps(measure(options.pings, options.seconds, options.starts), indent=1))


if __name__ == '__main__':
    main()
