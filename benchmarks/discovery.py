# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Discovery time of nodes that start one after another, against ROS's default settings."""

import argparse
from contextlib import ExitStack
import json
import os
import subprocess
import sys
import time

import numpy as np

NODES, STAGGER_S, RUNS = 8, 0.2, 5
# Time after which all imports are complete.
READY_S = 3.0
PATIENCE_S = 30.0


def be_node(number: int, begin: float) -> None:
    """Run one node; print the times of its start and of the discovery of all others."""
    import rclpy
    from std_msgs.msg import Empty

    rclpy.init()
    time.sleep(max(0.0, begin + STAGGER_S * number - time.time()))
    node = rclpy.create_node(f'node{number}')
    publisher = node.create_publisher(Empty, f'topic{number}', 1)
    subscriptions = [
        node.create_subscription(Empty, f'topic{other}', lambda message: None, 1)
        for other in range(NODES)
        if other != number
    ]
    began = time.time()
    while publisher.get_subscription_count() < len(subscriptions):
        if time.time() > began + PATIENCE_S:
            raise RuntimeError(f'node {number} has not discovered the others after {PATIENCE_S} s')
        time.sleep(0.005)
    print(json.dumps([began, time.time()]), flush=True)
    sys.stdin.read()
    # No clean-up: Fast DDS can hang in it (see ros/exit_deadline.py), and all nodes end now.
    os._exit(0)


def last_found_s(run: int, environment: dict[str, str]) -> float:
    """Return the time from the start of the last node until all have discovered each other [s]."""
    begin = time.time() + READY_S
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, __file__, '--node', str(number), '--begin', str(begin)],
                    env={**environment, 'ROS_DOMAIN_ID': str(1 + (os.getpid() + run) % 100)},
                    text=True,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
            for number in range(NODES)
        ]
        times = [json.loads(node.stdout.readline()) for node in nodes]
        for node in nodes:
            node.stdin.close()
    began, found = zip(*times)
    return max(0.0, max(found) - max(began))


def measure() -> dict:
    """Return median and longest time with the suite's profile and without, alternating [s]."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if name != 'FASTRTPS_DEFAULT_PROFILES_FILE'
    }
    times = [
        (last_found_s(2 * run, dict(os.environ)), last_found_s(2 * run + 1, plain))
        for run in range(RUNS)
    ]
    return {
        name: {'p50': round(float(np.median(column)), 2), 'max': round(max(column), 2)}
        for name, column in zip(('discovery_s', 'discovery_default_s'), zip(*times))
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--node', type=int, help='node to run; used by this program itself')
    parser.add_argument('--begin', type=float)
    options = parser.parse_args()
    if options.node is None:
        print(json.dumps(measure(), indent=1))
    else:
        be_node(options.node, options.begin)
