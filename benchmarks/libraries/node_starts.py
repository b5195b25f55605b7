# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Starts and ends nodes repeatedly with different executors, and counts those that hang.

From benchmarks/: python -m libraries.node_starts --starts 1000
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import faulthandler
from functools import partial
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

import rclpy
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import Duration, HistoryPolicy, LivelinessPolicy, QoSProfile, ReliabilityPolicy

from irevla_control.checks.own_domain import use_own_domain
from irevla_control.ros.executor import DirectExecutor
from irevla_control.ros.qos import EVENT, OBSERVATION
from irevla_msgs.msg import EndEffectorCommand, EpisodeState

EXECUTORS: dict[str, Callable[[], Executor]] = {
    'ours': DirectExecutor,
    'single': SingleThreadedExecutor,
}
if find_spec('rclpy.experimental'):
    from rclpy.experimental import EventsExecutor

    EXECUTORS['events'] = EventsExecutor
# Time after which a start counts as hung [s]; successful ones took up to 6.4 s on a busy machine.
HANGS_AFTER_S = 15.0
# Longest time that a started node spins [s].
LIFE_S = 0.3
# Deadline that every publisher misses, to cause QoS events [s].
DEADLINE_S = 0.005


def start(kind: str, all_events: bool) -> None:
    """Start and end nodes with all kinds of entities, parallel to a peer; print a line for each.

    Guard conditions are left out for EventsExecutor, which refuses them.
    """
    faulthandler.register(signal.SIGUSR1)
    while True:
        rclpy.init()
        node = rclpy.create_node(f'start_{kind}_{os.getpid()}')
        heard = _Everything(node, kind != 'events', all_events)
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
    """Topics, a timer, a guard condition, parameter services and QoS events of a node.

    Without ``all_events``, it has only the events that rclpy adds itself, like the suite's nodes.
    """

    def __init__(self, node: Node, guards: bool, all_events: bool) -> None:
        self.counts = {'messages': 0, 'events': 0, 'guards': 0}
        promised = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=1,
            reliability=ReliabilityPolicy.RELIABLE,
            deadline=Duration(nanoseconds=int(1e9 * DEADLINE_S)),
            liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
            liveliness_lease_duration=Duration(nanoseconds=int(1e9 * DEADLINE_S)),
        )
        best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
        message, event = self._counter('messages'), self._counter('events')
        on_subscription = on_publisher = None
        if all_events:
            on_subscription = SubscriptionEventCallbacks(
                deadline=event, liveliness=event, matched=event, incompatible_qos=event
            )
            on_publisher = PublisherEventCallbacks(
                deadline=event, liveliness=event, matched=event, incompatible_qos=event
            )
        # The second topic offers best effort to a subscription that requires reliable.
        for name, offered, wanted in (
            ('command', promised, promised),
            ('incompatible', best_effort, OBSERVATION),
        ):
            node.create_subscription(
                EndEffectorCommand, name, message, wanted, event_callbacks=on_subscription
            )
            publisher = node.create_publisher(
                EndEffectorCommand, name, offered, event_callbacks=on_publisher
            )
            node.create_timer(2 * DEADLINE_S, partial(publisher.publish, EndEffectorCommand()))
        node.create_subscription(EpisodeState, 'episode', message, EVENT)
        node.create_publisher(EpisodeState, 'episode', EVENT).publish(EpisodeState())
        if guards:
            guard = node.create_guard_condition(self._counter('guards'))
            node.create_timer(2 * DEADLINE_S, guard.trigger)

    def _counter(self, what: str) -> Callable:
        def count(message: object = None) -> None:
            self.counts[what] += 1

        return count

    def enough(self) -> bool:
        return self.counts['messages'] > 5


@contextmanager
def starting(kind: str, all_events: bool, errors: IO) -> Iterator[subprocess.Popen]:
    """Run `start` in a separate process."""
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'libraries.node_starts',
            '--start',
            kind,
            *([] if all_events else ['--default-events']),
        ],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def starts(kind: str, number: int, all_events: bool = True) -> dict[str, Any]:
    """Return counts and hangs of two processes that start and end nodes at the same time.

    ``hung_in``: functions of the main thread at each hang, the innermost first.
    """
    done, hung_in, longest_s = 0, [], 0.0
    heard = {'messages': 0, 'events': 0, 'guards': 0}
    while done < number:
        with (
            tempfile.TemporaryFile('w+') as errors,
            starting(kind, all_events, errors) as one,
            starting(kind, all_events, errors) as other,
        ):
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
    return {
        'starts': done,
        'hangs': len(hung_in),
        'hung_in': hung_in,
        'longest_s': round(longest_s, 2),
        **heard,
    }


def _lines(processes: dict[subprocess.Popen, float]) -> list[tuple[subprocess.Popen, str]]:
    """Return the received lines of counts, each with its process; skip the middleware's lines."""
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
    # The main thread is last in the trace.
    trace = errors.read().rpartition('most recent call first')[2]
    return ' < '.join(re.findall(r' in (\w+)$', trace, re.M)[:4])


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--start', choices=EXECUTORS, help='for this program itself')
    parser.add_argument('--starts', type=int, default=100, help='of nodes, with each executor')
    parser.add_argument('--executors', nargs='*', default=tuple(EXECUTORS), choices=EXECUTORS)
    parser.add_argument(
        '--default-events',
        action='store_true',
        help='only the QoS events that rclpy adds by itself',
    )
    options = parser.parse_args()
    if options.start:
        start(options.start, not options.default_events)
    else:
        use_own_domain()
        print(
            json.dumps(
                {
                    kind: starts(kind, options.starts, not options.default_events)
                    for kind in options.executors
                },
                indent=1,
            )
        )


if __name__ == '__main__':
    main()
