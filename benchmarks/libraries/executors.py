# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""DirectExecutor beside rclpy's EventsExecutor (from Jazzy on) and SingleThreadedExecutor.

From benchmarks/: python -m libraries.executors --starts 1000
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
import faulthandler
from importlib.util import find_spec
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO, Any

import psutil
import rclpy
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import Duration, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy
from timing import percentiles

from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import COMMAND, EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState, RobotState

EXECUTORS: dict[str, Callable[[], Executor]] = {
    'ours': DirectExecutor, 'single': SingleThreadedExecutor}
if find_spec('rclpy.experimental'):
    from rclpy.experimental import EventsExecutor
    EXECUTORS['events'] = EventsExecutor
WARM_UP = 50
ANSWER_TIMEOUT_S = 5.0
TIMER_HZ = 1000
TURNS = 2
# A start that takes longer than this hangs: the longest whole ones take a tenth of it [s].
HANGS_AFTER_S = 15.0
# How long a started node spins at most before it ends [s].
LIFE_S = 0.3
# Every publisher breaks this promise, and so causes events [s].
DEADLINE_S = 0.005


def echo(kind: str) -> None:
    """Send back every command."""
    node = rclpy.create_node(f'echo_{kind}')
    back = node.create_publisher(EndEffectorCommand, f'{kind}_back', COMMAND)
    node.create_subscription(EndEffectorCommand, f'{kind}_out', back.publish, COMMAND)
    spin(kind, node)


def tick(kind: str) -> None:
    """Publish a state at 1 kHz and receive it; print how many came each second."""
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


def start(kind: str) -> None:
    """Begin and end nodes with all that a node can have, while a peer does; a line for each.

    EventsExecutor refuses guard conditions.
    """
    faulthandler.register(signal.SIGUSR1)
    while True:
        rclpy.init()
        node = rclpy.create_node(f'start_{kind}_{os.getpid()}')
        heard = _Everything(node, guards=kind != 'events')
        executor = EXECUTORS[kind]()
        executor.add_node(node)
        end = time.monotonic() + LIFE_S
        while time.monotonic() < end and not heard.enough():
            executor.spin_once(timeout_sec=0.05)
        executor.remove_node(node)
        executor.shutdown()
        node.destroy_node()
        rclpy.shutdown()
        print(json.dumps(heard.counts), flush=True)


class _Everything:
    """Topics, a timer, a guard condition, parameter services and every QoS event of a node."""

    def __init__(self, node: Node, guards: bool) -> None:
        self.counts = {'messages': 0, 'events': 0, 'guards': 0}
        promised = QoSProfile(
            history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE,
            deadline=Duration(nanoseconds=int(1e9 * DEADLINE_S)),
            liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
            liveliness_lease_duration=Duration(nanoseconds=int(1e9 * DEADLINE_S)))
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        message, event = self._counter('messages'), self._counter('events')
        # Nothing but best effort is offered to a subscription that wants more.
        node.create_subscription(RobotState, 'incompatible', message, OBSERVATION,
                                 event_callbacks=SubscriptionEventCallbacks(
                                     incompatible_qos=event))
        node.create_publisher(RobotState, 'incompatible', best_effort,
                              event_callbacks=PublisherEventCallbacks(incompatible_qos=event))
        node.create_subscription(EndEffectorCommand, 'command', message, promised,
                                 event_callbacks=SubscriptionEventCallbacks(
                                     deadline=event, liveliness=event, matched=event))
        command = node.create_publisher(
            EndEffectorCommand, 'command', promised, event_callbacks=PublisherEventCallbacks(
                deadline=event, liveliness=event, matched=event))
        node.create_subscription(EpisodeState, 'episode', message, EVENT)
        node.create_publisher(EpisodeState, 'episode', EVENT).publish(EpisodeState())
        guard = node.create_guard_condition(self._counter('guards', False)) if guards else None

        def on_timer() -> None:
            command.publish(EndEffectorCommand())
            if guard is not None:
                guard.trigger()

        node.create_timer(2 * DEADLINE_S, on_timer)

    def _counter(self, what: str, takes: bool = True) -> Callable:
        def count(*_: object) -> None:
            self.counts[what] += 1
        return count if takes else lambda: count()

    def enough(self) -> bool:
        return self.counts['messages'] > 5 and self.counts['events'] > 5


def spin(kind: str, node: Node) -> None:
    """Spin a node until the process is ended."""
    executor = EXECUTORS[kind]()
    executor.add_node(node)
    while True:
        executor.spin_once(timeout_sec=1.0)


