# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Starts and stops the robot's graph with simulated hardware many times; counts what remains.

``python benchmarks/up_and_down.py`` writes docs/results/up_and_down.json; ``make bench`` does not
run it, because it takes ten minutes.
"""

import argparse
import contextlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import tempfile
import time

import psutil
import rclpy

from irevla_control.progress_bar import progress_bar
from irevla_control.ros.node import HANGS
from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import RobotState

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path('/dev/shm')
ADDRESS, NAMESPACE = '127.0.5.1', 'up_and_down'
UP_WITHIN_S, DOWN_WITHIN_S = 60.0, 30.0


def left_behind() -> list[str]:
    """Return the command lines of processes of the graph that still run."""
    found = []
    for process in psutil.process_iter(['cmdline']):
        words = ' '.join(process.info['cmdline'] or [])
        ours = ADDRESS in words or f'__ns:=/{NAMESPACE}' in words
        if ours and process.pid != psutil.Process().pid:
            found.append(words[:120])
    return found


def up_and_down(log: Path, bags: Path) -> tuple[float, float, int]:
    """Launch, wait for states of the arm, press Ctrl-C.

    Returns the times of start and end [s], and the number of nodes that ended themselves because
    the middleware hung.

    Raises:
        RuntimeError: it did not start or not end, or a process crashed or had to be killed.

    """
    began = time.monotonic()
    with log.open('w') as file:
        launch = subprocess.Popen(
            [
                'ros2',
                'launch',
                'irevla_bringup',
                'teleop.launch.py',
                'use_fake_hardware:=true',
                f'robot_ip:={ADDRESS}',
                f'namespace:={NAMESPACE}',
                'operator:=scripted',
                'tasks:=pick-carrot',
                'episodes:=100',
                'image_size:=84',
                'fps:=10',
                f'bags:={bags}',
            ],
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    node = rclpy.create_node('up_and_down')
    states: list[RobotState] = []
    node.create_subscription(RobotState, f'/{NAMESPACE}/robot_state', states.append, OBSERVATION)
    while not any(state.mode == RobotState.MODE_READY for state in states):
        rclpy.spin_once(node, timeout_sec=0.1)
        del states[:-1]
        if time.monotonic() - began > UP_WITHIN_S or launch.poll() is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(launch.pid, signal.SIGKILL)
            raise RuntimeError(f'it did not start; {log} ends with:\n{log.read_text()[-3000:]}')
    node.destroy_node()
    up = time.monotonic()
    launch.send_signal(signal.SIGINT)
    try:
        launch.wait(DOWN_WITHIN_S)
    except subprocess.TimeoutExpired:
        os.killpg(launch.pid, signal.SIGKILL)
        raise RuntimeError(f'it did not end within {DOWN_WITHIN_S} s') from None
    ended = log.read_text()
    cut_off = ended.count(HANGS)
    # The launch escalates from Ctrl-C to SIGTERM, then to SIGKILL.
    if max(ended.count('has died'), ended.count('escalating to')) > cut_off:
        raise RuntimeError(f'not all ended by themselves:\n{ended[-3000:]}')
    return up - began, time.monotonic() - up, cut_off


def main() -> None:
    """Start and stop the graph; print what remains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--times', type=int, default=50)
    options = parser.parse_args()
    rclpy.init()
    ups, downs, shared, cut_off = [], [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in progress_bar(range(options.times), 'up and down', options.times, unit='time'):
            up, down, cut = up_and_down(Path(folder) / 'log', Path(folder) / 'bags')
            cut_off += cut
            ups.append(round(up, 2))
            downs.append(round(down, 2))
            orphans = left_behind()
            if orphans:
                sys.exit(f'still running: {orphans}')
            shared.append(len(list(SHARED.iterdir())))
    rclpy.try_shutdown()
    result = {
        'times': len(ups),
        'up_s': ups,
        'down_s': downs,
        'orphans': 0,
        'nodes_cut_off': cut_off,
        'files_in_shared_memory': shared,
    }
    (ROOT / 'docs/results/up_and_down.json').write_text(json.dumps(result) + '\n')
    print(
        f'{len(ups)} times: up in {max(ups)} s, down in {max(downs)} s at most; {cut_off} nodes '
        f'were cut off; files in /dev/shm {shared[0]} after the first, {shared[-1]} after the '
        'last'
    )


if __name__ == '__main__':
    main()