ROLES = {'echo': echo, 'tick': tick, 'start': start}


@contextmanager
def playing(role: str, kind: str, errors: IO | None = None) -> Iterator[subprocess.Popen]:
    """Run a role in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-m', 'libraries.executors', role, kind],
        stdout=subprocess.PIPE, stderr=errors, text=True)
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
        self.node.create_subscription(
            EndEffectorCommand, f'{kind}_back', self._on_back, COMMAND)
        self._message, self._back = EndEffectorCommand(), -1
        self._spin_until(lambda: self._out.get_subscription_count()
                         and self.node.count_publishers(f'{kind}_back'), 30.0)
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
    """Return p50 and p99 of a round trip over two processes [ms], one executor after another."""
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
    """Return the share of a core that timer, publisher and subscription at 1 kHz take."""
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in EXECUTORS}
    for _ in range(TURNS):
        for kind in EXECUTORS:
            with playing('tick', kind) as process:
                assert process.stdout is not None
                process.stdout.readline()
                began, before = time.perf_counter(), psutil.Process(process.pid).cpu_times()
                for _ in range(seconds):
                    process.stdout.readline()
                taken, after = (time.perf_counter() - began,
                                psutil.Process(process.pid).cpu_times())
            busy = after.user + after.system - before.user - before.system
            found[kind].append((busy / taken, seconds * TIMER_HZ / taken))
    return {kind: {'cpu_share': round(min(share for share, _ in turns), 3),
                   'hz': round(max(rate for _, rate in turns), 1)}
            for kind, turns in found.items()}


def starts(kind: str, number: int) -> dict[str, Any]:
    """Return what two processes that begin and end nodes at the same time did, and their hangs.

    ``hung_in``: functions of the main thread at each hang, the innermost first.
    """
    done, hung_in, longest_s = 0, [], 0.0
    heard = {'messages': 0, 'events': 0, 'guards': 0}
    while done < number:
        with tempfile.TemporaryFile('w+') as errors, \
                playing('start', kind, errors) as one, playing('start', kind, errors) as other:
            last = dict.fromkeys((one, other), time.monotonic())
            while done < number:
                for process, line in _lines(last):
                    now = time.monotonic()
                    longest_s = max(longest_s, now - last[process])
                    last[process] = now
                    done += 1
                    for name, count in json.loads(line).items():
                        heard[name] += count
                hanging = min(last, key=lambda process: last[process])
                if time.monotonic() - last[hanging] > HANGS_AFTER_S:
                    hung_in.append(_place(hanging, errors))
                    break
    return {'starts': done, 'hangs': len(hung_in), 'hung_in': hung_in,
            'longest_s': round(longest_s, 2), **heard}


def _lines(processes: dict[subprocess.Popen, float]) -> list[tuple[subprocess.Popen, str]]:
    """Return the lines of counts that came, of which process each; the middleware writes too."""
    by_pipe = {process.stdout: process for process in processes}
    ready = select.select(list(by_pipe), [], [], 0.5)[0]
    found = [(by_pipe[pipe], pipe.readline()) for pipe in ready]
    for process, line in found:
        if not line:
            raise RuntimeError(f'a process ended with status {process.wait()}')
    return [(process, line) for process, line in found if line.startswith('{')]


def _place(process: subprocess.Popen, errors: IO) -> str:
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.5)
    errors.seek(0)
    # The main thread is the last one.
    trace = errors.read().rpartition('most recent call first')[2]
    return ' < '.join(re.findall(r' in (\w+)$', trace, re.M)[:4])


def measure(pings: int = 1000, seconds: int = 2, number: int = 100) -> dict:
    """Return all figures of the executors, and ours as a multiple of EventsExecutor's."""
    # A separate domain, in case other graphs run on this machine.
    os.environ['ROS_DOMAIN_ID'] = str(1 + os.getpid() % 100)
    found: dict[str, Any] = {'round_trip_ms': round_trips(pings), 'at_1_khz': cpu_shares(seconds),
                             'starts': {kind: starts(kind, number) for kind in EXECUTORS}}
    if 'events' in EXECUTORS:
        for name, figure in (('round_trip_ms', 'p50'), ('at_1_khz', 'cpu_share')):
            found[f'{name}_vs_events'] = round(
                found[name]['ours'][figure] / found[name]['events'][figure], 2)
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
        if options.role != 'start':
            rclpy.init()
        ROLES[options.role](options.kind)
    else:
        print(json.dumps(measure(options.pings, options.seconds, options.starts), indent=1))


if __name__ == '__main__':
    main()
